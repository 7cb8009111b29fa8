import { INT64_MAX, INT64_MIN } from "./requests.ts";
import { calls, FAIL, ok, row } from "./table.ts";
import type { Group, Row } from "./table.ts";

/** a, b, c at revisions 2, 3, 4; a again at 5. Never compacted. */
export const BASE_SETUP = [
  calls.put({ key: "a", value: "1" }),
  calls.put({ key: "b", value: "2" }),
  calls.put({ key: "c", value: "3" }),
  calls.put({ key: "a", value: "1b" }),
];

const ALL = { key: "\0", rangeEnd: "\0" };
const FAR = 1000;

const rangeRows: readonly Row[] = [
  row("range: empty key", calls.range({}), FAIL.emptyKey),
  row("range: empty key with an end", calls.range({ rangeEnd: "z" }), FAIL.emptyKey),
  row("range: unknown order 3", calls.range({ key: "a", sortOrder: 3 }), FAIL.sortOption),
  row("range: order -1", calls.range({ key: "a", sortOrder: -1 }), FAIL.sortOption),
  row("range: unknown target 5", calls.range({ key: "a", sortTarget: 5 }), FAIL.sortOption),
  row("range: target -1", calls.range({ key: "a", sortTarget: -1 }), FAIL.sortOption),
  row("range: order 2^31-1", calls.range({ key: "a", sortOrder: 2147483647 }), FAIL.sortOption),
  row(
    "range: order 2^32+1 is cut to 1",
    calls.range({ key: "a", sortOrder: 2n ** 32n + 1n }),
    ok("kvs=1 more=0 count=1"),
  ),
  row(
    "range: order 2^32+3 is cut to 3",
    calls.range({ key: "a", sortOrder: 2n ** 32n + 3n }),
    FAIL.sortOption,
  ),
  row("range: future", calls.range({ key: "a", revision: FAR }), FAIL.futureRev),
  row("range: the next revision is future", calls.range({ key: "a", revision: 6 }), FAIL.futureRev),
  row("range: 2^63-1 is future", calls.range({ key: "a", revision: INT64_MAX }), FAIL.futureRev),
  row("range: 2^53 is future", calls.range({ key: "a", revision: 2n ** 53n }), FAIL.futureRev),
  row(
    "range: future, serializable",
    calls.range({ key: "a", revision: FAR, serializable: true }),
    FAIL.futureRev,
  ),
  row(
    "range: future, count only",
    calls.range({ key: "a", revision: FAR, countOnly: true }),
    FAIL.futureRev,
  ),
  row("range: future of an absent key", calls.range({ key: "zz", revision: FAR }), FAIL.futureRev),
  row(
    "range: future of an empty range",
    calls.range({ key: "b", rangeEnd: "a", revision: FAR }),
    FAIL.futureRev,
  ),
  row("range: -1 is newest", calls.range({ key: "a", revision: -1 }), ok("kvs=1 more=0 count=1")),
  row(
    "range: -2^63 is newest",
    calls.range({ key: "a", revision: INT64_MIN }),
    ok("kvs=1 more=0 count=1"),
  ),
  row("range: limit 2^63-1", calls.range({ ...ALL, limit: INT64_MAX }), ok("kvs=3 more=0 count=3")),
  row("range: limit -2^63", calls.range({ ...ALL, limit: INT64_MIN }), ok("kvs=3 more=0 count=3")),
  row("range: limit -1", calls.range({ ...ALL, limit: -1 }), ok("kvs=3 more=0 count=3")),
  row("range: limit 2", calls.range({ ...ALL, limit: 2 }), ok("kvs=2 more=1 count=3")),
  row("range: limit 3", calls.range({ ...ALL, limit: 3 }), ok("kvs=3 more=0 count=3")),
  row(
    "range: limit 2^53+1",
    calls.range({ ...ALL, limit: 2n ** 53n + 1n }),
    ok("kvs=3 more=0 count=3"),
  ),
  row(
    "range: least mod 2^63-1",
    calls.range({ ...ALL, minMod: INT64_MAX }),
    ok("kvs=0 more=0 count=3"),
  ),
  row(
    "range: least mod -2^63",
    calls.range({ ...ALL, minMod: INT64_MIN }),
    ok("kvs=3 more=0 count=3"),
  ),
  row(
    "range: most mod 2^63-1",
    calls.range({ ...ALL, maxMod: INT64_MAX }),
    ok("kvs=3 more=0 count=3"),
  ),
  row(
    "range: most mod -2^63",
    calls.range({ ...ALL, maxMod: INT64_MIN }),
    ok("kvs=0 more=0 count=3"),
  ),
  row("range: most mod -1", calls.range({ ...ALL, maxMod: -1 }), ok("kvs=0 more=0 count=3")),
  row(
    "range: least create 2^63-1",
    calls.range({ ...ALL, minCreate: INT64_MAX }),
    ok("kvs=0 more=0 count=3"),
  ),
  row(
    "range: least create -2^63",
    calls.range({ ...ALL, minCreate: INT64_MIN }),
    ok("kvs=3 more=0 count=3"),
  ),
  row(
    "range: most create 2^63-1",
    calls.range({ ...ALL, maxCreate: INT64_MAX }),
    ok("kvs=3 more=0 count=3"),
  ),
  row(
    "range: most create -2^63",
    calls.range({ ...ALL, maxCreate: INT64_MIN }),
    ok("kvs=0 more=0 count=3"),
  ),
  row(
    "range: count only ignores limit",
    calls.range({ ...ALL, countOnly: true, limit: 1 }),
    ok("kvs=0 more=0 count=3"),
  ),
  row("range: key after end", calls.range({ key: "c", rangeEnd: "a" }), ok("kvs=0 more=0 count=0")),
  row("range: absent", calls.range({ key: "zz" }), ok("kvs=0 more=0 count=0")),
  row("range: bool 2 is true", calls.range({ ...ALL, countOnly: 2 }), ok("kvs=0 more=0 count=3")),
];

