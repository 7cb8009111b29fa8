import { message, parse } from "../errors/proto-writer.ts";
import { frame, RawClient } from "../errors/raw-client.ts";

/** A key goes away at most so long after its lease has ended (etcd looks every 500 ms). */
const LATE_MS = 1600;
const POLL_MS = 50;
const WATCH_MS = 6500;
const RENEW_EVERY_MS = 700;

/** What happens to leases of a few seconds: how long their keys were there. */
const LEASES = [
  { id: 101n, ttl: 2, keys: ["two c", "two a", "two b"], renewedMs: 0 },
  { id: 102n, ttl: 3, keys: ["three"], renewedMs: 0 },
  { id: 103n, ttl: 2, keys: ["renewed"], renewedMs: 2800 },
  { id: 104n, ttl: 1, keys: ["one"], renewedMs: 0 },
  { id: 105n, ttl: 2, keys: [], renewedMs: 0 },
  { id: 106n, ttl: 2, keys: ["detached"], renewedMs: 0 },
] as const;
const TTL_LEAST_S = 2;
const MS_PER_S = 1000;

/** How leases ended on one server. */
export interface Ending {
  /** A key that went too early or too late. */
  readonly problem: string | null;
  /** Revision and keys after all. */
  readonly left: string;
}

/** Grants short leases, and looks when their keys go. */
export async function endings(endpoint: string): Promise<Ending> {
  const client = new RawClient(endpoint);
  const call = async (path: string, body: Uint8Array): Promise<Uint8Array> =>
    (await client.call({ path: `/etcdserverpb.${path}`, body: frame(body) })).messages[0]!;
  /** When it was asked for, and when it was answered: the server's time began in between. */
  const begun = new Map<string, { fromMs: number; toMs: number; ttlMs: number }>();
  const renew = async ({ id, ttl, keys }: (typeof LEASES)[number]): Promise<void> => {
    const fromMs = performance.now();
    await call("Lease/LeaseKeepAlive", message([1, id]));
    const ttlMs = Math.max(ttl, TTL_LEAST_S) * MS_PER_S;
    for (const key of keys) begun.set(key, { fromMs, toMs: performance.now(), ttlMs });
  };
  for (const lease of LEASES) {
    await call("Lease/LeaseGrant", message([1, lease.ttl], [2, lease.id]));
    for (const key of lease.keys) await call("KV/Put", message([1, key], [3, lease.id]));
    await renew(lease);
  }
  await call("KV/Put", message([1, "detached"]));
  const startMs = performance.now();
  let problem: string | null = null;
  let nextRenewalMs = startMs + RENEW_EVERY_MS;
  while (performance.now() < startMs + WATCH_MS) {
    if (performance.now() > nextRenewalMs) {
      nextRenewalMs += RENEW_EVERY_MS;
      const isRenewed = (untilMs: number): boolean => performance.now() < startMs + untilMs;
      for (const lease of LEASES) if (isRenewed(lease.renewedMs)) await renew(lease);
    }
    const askedMs = performance.now();
    const there = keysIn(await call("KV/Range", message([1, "\0"], [2, "\0"])));
    const answeredMs = performance.now();
    for (const [key, { fromMs, toMs, ttlMs }] of begun) {
      if (key === "detached") continue;
      if (!there.has(key)) {
        begun.delete(key);
        if (answeredMs < fromMs + ttlMs) problem ??= `${endpoint}: ${key} went too early`;
      } else if (askedMs > toMs + ttlMs + LATE_MS) problem ??= `${endpoint}: ${key} stays too long`;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const last = await call("KV/Range", message([1, "\0"], [2, "\0"]));
  const header = parse(parse(last).get(1)![0] as Uint8Array);
  await call("KV/DeleteRange", message([1, "\0"], [2, "\0"]));
  client.close();
  return { problem, left: `${[...keysIn(last)].join()} at ${String(header.get(3)![0])}` };
}

function keysIn(range: Uint8Array): Set<string> {
  const kvs = (parse(range).get(2) ?? []) as Uint8Array[];
  return new Set(kvs.map((kv) => Buffer.from(parse(kv).get(1)![0] as Uint8Array).toString()));
}
