import { messageDescriptors } from "../gen/descriptors.ts";
import { assert } from "../../base/assert.ts";
import { toBase64 } from "./base64.ts";
import type { FieldDescriptor, MessageDescriptor } from "./descriptor.ts";

/** A message seen by property. */
type Plain = Readonly<Record<string, unknown>>;

/** The descriptor of a message by its full name. @throws AssertionError when no method has it. */
export function descriptorOf(fullName: string): MessageDescriptor {
  const found = messageDescriptors[fullName];
  assert(found !== undefined, `no method takes or gives ${fullName}`);
  return found;
}

/**
 * A message as compact JSON, as etcd's gateway writes it: names of the .proto file in its order,
 * 64-bit integers as decimal strings, bytes in padded base64, enums by name, whatever is zero or
 * empty left out (not so the members of a oneof and messages that are there).
 */
export function toJson(descriptor: MessageDescriptor, message: object): string {
  const plain = message as Plain;
  let text = "";
  for (const field of descriptor.fields) {
    const value = presentValue(field, plain);
    if (value === undefined) continue;
    if (text !== "") text += ",";
    text += `"${field.name}":${fieldJson(field, value)}`;
  }
  return `{${text}}`;
}

/** The value to be written, or undefined when the field is left out. */
function presentValue(field: FieldDescriptor, message: Plain): unknown {
  if (field.oneof !== undefined) {
    const set = message[field.oneof] as { case: string; value: unknown } | undefined;
    return set?.case === field.prop ? set.value : undefined;
  }
  const value = message[field.prop];
  if (value instanceof Uint8Array || Array.isArray(value)) {
    return value.length > 0 ? value : undefined;
  }
  return value === 0 || value === 0n || value === false || value === "" ? undefined : value;
}

function fieldJson(field: FieldDescriptor, value: unknown): string {
  if (!field.repeated) return oneJson(field, value);
  return `[${(value as unknown[]).map((v) => oneJson(field, v)).join(",")}]`;
}

function oneJson(field: FieldDescriptor, value: unknown): string {
  switch (field.kind) {
    case "bytes":
      return `"${toBase64(value as Uint8Array)}"`;
    case "string":
      return JSON.stringify(value);
    case "message":
      return toJson(descriptorOf(field.message ?? ""), value as object);
    case "enum":
      return enumJson(field, value as number);
    case "uint":
    case "int":
    case "uint64":
    case "int64":
      return `"${value as number | bigint}"`;
    default:
      return `${value as number | boolean}`;
  }
}

/** Unknown numbers are written as numbers. */
function enumJson(field: FieldDescriptor, number: number): string {
  for (const [name, known] of Object.entries(field.values ?? {})) {
    if (known === number) return `"${name}"`;
  }
  return `${number}`;
}