const streamRows: readonly Row[] = [
  row("stream: empty key", calls.stream({}), FAIL.emptyKey),
  row("stream: unknown order", calls.stream({ key: "a", sortOrder: 3 }), FAIL.sortOption),
  row("stream: unknown target", calls.stream({ key: "a", sortTarget: 5 }), FAIL.sortOption),
  row("stream: descending", calls.stream({ key: "a", sortOrder: 2 }), FAIL.streamSort),
  row(
    "stream: ascending by version",
    calls.stream({ key: "a", sortOrder: 1, sortTarget: 1 }),
    FAIL.streamSort,
  ),
  row(
    "stream: ascending by key",
    calls.stream({ ...ALL, sortOrder: 1 }),
    ok("kvs=3 more=0 count=3"),
  ),
  row("stream: least mod", calls.stream({ key: "a", minMod: 1 }), FAIL.streamFilter),
  row("stream: most mod", calls.stream({ key: "a", maxMod: -1 }), FAIL.streamFilter),
  row("stream: least create", calls.stream({ key: "a", minCreate: INT64_MIN }), FAIL.streamFilter),
  row("stream: most create", calls.stream({ key: "a", maxCreate: INT64_MAX }), FAIL.streamFilter),
  row("stream: future", calls.stream({ key: "a", revision: FAR }), FAIL.futureRev),
  row("stream: 2^63-1 is future", calls.stream({ key: "a", revision: INT64_MAX }), FAIL.futureRev),
  row("stream: everything", calls.stream(ALL), ok("kvs=3 more=0 count=3")),
  row("stream: nothing", calls.stream({ key: "zz" }), ok("kvs=0 more=0 count=0")),
  row("stream: limit 2", calls.stream({ ...ALL, limit: 2 }), ok("kvs=2 more=1 count=3")),
  row(
    "stream: limit 2^63-1",
    calls.stream({ ...ALL, limit: INT64_MAX }),
    ok("kvs=3 more=0 count=3"),
  ),
  row(
    "stream: limit -2^63",
    calls.stream({ ...ALL, limit: INT64_MIN }),
    ok("kvs=3 more=0 count=3"),
  ),
  row(
    "stream: revision -2^63",
    calls.stream({ ...ALL, revision: INT64_MIN }),
    ok("kvs=3 more=0 count=3"),
  ),
  row("stream: count only", calls.stream({ ...ALL, countOnly: true }), ok("kvs=0 more=0 count=3")),
  row(
    "stream: order none by mod",
    calls.stream({ ...ALL, sortTarget: 3 }),
    ok("kvs=3 more=0 count=3"),
  ),
];

const putRows: readonly Row[] = [
  row("put: empty key", calls.put({ value: "x" }), FAIL.emptyKey),
  row(
    "put: ignore value, value given",
    calls.put({ key: "a", value: "x", ignoreValue: true }),
    FAIL.valueProvided,
  ),
  row(
    "put: ignore lease, lease given",
    calls.put({ key: "a", lease: 1, ignoreLease: true }),
    FAIL.leaseProvided,
  ),
  row(
    "put: ignore lease, lease -1",
    calls.put({ key: "a", lease: -1, ignoreLease: true }),
    FAIL.leaseProvided,
  ),
  row(
    "put: ignore value of an absent key",
    calls.put({ key: "zz", ignoreValue: true }),
    FAIL.keyNotFound,
  ),
  row(
    "put: ignore lease of an absent key",
    calls.put({ key: "zz", value: "x", ignoreLease: true }),
    FAIL.keyNotFound,
  ),
  row(
    "put: ignore both of an absent key",
    calls.put({ key: "zz", ignoreValue: true, ignoreLease: true }),
    FAIL.keyNotFound,
  ),
  row("put: unknown lease", calls.put({ key: "a", value: "x", lease: 77 }), FAIL.leaseNotFound),
  row("put: lease -1", calls.put({ key: "a", value: "x", lease: -1 }), FAIL.leaseNotFound),
  row(
    "put: lease 2^63-1",
    calls.put({ key: "a", value: "x", lease: INT64_MAX }),
    FAIL.leaseNotFound,
  ),
  row(
    "put: lease -2^63",
    calls.put({ key: "a", value: "x", lease: INT64_MIN }),
    FAIL.leaseNotFound,
  ),
  row("put: lease 2^53", calls.put({ key: "a", value: "x", lease: 2n ** 53n }), FAIL.leaseNotFound),
  row("put: previous value", calls.put({ key: "a", value: "1b", prevKv: true }), ok("prev=1")),
  row("put: no previous value", calls.put({ key: "new", value: "1", prevKv: true }), ok("prev=0")),
  row("put: ignore value", calls.put({ key: "a", ignoreValue: true, prevKv: true }), ok("prev=1")),
  row(
    "put: ignore both",
    calls.put({ key: "a", ignoreValue: true, ignoreLease: true }),
    ok("prev=0"),
  ),
  row("put: empty value", calls.put({ key: "empty" }), ok("prev=0")),
];

