import { alarm, cmp, op, times } from "./requests.ts";
import { BASE_SETUP } from "./cases-kv.ts";
import type { RawCall } from "./raw-client.ts";
import { call, calls, FAIL, ok, row } from "./table.ts";
import type { Group } from "./table.ts";

/** Larger than max-request-bytes (1.5 MiB), smaller than what gRPC lets through (2 MiB). */
const BIG = new Uint8Array(1_600_000).fill(0x78);
const FAR = 1000;

/** Two reasons to refuse at once: the first check wins. */
export const ORDER_GROUP: Group = {
  name: "order of checks",
  setup: BASE_SETUP,
  rows: [
    row("put: key before value", calls.put({ value: "x", ignoreValue: true }), FAIL.emptyKey),
    row(
      "put: value before lease",
      calls.put({ key: "a", value: "x", lease: 1, ignoreValue: true, ignoreLease: true }),
      FAIL.valueProvided,
    ),
    row(
      "put: value before size",
      calls.put({ key: "a", value: BIG, ignoreValue: true }),
      FAIL.valueProvided,
    ),
    row(
      "put: lease before size",
      calls.put({ key: "a", value: BIG, lease: 1, ignoreLease: true }),
      FAIL.leaseProvided,
    ),
    row(
      "put: size before unknown lease",
      calls.put({ key: "a", value: BIG, lease: 1 }),
      FAIL.requestTooLarge,
    ),
    row(
      "put: size before absent key",
      calls.put({ key: "zz", value: BIG, ignoreLease: true }),
      FAIL.requestTooLarge,
    ),
    row(
      "put: lease before absent key",
      calls.put({ key: "zz", lease: 9, ignoreValue: true }),
      FAIL.leaseNotFound,
    ),
    row("range: key before order", calls.range({ sortOrder: 9 }), FAIL.emptyKey),
    row(
      "range: order before revision",
      calls.range({ key: "a", sortOrder: 9, revision: FAR }),
      FAIL.sortOption,
    ),
    row("stream: key before order", calls.stream({ sortOrder: 2 }), FAIL.emptyKey),
    row(
      "stream: enum before support",
      calls.stream({ key: "a", sortOrder: 9, minMod: 1 }),
      FAIL.sortOption,
    ),
    row(
      "stream: order before filter",
      calls.stream({ key: "a", sortOrder: 2, minMod: 1 }),
      FAIL.streamSort,
    ),
    row(
      "stream: filter before revision",
      calls.stream({ key: "a", minMod: 1, revision: FAR }),
      FAIL.streamFilter,
    ),
    row(
      "txn: count before key",
      calls.txn({ compare: times(129, () => cmp({})) }),
      FAIL.tooManyOps,
    ),
    row(
      "txn: compare before operation",
      calls.txn({
        compare: [cmp({})],
        success: [op.put({ key: "a", value: "x", ignoreValue: true })],
      }),
      FAIL.emptyKey,
    ),
    row(
      "txn: success before failure",
      calls.txn({
        success: [op.put({ key: "a", value: "x", ignoreValue: true })],
        failure: [op.put({})],
      }),
      FAIL.valueProvided,
    ),
    row(
      "txn: first operation first",
      calls.txn({ success: [op.put({ key: "a", lease: 1, ignoreLease: true }), op.range({})] }),
      FAIL.leaseProvided,
    ),
    row(
      "txn: operations before overlap",
      calls.txn({ success: [op.put({ key: "a" }), op.put({ key: "a" })], failure: [op.put({})] }),
      FAIL.emptyKey,
    ),
    row(
      "txn: nested count in its turn",
      calls.txn({
        success: [op.put({}), op.txn({ success: times(129, () => op.range({ key: "a" })) })],
      }),
      FAIL.emptyKey,
    ),
    row(
      "txn: nested count before what follows",
      calls.txn({
        success: [op.txn({ success: times(128, () => op.range({ key: "a" })) }), op.put({})],
      }),
      FAIL.tooManyOps,
    ),
    row(
      "txn: overlap before size",
      calls.txn({ success: [op.put({ key: "a", value: BIG }), op.put({ key: "a" })] }),
      FAIL.duplicateKey,
    ),
    row(
      "txn: size before revision",
      calls.txn({
        success: [op.put({ key: "a", value: BIG }), op.range({ key: "a", revision: FAR })],
      }),
      FAIL.requestTooLarge,
    ),
    row(
      "txn: revision first",
      calls.txn({
        success: [op.range({ key: "a", revision: FAR }), op.put({ key: "a", lease: 9 })],
      }),
      FAIL.futureRev,
    ),
    row(
      "txn: lease first",
      calls.txn({
        success: [op.put({ key: "a", lease: 9 }), op.range({ key: "a", revision: FAR })],
      }),
      FAIL.leaseNotFound,
    ),
    row(
      "txn: lease before ignore",
      calls.txn({ success: [op.put({ key: "absent", lease: 9, ignoreValue: true })] }),
      FAIL.leaseNotFound,
    ),
    row(
      "nothing of all this was written",
      calls.range({ key: "\0", rangeEnd: "\0" }),
      ok("kvs=3 more=0 count=3"),
    ),
    row("nor counted", calls.range({ key: "a", revision: 6 }), FAIL.futureRev),
  ],
};

