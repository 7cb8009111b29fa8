import type { Prng } from "../../../src/base/prng.ts";
import { frame } from "../errors/raw-client.ts";
import type { LeaseRef, Put, Step } from "./steps.ts";

const ID_MAX = 2n ** 63n - 1n;
const ID_MIN = -(2n ** 63n);
const TTL_MAX = 9_000_000_000n;

const grant = (id: bigint, ttl: bigint): Step => ({ do: "grant", id, ttl });
const revoke = (id: LeaseRef): Step => ({ do: "revoke", id });
const timeToLive = (id: LeaseRef, keys = true): Step => ({ do: "timeToLive", id, keys });
const keepAlive = (...ids: LeaseRef[]): Step => ({ do: "keepAlive", ids });
const put = (key: string, lease: LeaseRef = 0n, more: Partial<Put> = {}): Step => ({
  do: "put",
  put: { key, lease, ...more },
});
const remove = (key: string, end = ""): Step => ({ do: "delete", key, end });
const KEEP_ALIVE = "/etcdserverpb.Lease/LeaseKeepAlive";
const raw = (path: string, bytes: Uint8Array): Step => ({ do: "raw", path, bytes });

/** Times to live at their edges; each lease is revoked at once, lest it expires. */
function edgesOfTtl(): Step[] {
  const ttls = [ID_MIN, -1n, 0n, 1n, 2n, 3n, TTL_MAX - 1n, TTL_MAX, TTL_MAX + 1n, ID_MAX];
  return ttls.flatMap((ttl) => [grant(5n, ttl), timeToLive(5n), keepAlive(5n), revoke(5n)]);
}

/** Ids at their edges. */
function edgesOfIds(): Step[] {
  const ids = [1n, -1n, ID_MAX, ID_MIN, ID_MIN + 1n, 2n ** 31n, 2n ** 32n, 2n ** 53n + 1n];
  return [
    ...ids.flatMap((id) => [grant(id, 100n), grant(id, 100n), grant(id, TTL_MAX + 1n)]),
    ...ids.flatMap((id) => [put(`key ${id}`, id), timeToLive(id), keepAlive(id, id)]),
    { do: "everything" },
    ...ids.flatMap((id) => [revoke(id), revoke(id), timeToLive(id), keepAlive(id)]),
    { do: "everything" },
  ];
}

/** What names a lease that is not there. */
function unknown(): Step[] {
  return [
    ...[0n, 77n, -77n, ID_MAX].flatMap((id) => [
      revoke(id),
      timeToLive(id),
      timeToLive(id, false),
      keepAlive(id),
    ]),
    put("a", 77n),
    put("a", 77n, { ignoreValue: true }),
    put("a", 77n, { ignoreLease: true }),
    put("a", 0n, { ignoreLease: true }),
    {
      do: "txn",
      puts: [
        { key: "a", lease: 0n },
        { key: "b", lease: 77n },
      ],
      deletes: [],
    },
    { do: "everything" },
    keepAlive(),
    keepAlive(77n, 0n, 77n),
    { do: "leases" },
    { do: "leases" },
  ];
}

/** Attached, kept, moved, detached; revoked with many keys. */
function attachment(): Step[] {
  const keys = ["d", "a", "\xff", "c", "b", "a\0", "aa"];
  return [
    grant(1n, 100n),
    grant(2n, 200n),
    { do: "leases" },
    ...keys.map((key) => put(key, 1n)),
    timeToLive(1n),
    put("a", 1n),
    put("b", 2n),
    put("c"),
    put("d", 0n, { ignoreLease: true }),
    put("aa", 2n, { ignoreValue: true }),
    put("a\0", 0n, { ignoreValue: true }),
    timeToLive(1n),
    timeToLive(2n),
    { do: "everything" },
    {
      do: "txn",
      puts: [
        { key: "a", lease: 2n },
        { key: "e", lease: 1n },
      ],
      deletes: ["d"],
    },
    remove("b", "c"),
    timeToLive(1n),
    timeToLive(2n),
    keepAlive(1n, 77n, 2n, 1n),
    revoke(1n),
    put("e", 1n),
    put("e", 0n, { ignoreLease: true }),
    grant(1n, 50n),
    put("e", 1n),
    { do: "everything" },
    revoke(2n),
    revoke(1n),
    { do: "leases" },
    { do: "everything" },
    remove("\0", "\0"),
    { do: "hash" },
  ];
}