const deleteRows: readonly Row[] = [
  row("delete: empty key", calls.del({}), FAIL.emptyKey),
  row("delete: empty key with an end", calls.del({ rangeEnd: "z" }), FAIL.emptyKey),
  row("delete: absent", calls.del({ key: "zz" }), ok("deleted=0 prev=0")),
  row("delete: key after end", calls.del({ key: "z", rangeEnd: "a" }), ok("deleted=0 prev=0")),
  row(
    "delete: previous values",
    calls.del({ key: "empty", rangeEnd: "nex", prevKv: true }),
    ok("deleted=2 prev=2"),
  ),
];

const compactRows: readonly Row[] = [
  row("compact: -1, never compacted", calls.compact(-1), FAIL.compacted),
  row("compact: -2^63, never compacted", calls.compact(INT64_MIN), FAIL.compacted),
  row("compact: future", calls.compact(FAR), FAIL.futureRev),
  row("compact: 2^63-1 is future", calls.compact(INT64_MAX), FAIL.futureRev),
  row("compact: 2^53 is future, physical", calls.compact(2n ** 53n, true), FAIL.futureRev),
];

/** On a store that was never compacted. */
export const KV_GROUP: Group = {
  name: "kv",
  setup: BASE_SETUP,
  rows: [...rangeRows, ...streamRows, ...putRows, ...deleteRows, ...compactRows],
};

/** What changes once there was a compaction: C = 4. */
export const COMPACTED_GROUP: Group = {
  name: "compacted",
  setup: BASE_SETUP,
  rows: [
    row("compact: 0 once", calls.compact(0), ok("")),
    row("compact: 0 twice", calls.compact(0), FAIL.compacted),
    row("compact: -1 after 0", calls.compact(-1), FAIL.compacted),
    row("compact: 4", calls.compact(4), ok("")),
    row("compact: 4 twice", calls.compact(4), FAIL.compacted),
    row("compact: 4 twice, physical", calls.compact(4, true), FAIL.compacted),
    row("compact: 3 after 4", calls.compact(3), FAIL.compacted),
    row("compact: -2^63 after 4", calls.compact(INT64_MIN), FAIL.compacted),
    row("compact: future after 4", calls.compact(FAR), FAIL.futureRev),
    row("range: below", calls.range({ key: "a", revision: 3 }), FAIL.compacted),
    row("range: 1", calls.range({ key: "a", revision: 1 }), FAIL.compacted),
    row("range: below, absent key", calls.range({ key: "zz", revision: 3 }), FAIL.compacted),
    row(
      "range: below, count only",
      calls.range({ key: "a", revision: 3, countOnly: true }),
      FAIL.compacted,
    ),
    row(
      "range: below, serializable",
      calls.range({ key: "a", revision: 3, serializable: true }),
      FAIL.compacted,
    ),
    row("range: at", calls.range({ key: "a", revision: 4 }), ok("kvs=1 more=0 count=1")),
    row("range: -2^63", calls.range({ key: "a", revision: INT64_MIN }), ok("kvs=1 more=0 count=1")),
    row("range: future", calls.range({ key: "a", revision: FAR }), FAIL.futureRev),
    row("stream: below", calls.stream({ key: "a", revision: 3 }), FAIL.compacted),
    row("stream: at", calls.stream({ key: "a", revision: 4 }), ok("kvs=1 more=0 count=1")),
    row("stream: -1", calls.stream({ key: "a", revision: -1 }), ok("kvs=1 more=0 count=1")),
    row("compact: newest", calls.compact(5, true), ok("")),
    row("compact: newest twice", calls.compact(5, true), FAIL.compacted),
    row("range: at the newest", calls.range({ key: "a", revision: 5 }), ok("kvs=1 more=0 count=1")),
  ],
};
