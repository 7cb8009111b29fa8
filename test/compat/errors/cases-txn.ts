import { cmp, INT64_MAX, INT64_MIN, op, times } from "./requests.ts";
import type { TxnFields } from "./requests.ts";
import { BASE_SETUP } from "./cases-kv.ts";
import { calls, FAIL, ok, row } from "./table.ts";
import type { Group, Row, Want } from "./table.ts";

const put = (key: string): Uint8Array => op.put({ key, value: "x" });
const get = (key: string): Uint8Array => op.range({ key });
const del = (key: string, rangeEnd?: string): Uint8Array =>
  op.del(rangeEnd === undefined ? { key } : { key, rangeEnd });

function txn(name: string, parts: TxnFields, want: Want): Row {
  return row(`txn: ${name}`, calls.txn(parts), want);
}

const truth = (succeeded: boolean): Want => ok(`succeeded=${succeeded ? 1 : 0}`);

const staticRows: readonly Row[] = [
  txn("empty", {}, truth(true)),
  txn("compare without key", { compare: [cmp({ version: 0 })] }, FAIL.emptyKey),
  txn("empty compare", { compare: [cmp({})] }, FAIL.emptyKey),
  txn("range without key", { success: [op.range({})] }, FAIL.emptyKey),
  txn("put without key", { success: [op.put({ value: "x" })] }, FAIL.emptyKey),
  txn("delete without key", { success: [op.del({})] }, FAIL.emptyKey),
  txn("failure: put without key", { failure: [op.put({})] }, FAIL.emptyKey),
  txn("nested put without key", { success: [op.txn({ failure: [op.put({})] })] }, FAIL.emptyKey),
  txn("nested compare without key", { success: [op.txn({ compare: [cmp({})] })] }, FAIL.emptyKey),
  txn("operation without member", { success: [op.none()] }, FAIL.keyNotFound),
  txn("failure: operation without member", { failure: [op.none()] }, FAIL.keyNotFound),
  txn("nested without member", { success: [op.txn({ success: [op.none()] })] }, FAIL.keyNotFound),
  txn(
    "value is provided",
    { success: [op.put({ key: "a", value: "x", ignoreValue: true })] },
    FAIL.valueProvided,
  ),
  txn(
    "lease is provided",
    { success: [op.put({ key: "a", lease: 3, ignoreLease: true })] },
    FAIL.leaseProvided,
  ),
  txn("sort order", { success: [op.range({ key: "a", sortOrder: 9 })] }, FAIL.sortOption),
  txn(
    "failure: sort target",
    { failure: [op.range({ key: "a", sortTarget: -5 })] },
    FAIL.sortOption,
  ),
];

const countRows: readonly Row[] = [
  txn(
    "128 compares",
    { compare: times(128, (i) => cmp({ key: `k${i}`, version: 0 })) },
    truth(true),
  ),
  txn(
    "129 compares",
    { compare: times(129, (i) => cmp({ key: `k${i}`, version: 0 })) },
    FAIL.tooManyOps,
  ),
  txn("129 in success", { success: times(129, (i) => get(`k${i}`)) }, FAIL.tooManyOps),
  txn("129 in failure", { failure: times(129, (i) => get(`k${i}`)) }, FAIL.tooManyOps),
  txn(
    "128 in each list",
    {
      compare: times(128, (i) => cmp({ key: `k${i}`, version: 1 })),
      success: times(128, (i) => put(`k${i}`)),
      failure: times(128, () => get("zz")),
    },
    ok(
      ["succeeded=0", ...Array.from({ length: 128 }, () => "range(kvs=0 more=0 count=0)")].join(
        " ",
      ),
    ),
  ),
  txn(
    "128 nested, not empty",
    { success: times(128, () => op.txn({ success: [get("zz")] })) },
    FAIL.tooManyOps,
  ),
  txn(
    "127 nested of one each",
    { success: times(127, () => op.txn({ success: [get("zz")] })) },
    ok(
      [
        "succeeded=1",
        ...Array.from({ length: 127 }, () => "txn(succeeded=1 range(kvs=0 more=0 count=0))"),
      ].join(" "),
    ),
  ),
  txn(
    "127 nested, one of two",
    { success: [...times(126, () => op.txn({})), op.txn({ success: [get("a"), get("b")] })] },
    FAIL.tooManyOps,
  ),
  txn(
    "128 nested, empty",
    { success: times(128, () => op.txn({})) },
    ok(["succeeded=1", ...Array.from({ length: 128 }, () => "txn(succeeded=1)")].join(" ")),
  ),
  txn(
    "64 compares, 65 nested",
    {
      compare: times(64, (i) => cmp({ key: `k${i}` })),
      success: [op.txn({ success: times(65, () => get("zz")) })],
    },
    FAIL.tooManyOps,
  ),
  txn(
    "third level over the rest",
    {
      success: [
        op.txn({
          success: [
            ...times(100, () => get("zz")),
            op.txn({ success: times(27, () => get("zz")) }),
          ],
        }),
      ],
    },
    FAIL.tooManyOps,
  ),
];

