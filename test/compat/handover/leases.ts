import { message, parse } from "../errors/proto-writer.ts";
import { frame, RawClient } from "../errors/raw-client.ts";

const LONG_S = 1000;
/** Long enough that it does not end before the next server has begun, on a slow machine too. */
const SHORT_S = 4;
/** What a start adds, a look every 500 ms, and some time for a slow machine. */
const LATE_MS = 4000;
const POLL_MS = 100;
const ID_MIN = -(2n ** 63n);

interface Lease {
  readonly ttl: number;
  readonly keys: Set<string>;
}

/** Leases that go from server to server with the directory. */
export class HandedLeases {
  readonly #leases = new Map<bigint, Lease>();
  #life = 0;

  /**
   * To be called when a server has begun: it has all leases with their keys, and has the short one
   * end. Then leaves others to the next server, except the short one.
   */
  async live(endpoint: string): Promise<void> {
    const client = new RawClient(endpoint);
    try {
      await this.#expectAll(client);
      const short = [...this.#leases].find(([, { ttl }]) => ttl === SHORT_S)?.[0];
      if (short !== undefined) await this.#expectEnd(client, short);
      await this.#change(client);
      await this.#expectAll(client);
    } finally {
      client.close();
    }
  }

  /** Leaves a short lease; to be called last. */
  async leaveShort(endpoint: string): Promise<void> {
    const client = new RawClient(endpoint);
    await this.#grant(client, BigInt(1000 + this.#life), SHORT_S, [`short ${this.#life}`]);
    client.close();
  }

  async #change(client: RawClient): Promise<void> {
    this.#life += 1;
    const life = this.#life;
    // Negative ones too: their order in the file is another.
    const id = life % 2 === 0 ? BigInt(life) : ID_MIN + BigInt(life);
    const keys = ["a", "b", "c"].map((name) => `lease ${life} ${name}`);
    await this.#grant(client, id, LONG_S + life, keys);
    const [oldest, second] = [...this.#leases.keys()];
    const moved = [...this.#leases.get(oldest!)!.keys][0];
    if (oldest !== id && moved !== undefined) {
      await call(client, "KV/Put", message([1, moved], [3, id]));
      this.#leases.get(oldest!)!.keys.delete(moved);
      this.#leases.get(id)!.keys.add(moved);
    }
    if (this.#leases.size <= 3 || second === undefined) return;
    await call(client, "Lease/LeaseRevoke", message([1, second]));
    this.#leases.delete(second);
  }

  async #grant(client: RawClient, id: bigint, ttl: number, keys: readonly string[]): Promise<void> {
    await call(client, "Lease/LeaseGrant", message([1, ttl], [2, id]));
    for (const key of keys) await call(client, "KV/Put", message([1, key], [3, id]));
    this.#leases.set(id, { ttl, keys: new Set(keys) });
  }

  async #expectAll(client: RawClient): Promise<void> {
    const list = parse(await call(client, "Lease/LeaseLeases", new Uint8Array(0))).get(2) ?? [];
    const found = list.map((lease) => String(numberOf(lease as Uint8Array, 1)));
    expectEqual("leases", sorted(found), sorted([...this.#leases.keys()].map(String)));
    for (const [id, { ttl, keys }] of this.#leases) {
      const answer = await call(client, "Lease/LeaseTimeToLive", message([1, id], [2, true]));
      const there = (parse(answer).get(5) ?? []).map((key) => Buffer.from(key as Uint8Array));
      expectEqual(`lease ${id}`, String(numberOf(answer, 4)), String(ttl));
      expectEqual(`keys of lease ${id}`, sorted(there.map(String)), sorted([...keys]));
      const left = numberOf(answer, 3);
      // All of its time: no server but the last kept it.
      if (left < ttl - LATE_MS / 1000 - SHORT_S) throw new Error(`lease ${id} has ${left} s left`);
    }
  }

  async #expectEnd(client: RawClient, id: bigint): Promise<void> {
    const startMs = performance.now();
    const [key] = this.#leases.get(id)!.keys;
    for (;;) {
      const waitedMs = performance.now() - startMs;
      const answer = await call(client, "Lease/LeaseTimeToLive", message([1, id]));
      if (numberOf(answer, 4) === 0n) break;
      if (waitedMs > SHORT_S * 1000 + LATE_MS) throw new Error(`lease ${id} does not end`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    const kvs = parse(await call(client, "KV/Range", message([1, key]))).get(2);
    if (kvs !== undefined) throw new Error(`${key} is there without its lease`);
    this.#leases.delete(id);
  }
}

async function call(client: RawClient, path: string, body: Uint8Array): Promise<Uint8Array> {
  const answer = await client.call({ path: `/etcdserverpb.${path}`, body: frame(body) });
  if (answer.code !== 0) throw new Error(`${path}: ${answer.message}`);
  return answer.messages[0]!;
}

function numberOf(bytes: Uint8Array, number: number): bigint {
  const value = parse(bytes).get(number)?.[0];
  return typeof value === "bigint" ? BigInt.asIntN(64, value) : 0n;
}

function sorted(texts: readonly string[]): string {
  return texts.toSorted((a, b) => (a < b ? -1 : 1)).join();
}

function expectEqual(what: string, found: string, expected: string): void {
  if (found !== expected) throw new Error(`${what}: found ${found} instead of ${expected}`);
}
