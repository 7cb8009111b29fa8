/**
 * The messages of the requests and answers that are compared, as a table: an encoder that takes any
 * number in any field and a reader that prints what is there, both independent of Skein's codecs.
 */
import { field, parse } from "../errors/proto-writer.ts";

/** How a field is written and printed; a capital letter begins the name of a message. */
type FieldType = "int" | "bool" | "bytes" | "string" | `${Uppercase<string>}${string}`;
type FieldSpec = readonly [name: string, type: FieldType, repeated?: "repeated"];
type MessageSpec = Readonly<Record<number, FieldSpec>>;

const OP: MessageSpec = {
  1: ["range", "Range"],
  2: ["put", "Put"],
  3: ["delete", "Delete"],
  4: ["txn", "Txn"],
};

/** Field numbers of etcd's `rpc.proto` and `kv.proto`. */
export const MESSAGES: Readonly<Record<string, MessageSpec>> = {
  Range: {
    1: ["key", "bytes"],
    2: ["range_end", "bytes"],
    3: ["limit", "int"],
    4: ["revision", "int"],
    5: ["sort_order", "int"],
    6: ["sort_target", "int"],
    7: ["serializable", "bool"],
    8: ["keys_only", "bool"],
    9: ["count_only", "bool"],
    10: ["min_mod", "int"],
    11: ["max_mod", "int"],
    12: ["min_create", "int"],
    13: ["max_create", "int"],
  },
  Put: {
    1: ["key", "bytes"],
    2: ["value", "bytes"],
    3: ["lease", "int"],
    4: ["prev_kv", "bool"],
    5: ["ignore_value", "bool"],
    6: ["ignore_lease", "bool"],
  },
  Delete: { 1: ["key", "bytes"], 2: ["range_end", "bytes"], 3: ["prev_kv", "bool"] },
  Compare: {
    1: ["result", "int"],
    2: ["target", "int"],
    3: ["key", "bytes"],
    4: ["version", "int"],
    5: ["create", "int"],
    6: ["mod", "int"],
    7: ["value", "bytes"],
    8: ["lease", "int"],
    64: ["range_end", "bytes"],
  },
  Op: OP,
  Txn: {
    1: ["compare", "Compare", "repeated"],
    2: ["success", "Op", "repeated"],
    3: ["failure", "Op", "repeated"],
  },
  Compaction: { 1: ["revision", "int"], 2: ["physical", "bool"] },
  HashKV: { 1: ["revision", "int"] },
  Alarm: { 1: ["action", "int"], 2: ["member", "int"], 3: ["alarm", "int"] },
  Header: {
    1: ["cluster_id", "int"],
    2: ["member_id", "int"],
    3: ["revision", "int"],
    4: ["raft_term", "int"],
  },
  KeyValue: {
    1: ["key", "bytes"],
    2: ["create", "int"],
    3: ["mod", "int"],
    4: ["version", "int"],
    5: ["value", "bytes"],
    6: ["lease", "int"],
  },
  RangeResponse: {
    1: ["header", "Header"],
    2: ["kvs", "KeyValue", "repeated"],
    3: ["more", "bool"],
    4: ["count", "int"],
  },
  RangeStreamResponse: { 1: ["range_response", "RangeResponse"] },
  PutResponse: { 1: ["header", "Header"], 2: ["prev_kv", "KeyValue"] },
  DeleteRangeResponse: {
    1: ["header", "Header"],
    2: ["deleted", "int"],
    3: ["prev_kvs", "KeyValue", "repeated"],
  },
  OpResponse: {
    1: ["range", "RangeResponse"],
    2: ["put", "PutResponse"],
    3: ["delete", "DeleteRangeResponse"],
    4: ["txn", "TxnResponse"],
  },
  TxnResponse: {
    1: ["header", "Header"],
    2: ["succeeded", "bool"],
    3: ["responses", "OpResponse", "repeated"],
  },
  CompactionResponse: { 1: ["header", "Header"] },
  HashKVResponse: {
    1: ["header", "Header"],
    2: ["hash", "int"],
    3: ["compact_revision", "int"],
    4: ["hash_revision", "int"],
  },
  AlarmMember: { 1: ["member", "int"], 2: ["alarm", "int"] },
  AlarmResponse: { 1: ["header", "Header"], 2: ["alarms", "AlarmMember", "repeated"] },
};

