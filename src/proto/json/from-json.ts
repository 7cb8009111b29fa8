import { EMPTY_BYTES, NUMBER_MAX } from "../wire.ts";
import { fromBase64 } from "./base64.ts";
import type { FieldDescriptor, MessageDescriptor } from "./descriptor.ts";
import { JsonError, JsonNumber, JsonObject, type JsonValue } from "./parse.ts";
import { descriptorOf } from "./to-json.ts";

type Plain = Record<string, unknown>;

/** Longest text of a number that is looked at: more digits than any 64-bit integer has. */
const NUMBER_TEXT_MAX = 400;

/**
 * A JSON value as a message, as etcd's gateway reads it: names of the .proto file or lowerCamel
 * ones, unknown ones ignored; integers as numbers or strings; bytes in either alphabet of base64,
 * padded or not; enums by name or number, unknown names ignored; null is as if absent.
 * @throws JsonError for a field or a oneof that is set twice, a wrong type, a number out of range.
 */
export function fromJson(descriptor: MessageDescriptor, value: JsonValue): object {
  if (!(value instanceof JsonObject)) throw new JsonError("unexpected token, not an object");
  const message = descriptor.create() as Plain;
  const seen = new Set<FieldDescriptor>();
  for (const [name, member] of value.members) {
    const field = descriptor.fields.find((f) => f.name === name || f.jsonName === name);
    if (field === undefined) continue;
    if (seen.has(field)) throw new JsonError(`duplicate field ${JSON.stringify(name)}`);
    seen.add(field);
    if (member !== null) setField(message, field, member);
  }
  return message;
}

function setField(message: Plain, field: FieldDescriptor, value: JsonValue): void {
  if (field.repeated) {
    if (!Array.isArray(value)) throw wrong(field);
    const list = message[field.prop] as unknown[];
    for (const one of value) {
      const read = readValue(field, one);
      if (read !== undefined) list.push(read);
    }
    return;
  }
  if (field.oneof !== undefined && message[field.oneof] !== undefined) {
    throw new JsonError(`oneof ${field.oneof} is already set`);
  }
  const read = readValue(field, value);
  if (read === undefined) return;
  if (field.oneof === undefined) message[field.prop] = read;
  else message[field.oneof] = { case: field.prop, value: read };
}

function wrong(field: FieldDescriptor): JsonError {
  return new JsonError(`invalid value for field ${field.name}`);
}

/** The value as our message has it; undefined for an unknown enum name. */
function readValue(field: FieldDescriptor, value: JsonValue): unknown {
  switch (field.kind) {
    case "message":
      return fromJson(descriptorOf(field.message ?? ""), value);
    case "bool":
      if (typeof value !== "boolean") throw wrong(field);
      return value;
    case "string":
      if (typeof value !== "string") throw wrong(field);
      return value;
    case "bytes":
      return readBytes(field, value);
    case "enum":
      if (typeof value === "string") return field.values?.[value];
      return Number(readInteger(field, value));
    default:
      return toOurs(field, readInteger(field, value));
  }
}

function readBytes(field: FieldDescriptor, value: JsonValue): Uint8Array {
  const bytes = typeof value === "string" ? fromBase64(value) : undefined;
  if (bytes === undefined) throw wrong(field);
  return bytes.length === 0 ? EMPTY_BYTES : bytes;
}

/** Lowest and highest value of each kind of integer. */
const RANGES: Readonly<Record<string, readonly [bigint, bigint]>> = {
  uint: [0n, (1n << 64n) - 1n],
  uint64: [0n, (1n << 64n) - 1n],
  int: [-(1n << 63n), (1n << 63n) - 1n],
  int64: [-(1n << 63n), (1n << 63n) - 1n],
  uint32: [0n, (1n << 32n) - 1n],
  int32: [-(1n << 31n), (1n << 31n) - 1n],
  enum: [-(1n << 31n), (1n << 31n) - 1n],
};

function readInteger(field: FieldDescriptor, value: JsonValue): bigint {
  const text = value instanceof JsonNumber ? value.text : value;
  const number = typeof text === "string" ? integerOf(text) : undefined;
  const [least, most] = RANGES[field.kind] ?? [0n, 0n];
  if (number === undefined || number < least || number > most) throw wrong(field);
  return number;
}

/** The integer that a JSON number stands for, also when written as `1.50e1`. */
function integerOf(text: string): bigint | undefined {
  const parts = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (parts === null || text.length > NUMBER_TEXT_MAX) return undefined;
  const [, sign, whole, fraction = "", exponent = "0"] = parts;
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  if (digits === "") return 0n;
  const zeros = Number(exponent) - fraction.length;
  if (zeros > 20) return undefined;
  const kept = zeros < 0 ? digits.slice(0, zeros) : digits;
  if (zeros < 0 && (kept === "" || /[^0]/.test(digits.slice(zeros)))) return undefined;
  const size = BigInt(kept) * 10n ** BigInt(Math.max(0, zeros));
  return sign === "-" ? -size : size;
}

/** Our number for revisions and the like (saturating), our bigint for ids. */
function toOurs(field: FieldDescriptor, value: bigint): number | bigint {
  if (field.kind === "uint64" || field.kind === "int64") return value;
  const number = Number(value);
  return Math.max(-NUMBER_MAX, Math.min(NUMBER_MAX, number));
}
