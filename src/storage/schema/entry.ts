import { copyOfSpan, newSpan } from "../../base/span.ts";
import type { Backend, BackendReader } from "../backend/backend.ts";
import { SchemaError } from "./error.ts";
import type { Place } from "./error.ts";

const NUMBER_BYTES = 8;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A copy of the value at `place`; null when there is none. */
export function readEntry(reader: BackendReader, place: Place): Uint8Array | null {
  const found = newSpan();
  return reader.get(place.bucket, keyBytes(place), found) ? copyOfSpan(found) : null;
}

/** Puts the value into the open batch; a text as UTF-8. */
export function writeEntry(backend: Backend, place: Place, value: Uint8Array | string): void {
  backend.put(place.bucket, keyBytes(place), toBytes(value));
}

/** Takes the entry away in the open batch; false when there was none. */
export function deleteEntry(backend: Backend, place: Place): boolean {
  return backend.delete(place.bucket, keyBytes(place));
}

/** All keys of a bucket in bytewise order, copied. */
export function keysOf(reader: BackendReader, bucket: Place["bucket"]): Uint8Array[] {
  const keys: Uint8Array[] = [];
  const cursor = reader.cursor(bucket);
  while (cursor.next()) keys.push(copyOfSpan(cursor.key));
  return keys;
}

/** A text in UTF-8. @throws SchemaError when it is not. */
export function textOf(place: Place, value: Uint8Array): string {
  try {
    return utf8.decode(value);
  } catch {
    throw new SchemaError(place, "the value is not UTF-8");
  }
}

/**
 * A number of 8 bytes, big endian.
 * @throws SchemaError for another length, and from 2^53 on, where no index of a log gets.
 */
export function numberOf(place: Place, value: Uint8Array): number {
  if (value.length !== NUMBER_BYTES) {
    throw new SchemaError(place, `the value has ${value.length} bytes instead of ${NUMBER_BYTES}`);
  }
  const number = new DataView(value.buffer, value.byteOffset).getBigUint64(0);
  if (number <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(number);
  throw new SchemaError(place, `${number} is beyond what a log can reach`);
}

/** The 8 bytes of `number`, which is in [0, 2^53). */
export function numberBytes(number: number): Uint8Array {
  const bytes = new Uint8Array(NUMBER_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
  return bytes;
}

function keyBytes({ key }: Place): Uint8Array {
  return toBytes(key);
}

function toBytes(value: Uint8Array | string): Uint8Array {
  return typeof value === "string" ? new TextEncoder().encode(value) : value;
}
