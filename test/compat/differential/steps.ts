import { type Fields, isRelative, MESSAGES, printBytes, type Value } from "./schema.ts";

/** The calls of a program. */
export type Call =
  | "Range"
  | "RangeStream"
  | "Put"
  | "DeleteRange"
  | "Txn"
  | "Compact"
  | "HashKV"
  | "Alarm";

/** Where a call goes and what it carries. */
export interface CallSpec {
  readonly path: string;
  readonly request: string;
  readonly response: string;
}

/** By call. */
export const CALLS: Readonly<Record<Call, CallSpec>> = {
  Range: { path: "/etcdserverpb.KV/Range", request: "Range", response: "RangeResponse" },
  RangeStream: {
    path: "/etcdserverpb.KV/RangeStream",
    request: "Range",
    response: "RangeResponse",
  },
  Put: { path: "/etcdserverpb.KV/Put", request: "Put", response: "PutResponse" },
  DeleteRange: {
    path: "/etcdserverpb.KV/DeleteRange",
    request: "Delete",
    response: "DeleteRangeResponse",
  },
  Txn: { path: "/etcdserverpb.KV/Txn", request: "Txn", response: "TxnResponse" },
  Compact: {
    path: "/etcdserverpb.KV/Compact",
    request: "Compaction",
    response: "CompactionResponse",
  },
  HashKV: {
    path: "/etcdserverpb.Maintenance/HashKV",
    request: "HashKV",
    response: "HashKVResponse",
  },
  Alarm: { path: "/etcdserverpb.Maintenance/Alarm", request: "Alarm", response: "AlarmResponse" },
};

/** A change of the encoded request: cut to a part of it, overwrite a byte, or append bytes. */
export type Damage =
  | { readonly kind: "cut"; readonly keep: number }
  | { readonly kind: "byte"; readonly at: number; readonly value: number }
  | { readonly kind: "append"; readonly bytes: Uint8Array };

/** One request of a program. */
export interface Step {
  readonly call: Call;
  readonly fields: Fields;
  /** Fractions in [0, 1) of the encoded length say where. */
  readonly damage?: Damage;
}

/** The bytes to send. */
export function applyDamage(bytes: Uint8Array, damage: Damage | undefined): Uint8Array {
  if (damage === undefined) return bytes;
  if (damage.kind === "append") return Buffer.concat([bytes, damage.bytes]);
  if (damage.kind === "cut") return bytes.subarray(0, Math.floor(bytes.length * damage.keep));
  const changed = Uint8Array.from(bytes);
  const at = Math.floor(bytes.length * damage.at);
  if (at < changed.length) changed[at] = damage.value;
  return changed;
}

/** A step on one line. */
export function printStep({ call, fields, damage }: Step): string {
  const text = `${call}${printFields(CALLS[call].request, fields)}`;
  if (damage === undefined) return text;
  if (damage.kind === "cut") return `${text}, cut to ${damage.keep.toFixed(3)} of its bytes`;
  if (damage.kind === "append") return `${text}, followed by the bytes ${printBytes(damage.bytes)}`;
  return `${text}, byte at ${damage.at.toFixed(3)} is 0x${damage.value.toString(16)}`;
}

function printFields(message: string, fields: Fields): string {
  const parts = Object.values(MESSAGES[message]!).flatMap(([label, type]) => {
    const value = fields[label];
    return value === undefined ? [] : [`${label}: ${printValue(type, value)}`];
  });
  return `{${parts.join(", ")}}`;
}

function printValue(type: string, value: Value): string {
  if (typeof value !== "object") return String(value);
  if (value instanceof Uint8Array) return printBytes(value);
  if (Array.isArray(value)) return `[${value.map((each) => printFields(type, each)).join(", ")}]`;
  if (!isRelative(value)) return printFields(type, value as Fields);
  const sign = value.delta < 0 ? "-" : "+";
  return `${value.base}${value.delta === 0 ? "" : `${sign}${Math.abs(value.delta)}`}`;
}
