import { frame } from "./raw-client.ts";
import type { RawCall } from "./raw-client.ts";
import { compaction, del, put, range, txn } from "./requests.ts";
import type { TxnFields } from "./requests.ts";

/** What must come back: a success with this summary, or exactly this code and text. */
export type Want =
  | { readonly ok: string }
  | { readonly code: number; readonly message: string; readonly http?: number }
  /** The rest of the text depends on the implementation's language. */
  | { readonly code: number; readonly prefix: string };

/** One provoked answer. */
export interface Row {
  readonly name: string;
  readonly call: RawCall;
  readonly want: Want;
}

/** Rows that need a state of their own: a fresh server with these flags, after these calls. */
export interface Group {
  readonly name: string;
  readonly flags?: readonly string[];
  readonly setup: readonly RawCall[];
  readonly rows: readonly Row[];
}

const KV = "/etcdserverpb.KV";

/** A proper call of a method. */
export function call(path: string, message: Uint8Array): RawCall {
  return { path, body: frame(message) };
}

/** Calls of the KV service. */
export const calls = {
  range: (fields: Parameters<typeof range>[0]): RawCall => call(`${KV}/Range`, range(fields)),
  stream: (fields: Parameters<typeof range>[0]): RawCall =>
    call(`${KV}/RangeStream`, range(fields)),
  put: (fields: Parameters<typeof put>[0]): RawCall => call(`${KV}/Put`, put(fields)),
  del: (fields: Parameters<typeof del>[0]): RawCall => call(`${KV}/DeleteRange`, del(fields)),
  txn: (parts: TxnFields): RawCall => call(`${KV}/Txn`, txn(parts)),
  compact: (revision: number | bigint, physical = false): RawCall =>
    call(`${KV}/Compact`, compaction(revision, physical)),
} as const;

/** A row of the table. */
export function row(name: string, made: RawCall, want: Want): Row {
  return { name, call: made, want };
}

/** Success with this summary (see `summarize`). */
export function ok(summary: string): Want {
  return { ok: summary };
}

function failure(code: number, message: string): Want {
  return { code, message };
}

/** The failures of the table by name: code and exact text of etcd 3.7.1. */
export const FAIL = {
  emptyKey: failure(3, "etcdserver: key is not provided"),
  keyNotFound: failure(3, "etcdserver: key not found"),
  valueProvided: failure(3, "etcdserver: value is provided"),
  leaseProvided: failure(3, "etcdserver: lease is provided"),
  tooManyOps: failure(3, "etcdserver: too many operations in txn request"),
  duplicateKey: failure(3, "etcdserver: duplicate key given in txn request"),
  apiVersion: failure(3, "etcdserver: invalid client api version"),
  sortOption: failure(3, "etcdserver: invalid sort option"),
  compacted: failure(11, "etcdserver: mvcc: required revision has been compacted"),
  futureRev: failure(11, "etcdserver: mvcc: required revision is a future revision"),
  noSpace: failure(8, "etcdserver: mvcc: database space exceeded"),
  leaseNotFound: failure(5, "etcdserver: requested lease not found"),
  requestTooLarge: failure(3, "etcdserver: request is too large"),
  corrupt: failure(15, "etcdserver: corrupt cluster"),
  streamSort: failure(12, "RangeStream does not support custom sort orders"),
  streamFilter: failure(12, "RangeStream does not support revision filters"),
} as const;