const ALARM = "/etcdserverpb.Maintenance/Alarm";

const LIST = 0;
const RAISE = 1;
const CLEAR = 2;
const alarms = (action: number, kind: number, member = 0): RawCall =>
  call(ALARM, alarm(action, kind, member));

/** Raising, listing and clearing. */
export const ALARM_GROUP: Group = {
  name: "alarms",
  setup: BASE_SETUP,
  rows: [
    row("none is raised", alarms(LIST, 0), ok("alarms=0")),
    row("raise none", alarms(RAISE, 0, 7), ok("alarms=0")),
    row("raise", alarms(RAISE, 1, 7), ok("alarms=1")),
    row("raise again", alarms(RAISE, 1, 7), ok("alarms=1")),
    row("raise another's", alarms(RAISE, 1, 8), ok("alarms=1")),
    row("raise another kind", alarms(RAISE, 2, 7), ok("alarms=1")),
    row("list all", alarms(LIST, 0), ok("alarms=3")),
    row("list one kind of any member", alarms(LIST, 1, 9), ok("alarms=2")),
    row("list an unknown kind", alarms(LIST, 9), ok("alarms=0")),
    row("clear all is no such request", alarms(CLEAR, 0), ok("alarms=0")),
    row("clear a kind of no member", alarms(CLEAR, 1), ok("alarms=0")),
    row("clear any kind of a member", alarms(CLEAR, 0, 7), ok("alarms=0")),
    row("clear", alarms(CLEAR, 2, 7), ok("alarms=1")),
    row("clear again", alarms(CLEAR, 2, 7), ok("alarms=0")),
    row("one NOSPACE stops all", calls.put({ key: "a" }), FAIL.noSpace),
    row("clear the first", alarms(CLEAR, 1, 7), ok("alarms=1")),
    row("another's stops all", calls.put({ key: "a" }), FAIL.noSpace),
    row("clear the last", alarms(CLEAR, 1, 8), ok("alarms=1")),
    row("then it goes on", calls.put({ key: "a" }), ok("prev=0")),
    row("a kind that no version knows", alarms(RAISE, 9, 7), ok("alarms=1")),
    row("stops nothing", calls.put({ key: "a" }), ok("prev=0")),
    row("and is listed", alarms(LIST, 0), ok("alarms=1")),
  ],
};