/** Fields whose values two servers need not have in common; that one is there is compared. */
const ANY_VALUE: ReadonlySet<string> = new Set(["cluster_id", "member_id", "raft_term"]);

/** A revision relative to where the store is when the request is sent. */
export interface Relative {
  readonly base: "now" | "compacted";
  readonly delta: number;
}

/** Values by field name; a list for repeated fields. */
export type Value = bigint | boolean | Uint8Array | Relative | Fields | readonly Fields[];
/** A message: fields left out are not written, zeros that are given are. */
export interface Fields {
  readonly [name: string]: Value;
}

/** What `Relative` numbers refer to. */
export interface Position {
  readonly now: bigint;
  readonly compacted: bigint;
}

/** True for a number that depends on the store. */
export function isRelative(value: Value): value is Relative {
  return typeof value === "object" && "base" in value && "delta" in value;
}

/** The number that a field holds at `position`. */
export function resolve(value: bigint | Relative, position: Position): bigint {
  return typeof value === "bigint" ? value : position[value.base] + BigInt(value.delta);
}

/** The message `name` as bytes. */
export function encode(name: string, fields: Fields, position: Position): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [number, [label, type, repeated]] of Object.entries(MESSAGES[name]!)) {
    const value = fields[label];
    if (value === undefined) continue;
    const values = repeated === undefined ? [value] : (value as readonly Fields[]);
    for (const each of values) parts.push(field(Number(number), encodeValue(type, each, position)));
  }
  return Buffer.concat(parts);
}

function encodeValue(
  type: FieldType,
  value: Value,
  position: Position,
): bigint | boolean | Uint8Array {
  if (typeof value === "bigint" || typeof value === "boolean") return value;
  if (value instanceof Uint8Array) return value;
  return isRelative(value) ? resolve(value, position) : encode(type, value as Fields, position);
}

/** Bytes as text: printable ASCII as it is, the rest in hex, the middle of long ones left out. */
export function printBytes(bytes: Uint8Array, max = 40): string {
  const text = [...bytes.subarray(0, max)]
    .map((byte) =>
      byte >= 0x20 && byte < 0x7f && byte !== 0x22
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, "0")}`,
    )
    .join("");
  return bytes.length <= max ? `"${text}"` : `"${text}…" (${bytes.length} bytes)`;
}

/**
 * An answer as lines of text that are equal when the answers agree: every field in the order of its
 * number, unknown ones too.
 */
export function print(name: string, bytes: Uint8Array, indent = ""): string[] {
  const spec = MESSAGES[name]!;
  const lines: string[] = [];
  const fields = [...parse(bytes)].sort(([a], [b]) => a - b);
  for (const [number, values] of fields) {
    const [label, type] = spec[number] ?? [`unknown field ${number}`, "int"];
    for (const value of values) {
      if (value instanceof Uint8Array && type in MESSAGES) {
        lines.push(`${indent}${label}:`, ...print(type, value, `${indent}  `));
      } else lines.push(`${indent}${label}: ${printValue(label, type, value)}`);
    }
  }
  return lines;
}

function printValue(label: string, type: FieldType, value: bigint | Uint8Array): string {
  if (value instanceof Uint8Array) return printBytes(value, Number.POSITIVE_INFINITY);
  if (ANY_VALUE.has(label)) return "set";
  return type === "bool" ? String(value !== 0n) : String(BigInt.asIntN(64, value));
}