const overlapRows: readonly Row[] = [
  txn("two puts", { success: [put("a"), put("a")] }, FAIL.duplicateKey),
  txn("two puts in failure", { failure: [put("a"), put("a")] }, FAIL.duplicateKey),
  txn("put, delete", { success: [put("a"), del("a")] }, FAIL.duplicateKey),
  txn("delete, put", { success: [del("a"), put("a")] }, FAIL.duplicateKey),
  txn("put in a deleted range", { success: [put("b"), del("a", "c")] }, FAIL.duplicateKey),
  txn(
    "put at the start of a deleted range",
    { success: [put("a"), del("a", "c")] },
    FAIL.duplicateKey,
  ),
  txn(
    "put at its end",
    { success: [put("c"), del("x", "y"), del("b0", "c")] },
    ok("succeeded=1 put(prev=0) delete(deleted=0 prev=0) delete(deleted=0 prev=0)"),
  ),
  txn(
    "put, nested put",
    { success: [put("a"), op.txn({ success: [put("a")] })] },
    FAIL.duplicateKey,
  ),
  txn(
    "nested put, put",
    { success: [op.txn({ success: [put("a")] }), put("a")] },
    FAIL.duplicateKey,
  ),
  txn(
    "delete, nested put",
    { success: [del("a"), op.txn({ success: [put("a")] })] },
    FAIL.duplicateKey,
  ),
  txn(
    "put, nested delete",
    { success: [put("a"), op.txn({ success: [del("a")] })] },
    FAIL.duplicateKey,
  ),
  txn(
    "sibling puts",
    { success: [op.txn({ success: [put("a")] }), op.txn({ failure: [put("a")] })] },
    FAIL.duplicateKey,
  ),
  txn(
    "sibling delete, put",
    { success: [op.txn({ success: [del("q")] }), op.txn({ success: [put("q")] })] },
    FAIL.duplicateKey,
  ),
  txn(
    "sibling put, delete",
    { success: [op.txn({ success: [put("q")] }), op.txn({ success: [del("q")] })] },
    ok("succeeded=1 txn(succeeded=1 put(prev=0)) txn(succeeded=1 delete(deleted=1 prev=0))"),
  ),
  txn(
    "one key in both branches of a nested one",
    { success: [op.txn({ success: [put("a")], failure: [put("a")] })] },
    ok("succeeded=1 txn(succeeded=1 put(prev=0))"),
  ),
  txn(
    "deletes overlap deletes",
    { success: [del("zz"), del("zz"), del("z", "zzz")] },
    ok("succeeded=1 delete(deleted=0 prev=0) delete(deleted=0 prev=0) delete(deleted=0 prev=0)"),
  ),
  txn(
    "delete to the end of keys hides no put",
    { success: [put("zzzz"), op.del({ key: "zzz", rangeEnd: "\0" })] },
    ok("succeeded=1 put(prev=0) delete(deleted=1 prev=0)"),
  ),
  txn(
    "ranges never collide",
    { success: [put("a"), get("a"), op.range({ key: "a", rangeEnd: "\0" })] },
    ok("succeeded=1 put(prev=0) range(kvs=1 more=0 count=1) range(kvs=3 more=0 count=3)"),
  ),
];

const dynamicRows: readonly Row[] = [
  txn("range of the future", { success: [op.range({ key: "a", revision: 5000 })] }, FAIL.futureRev),
  txn(
    "writing, range of the future",
    { success: [put("w"), op.range({ key: "a", revision: 5000 })] },
    FAIL.futureRev,
  ),
  txn(
    "range of 2^63-1",
    { success: [op.range({ key: "a", revision: INT64_MAX })] },
    FAIL.futureRev,
  ),
  txn(
    "range of -1, never compacted",
    { success: [op.range({ key: "a", revision: -1 })] },
    ok("succeeded=1 range(kvs=1 more=0 count=1)"),
  ),
  txn(
    "range of -2, never compacted",
    { success: [op.range({ key: "a", revision: -2 })] },
    FAIL.compacted,
  ),
  txn("range of -2^63", { success: [op.range({ key: "a", revision: INT64_MIN })] }, FAIL.compacted),
  txn(
    "writing, range of -2^63",
    { success: [put("w"), op.range({ key: "a", revision: INT64_MIN })] },
    FAIL.compacted,
  ),
  txn(
    "unknown lease",
    { success: [op.put({ key: "a", value: "x", lease: 5 })] },
    FAIL.leaseNotFound,
  ),
  txn(
    "lease 2^63-1",
    { success: [op.put({ key: "a", value: "x", lease: INT64_MAX })] },
    FAIL.leaseNotFound,
  ),
  txn(
    "lease -2^63",
    { success: [op.put({ key: "a", value: "x", lease: INT64_MIN })] },
    FAIL.leaseNotFound,
  ),
  txn(
    "ignore value, absent",
    { success: [op.put({ key: "absent", ignoreValue: true })] },
    FAIL.keyNotFound,
  ),
  txn(
    "ignore lease, absent",
    { success: [op.put({ key: "absent", value: "x", ignoreLease: true })] },
    FAIL.keyNotFound,
  ),
  txn(
    "nested unknown lease",
    { success: [op.txn({ success: [op.put({ key: "a", lease: 5 })] })] },
    FAIL.leaseNotFound,
  ),
  txn(
    "nested future",
    { success: [op.txn({ success: [op.range({ key: "a", revision: 5000 })] })] },
    FAIL.futureRev,
  ),
  txn(
    "the branch not taken is exempt",
    { failure: [op.range({ key: "a", revision: 5000 }), op.put({ key: "n", lease: 5 })] },
    truth(true),
  ),
  txn(
    "put before, ignore value of it: judged on the state before",
    {
      success: [
        op.put({ key: "fresh", value: "x" }),
        op.txn({ success: [op.put({ key: "other", ignoreValue: true })] }),
      ],
    },
    FAIL.keyNotFound,
  ),
];