/** While the NOSPACE alarm is raised. */
export const NOSPACE_GROUP: Group = {
  name: "alarm NOSPACE",
  setup: [...BASE_SETUP, call(ALARM, alarm(1, 1))],
  rows: [
    row("put", calls.put({ key: "a", value: "x" }), FAIL.noSpace),
    row("put: empty key first", calls.put({}), FAIL.emptyKey),
    row("put: space before lease", calls.put({ key: "a", lease: 9 }), FAIL.noSpace),
    row("txn with a put", calls.txn({ success: [op.put({ key: "a" })] }), FAIL.noSpace),
    row(
      "txn with a put not taken",
      calls.txn({ failure: [op.put({ key: "a" })], success: [op.del({ key: "zz" })] }),
      FAIL.noSpace,
    ),
    row(
      "txn: space before revision",
      calls.txn({ success: [op.range({ key: "a", revision: FAR }), op.put({ key: "a" })] }),
      FAIL.noSpace,
    ),
    row(
      "txn with deletes only",
      calls.txn({ success: [op.del({ key: "zz" })] }),
      ok("succeeded=1 delete(deleted=0 prev=0)"),
    ),
    row("range", calls.range({ key: "a" }), ok("kvs=1 more=0 count=1")),
    row("delete", calls.del({ key: "b" }), ok("deleted=1 prev=0")),
    row("compact", calls.compact(4), ok("")),
  ],
};

/** While the CORRUPT alarm is raised. */
export const CORRUPT_GROUP: Group = {
  name: "alarm CORRUPT",
  setup: [...BASE_SETUP, call(ALARM, alarm(1, 1)), call(ALARM, alarm(1, 2))],
  rows: [
    row("put: corrupt before space", calls.put({ key: "a", value: "x" }), FAIL.corrupt),
    row("put: empty key first", calls.put({}), FAIL.emptyKey),
    row("put: corrupt before lease", calls.put({ key: "a", lease: 9 }), FAIL.corrupt),
    row("delete", calls.del({ key: "a" }), FAIL.corrupt),
    row("txn with a put", calls.txn({ success: [op.put({ key: "a" })] }), FAIL.corrupt),
    row("txn with deletes only", calls.txn({ success: [op.del({ key: "zz" })] }), FAIL.corrupt),
    row(
      "txn read-only",
      calls.txn({ success: [op.range({ key: "a" })] }),
      ok("succeeded=1 range(kvs=1 more=0 count=1)"),
    ),
    row("compact", calls.compact(4), FAIL.corrupt),
    row("compact: corrupt before future", calls.compact(FAR), FAIL.corrupt),
    row("range", calls.range({ key: "a" }), ok("kvs=1 more=0 count=1")),
  ],
};

/** Larger than the quota of its group leaves room for. */
const FILLING = BIG.subarray(0, 1_450_000);

/** Over the quota of the backend: refused by the member that was asked, before any other check. */
export const QUOTA_GROUP: Group = {
  name: "over quota",
  flags: ["--quota-backend-bytes", "1450000"],
  setup: [calls.put({ key: "a", value: "1" })],
  rows: [
    row("quota before key", calls.put({ value: FILLING }), FAIL.noSpace),
    row("whoever was refused finds the alarm", alarms(LIST, 1), ok("alarms=1")),
    row("clear any", alarms(CLEAR, 1), ok("alarms=0")),
    row(
      "quota before value",
      calls.put({ key: "a", value: FILLING, ignoreValue: true }),
      FAIL.noSpace,
    ),
    row(
      "quota before count",
      calls.txn({
        success: [...times(128, () => op.del({ key: "a" })), op.put({ key: "a", value: FILLING })],
      }),
      FAIL.noSpace,
    ),
    row("put", calls.put({ key: "b", value: FILLING }), FAIL.noSpace),
    row("small put: the alarm is raised", calls.put({ key: "b", value: "x" }), FAIL.noSpace),
    row("small put: the key first", calls.put({ value: "x" }), FAIL.emptyKey),
    row("range", calls.range({ key: "a" }), ok("kvs=1 more=0 count=1")),
    row("delete", calls.del({ key: "a" }), ok("deleted=1 prev=0")),
  ],
};
