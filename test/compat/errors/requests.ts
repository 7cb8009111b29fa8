import { message } from "./proto-writer.ts";
import type { Value } from "./proto-writer.ts";

/** Fields by name; see the tables of numbers below. */
type Fields<Names extends string> = Partial<Record<Names, Value>>;

const RANGE = {
  key: 1,
  rangeEnd: 2,
  limit: 3,
  revision: 4,
  sortOrder: 5,
  sortTarget: 6,
  serializable: 7,
  keysOnly: 8,
  countOnly: 9,
  minMod: 10,
  maxMod: 11,
  minCreate: 12,
  maxCreate: 13,
} as const;
const PUT = { key: 1, value: 2, lease: 3, prevKv: 4, ignoreValue: 5, ignoreLease: 6 } as const;
const DELETE = { key: 1, rangeEnd: 2, prevKv: 3 } as const;
const COMPARE = {
  result: 1,
  target: 2,
  key: 3,
  version: 4,
  create: 5,
  mod: 6,
  value: 7,
  lease: 8,
  rangeEnd: 64,
} as const;

function named<Names extends string>(
  numbers: Readonly<Record<Names, number>>,
  fields: Fields<Names>,
): Uint8Array {
  const entries = Object.entries(fields) as [Names, Value][];
  return message(...entries.map(([name, value]) => [numbers[name], value] as const));
}

/** RangeRequest. */
export function range(fields: Fields<keyof typeof RANGE>): Uint8Array {
  return named(RANGE, fields);
}

/** PutRequest. */
export function put(fields: Fields<keyof typeof PUT>): Uint8Array {
  return named(PUT, fields);
}

/** DeleteRangeRequest. */
export function del(fields: Fields<keyof typeof DELETE>): Uint8Array {
  return named(DELETE, fields);
}

/** Compare. */
export function cmp(fields: Fields<keyof typeof COMPARE>): Uint8Array {
  return named(COMPARE, fields);
}

/** CompactionRequest. */
export function compaction(revision: number | bigint, physical = false): Uint8Array {
  return message([1, revision], [2, physical ? true : undefined]);
}

/** AlarmRequest: action 0 lists, 1 raises, 2 clears; alarm 0 any, 1 NOSPACE, 2 CORRUPT. */
export function alarm(action: number, kind: number, member = 0): Uint8Array {
  return message([1, action], [2, member], [3, kind]);
}

/** RequestOp around an encoded request. */
export const op = {
  range: (fields: Fields<keyof typeof RANGE>): Uint8Array => message([1, range(fields)]),
  put: (fields: Fields<keyof typeof PUT>): Uint8Array => message([2, put(fields)]),
  del: (fields: Fields<keyof typeof DELETE>): Uint8Array => message([3, del(fields)]),
  txn: (parts: TxnFields): Uint8Array => message([4, txn(parts)]),
  /** No member set. */
  none: (): Uint8Array => new Uint8Array(0),
} as const;

/** Lists of encoded messages. */
export interface TxnFields {
  readonly compare?: readonly Uint8Array[];
  readonly success?: readonly Uint8Array[];
  readonly failure?: readonly Uint8Array[];
}

/** TxnRequest. */
export function txn(parts: TxnFields): Uint8Array {
  return message(
    ...(parts.compare ?? []).map((each) => [1, each] as const),
    ...(parts.success ?? []).map((each) => [2, each] as const),
    ...(parts.failure ?? []).map((each) => [3, each] as const),
  );
}

/** `count` copies, numbered. */
export function times(count: number, make: (index: number) => Uint8Array): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** Edges of 64 bits. */
export const INT64_MAX = (1n << 63n) - 1n;
export const INT64_MIN = -(1n << 63n);