function compares(name: string, compare: Parameters<typeof cmp>[0], holds: boolean): Row {
  return txn(name, { compare: [cmp(compare)] }, truth(holds));
}

const compareRows: readonly Row[] = [
  compares("version = 0 of an absent key", { key: "absent", version: 0 }, true),
  compares("version > -2^63", { key: "b", result: 1, version: INT64_MIN }, true),
  compares("version < 2^63-1", { key: "b", result: 2, version: INT64_MAX }, true),
  compares("version = 2^63-1", { key: "b", version: INT64_MAX }, false),
  compares("version != 2^53", { key: "b", result: 3, version: 2n ** 53n }, true),
  compares("create > -2^63", { key: "b", target: 1, result: 1, create: INT64_MIN }, true),
  compares("create < 2^63-1", { key: "b", target: 1, result: 2, create: INT64_MAX }, true),
  compares("mod = -2^63", { key: "b", target: 2, mod: INT64_MIN }, false),
  compares("mod of an absent key > -1", { key: "absent", target: 2, result: 1, mod: -1 }, true),
  compares("value of an absent key !=", { key: "absent", target: 3, result: 3, value: "x" }, false),
  compares("value of an absent key <", { key: "absent", target: 3, result: 2, value: "x" }, false),
  compares("lease = 0", { key: "b", target: 4, lease: 0 }, true),
  compares("lease < 2^63-1", { key: "b", target: 4, result: 2, lease: INT64_MAX }, true),
  compares("lease > -2^63", { key: "b", target: 4, result: 1, lease: INT64_MIN }, true),
  compares("lease = -2^63", { key: "b", target: 4, lease: INT64_MIN }, false),
  compares(
    "member of another target counts as 0",
    { key: "b", target: 0, result: 1, mod: 999 },
    true,
  ),
  compares("unknown result 4", { key: "b", result: 4, version: 77 }, true),
  compares("unknown result -1", { key: "b", result: -1, version: 77 }, true),
  compares("unknown target 5 =", { key: "b", target: 5, version: 77 }, true),
  compares("unknown target 5 >", { key: "b", target: 5, result: 1, version: 77 }, false),
  compares("unknown target -1 !=", { key: "b", target: -1, result: 3, version: 77 }, false),
  compares("result 2^32 is cut to 0", { key: "absent", result: 2n ** 32n, version: 0 }, true),
  compares("range all version > 0", { key: "a", rangeEnd: "d", result: 1, version: 0 }, true),
  compares("range with no keys, version = 0", { key: "x1", rangeEnd: "x2", version: 0 }, true),
  compares(
    "range with no keys, value =",
    { key: "x1", rangeEnd: "x2", target: 3, value: "" },
    false,
  ),
];

/** Transactions on a store that was never compacted. */
export const TXN_GROUP: Group = {
  name: "txn",
  setup: BASE_SETUP,
  rows: [...staticRows, ...countRows, ...overlapRows, ...dynamicRows, ...compareRows],
};

/** Transactions after a compaction at 4. */
export const TXN_COMPACTED_GROUP: Group = {
  name: "txn, compacted",
  setup: [...BASE_SETUP, calls.compact(4)],
  rows: [
    txn("range below", { success: [op.range({ key: "a", revision: 3 })] }, FAIL.compacted),
    txn(
      "writing, range below",
      { success: [put("w"), op.range({ key: "a", revision: 3 })] },
      FAIL.compacted,
    ),
    txn(
      "range at",
      { success: [op.range({ key: "a", revision: 4 })] },
      ok("succeeded=1 range(kvs=1 more=0 count=1)"),
    ),
    txn("range of -1", { success: [op.range({ key: "a", revision: -1 })] }, FAIL.compacted),
    txn(
      "range of -2^63",
      { success: [op.range({ key: "a", revision: INT64_MIN })] },
      FAIL.compacted,
    ),
    txn(
      "range of the revision it makes",
      { success: [put("w"), op.range({ key: "a", revision: 6 })] },
      FAIL.futureRev,
    ),
  ],
};