/**
 * Ids that the server chooses. Last: hashes of the history differ from then on.
 */
export const CHOSEN: readonly Step[] = [
  grant(0n, 300n),
  put("of the server's", "chosen"),
  timeToLive("chosen"),
  keepAlive("chosen", 77n, "chosen"),
  { do: "leases" },
  { do: "everything" },
  revoke("chosen"),
  { do: "everything" },
  grant(0n, -5n),
  revoke("chosen"),
];

/** Keep-alive calls that are no proper ones. */
function wire(): Step[] {
  return [
    grant(1n, 100n),
    raw(KEEP_ALIVE, frame(Uint8Array.of(0x10, 5))),
    raw(KEEP_ALIVE, frame(Uint8Array.of(0x08, 1, 0x08, 77))),
    raw(KEEP_ALIVE, frame(new Uint8Array(0))),
    raw(KEEP_ALIVE, new Uint8Array(0)),
    revoke(1n),
  ];
}

/** Programs that are the same in every run. */
export const SCRIPTED: Readonly<Record<string, readonly Step[]>> = {
  "edges of time to live": edgesOfTtl(),
  "edges of ids": edgesOfIds(),
  "leases that are not there": unknown(),
  attachment: attachment(),
  "odd calls": wire(),
};

const KEYS = ["a", "b", "c", "d", "e", "f"];
const IDS = [1n, 2n, 3n, -1n, ID_MAX, ID_MIN, 2n ** 32n];
/** No two are near each other: the order of LeaseLeases is that of expiry. */
const TTLS = [60n, 120n, 300n, 1000n, 5000n, 20_000n, TTL_MAX];

/** A program of `length` random steps that leaves nothing behind. */
export function randomProgram(prng: Prng, length: number): Step[] {
  const key = (): string => KEYS[prng.below(KEYS.length)]!;
  const id = (): bigint => IDS[prng.below(IDS.length)]!;
  const aPut = (): Put => {
    const lease = prng.below(3) === 0 ? 0n : id();
    const ignores = prng.below(6);
    return {
      key: key(),
      lease: ignores === 0 ? 0n : lease,
      ignoreLease: ignores === 0,
      ignoreValue: ignores === 1,
    };
  };
  const step = (): Step => {
    switch (prng.below(12)) {
      case 0:
      case 1:
      case 2: {
        const at = prng.below(IDS.length);
        return grant(IDS[at]!, TTLS[at]!);
      }
      case 3:
        return revoke(id());
      case 4:
        return timeToLive(id(), prng.below(2) === 0);
      case 5:
        return keepAlive(...Array.from({ length: prng.below(4) }, id));
      case 6:
        return { do: "leases" };
      case 7: {
        const [from, end] = [key(), key()];
        return remove(from, from < end ? end : "");
      }
      case 8: {
        const [first, ...others] = KEYS.filter(() => prng.below(3) === 0);
        const puts = others.map((each) => ({ ...aPut(), key: each }));
        return { do: "txn", puts, deletes: first === undefined ? [] : [first] };
      }
      default:
        return { do: "put", put: aPut() };
    }
  };
  return [
    ...Array.from({ length }, step),
    ...IDS.map((each) => timeToLive(each)),
    { do: "everything" },
    ...IDS.map((each) => revoke(each)),
    { do: "everything" },
    remove("\0", "\0"),
    { do: "hash" },
  ];
}
