import { copyBytes } from "../base/byte-writer.ts";
import type { ByteSpan } from "../base/span.ts";
import { varintBytes } from "./index/framed-size.ts";

/**
 * The stored mvccpb.KeyValue: 1 key, 2 create_revision, 3 mod_revision, 4 version, 5 value, 6
 * lease; ascending, zeros omitted, shortest varints, since HashKV is over these bytes.
 */
const KEY_TAG = 0x0a;
const CREATE_TAG = 0x10;
const MOD_TAG = 0x18;
const VERSION_TAG = 0x20;
const VALUE_TAG = 0x2a;
const LEASE_TAG = 0x30;
const TWO_28 = 0x1000_0000;
const LOW_7_BITS = 0x7fn;

/** The numbers of a KeyValue; revisions and version are > 0 when the key exists. */
export interface KeyValueNumbers {
  create: number;
  mod: number;
  version: number;
  /** Signed 64 bits, 0n for none. */
  lease: bigint;
}

/** Size of an encoded KeyValue; `value` null for a KeyValue without value. */
export function keyValueBytes(keyBytes: number, valueBytes: number, of: KeyValueNumbers): number {
  const numbers = 3 + varintBytes(of.create) + varintBytes(of.mod) + varintBytes(of.version);
  const value = valueBytes === 0 ? 0 : 1 + varintBytes(valueBytes) + valueBytes;
  const lease = of.lease === 0n ? 0 : 1 + bigVarintBytes(of.lease);
  return tombstoneBytes(keyBytes) + numbers + value + lease;
}

/** Size of what is stored for a deletion: a KeyValue with the key only. */
export function tombstoneBytes(keyBytes: number): number {
  return 1 + varintBytes(keyBytes) + keyBytes;
}

/** Writes a KeyValue at `out.start`; `out` has exactly its size. */
export function writeKeyValue(
  out: ByteSpan,
  key: ByteSpan,
  value: ByteSpan,
  of: KeyValueNumbers,
): void {
  const { bytes } = out;
  let at = writeTombstone(out, key);
  at = writeNumbers(bytes, at, of.create, of.mod, of.version);
  if (value.end > value.start) {
    bytes[at] = VALUE_TAG;
    at = writeVarint(bytes, at + 1, value.end - value.start);
    copyBytes(value.bytes, value.start, value.end, bytes, at);
    at += value.end - value.start;
  }
  if (of.lease !== 0n) {
    bytes[at] = LEASE_TAG;
    writeBigVarint(bytes, at + 1, of.lease);
  }
}

/** Writes the key field at `out.start`; returns where it ends. */
export function writeTombstone(out: ByteSpan, key: ByteSpan): number {
  const { bytes } = out;
  bytes[out.start] = KEY_TAG;
  const at = writeVarint(bytes, out.start + 1, key.end - key.start);
  copyBytes(key.bytes, key.start, key.end, bytes, at);
  return at + key.end - key.start;
}

/** Writes fields 2 to 4; returns where they end. */
export function writeNumbers(
  bytes: Uint8Array,
  offset: number,
  create: number,
  mod: number,
  version: number,
): number {
  let at = offset;
  bytes[at] = CREATE_TAG;
  at = writeVarint(bytes, at + 1, create);
  bytes[at] = MOD_TAG;
  at = writeVarint(bytes, at + 1, mod);
  bytes[at] = VERSION_TAG;
  return writeVarint(bytes, at + 1, version);
}

/** Writes an integer in [0, 2^53) as a varint; returns where it ends. */
export function writeVarint(bytes: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  while (rest >= TWO_28) {
    bytes[at++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

/** What is read of a stored KeyValue; the spans point into it. */
export interface KeyValueFields extends KeyValueNumbers {
  readonly key: ByteSpan;
  readonly value: ByteSpan;
}

/** Fills `out` with the key of a stored KeyValue: its first field; empty when it has none. */
export function readKeyOf(stored: ByteSpan, out: ByteSpan): void {
  out.bytes = stored.bytes;
  out.start = stored.start;
  out.end = stored.start;
  if (stored.start === stored.end || stored.bytes[stored.start] !== KEY_TAG) return;
  let at = stored.start + 1;
  let length = 0;
  let unit = 1;
  for (;;) {
    const byte = stored.bytes[at++];
    length += (byte & 0x7f) * unit;
    if (byte < 0x80) break;
    unit *= 128;
  }
  out.start = at;
  out.end = at + length;
}

/**
 * Reads a stored KeyValue. False when the bytes are not one: then the store they come from is
 * damaged. Unknown fields do not occur in what etcd or we write.
 */
export function readKeyValue(stored: ByteSpan, out: KeyValueFields): boolean {
  const { bytes, end } = stored;
  out.create = out.mod = out.version = 0;
  out.lease = 0n;
  setSpan(out.key, bytes, stored.start, 0);
  setSpan(out.value, bytes, stored.start, 0);
  let at = stored.start;
  while (at < end) {
    const tag = bytes[at++];
    let low = 0;
    let unit = 1;
    const from = at;
    while (at < end && bytes[at] >= 0x80) {
      low += (bytes[at++] & 0x7f) * unit;
      unit *= 128;
    }
    if (at >= end) return false;
    low += bytes[at++] * unit;
    if (tag === KEY_TAG || tag === VALUE_TAG) {
      if (low > end - at) return false;
      setSpan(tag === KEY_TAG ? out.key : out.value, bytes, at, low);
      at += low;
    } else if (tag === CREATE_TAG) out.create = low;
    else if (tag === MOD_TAG) out.mod = low;
    else if (tag === VERSION_TAG) out.version = low;
    else if (tag === LEASE_TAG) out.lease = readBigVarint(bytes, from, at);
    else return false;
  }
  return true;
}

/** What an index needs to know of a stored KeyValue. */
export interface StoredFields {
  /** Where the key is. */
  keyStart: number;
  keyEnd: number;
  create: number;
  mod: number;
  version: number;
  hasLease: boolean;
}

/** A new reusable set of fields. */
export function newStoredFields(): StoredFields {
  return { keyStart: 0, keyEnd: 0, create: 0, mod: 0, version: 0, hasLease: false };
}

/** As `readKeyValue` for a million of them, without value and exact lease. */
export function readStored(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: StoredFields,
): boolean {
  out.keyStart = out.keyEnd = start;
  out.create = out.mod = out.version = 0;
  out.hasLease = false;
  let at = start;
  while (at < end) {
    const tag = bytes[at++];
    let byte = at < end ? bytes[at++] : 0x80;
    let number = byte & 0x7f;
    for (let unit = 128; byte >= 0x80; unit *= 128) {
      if (at >= end) return false;
      byte = bytes[at++];
      number += (byte & 0x7f) * unit;
    }
    if (tag === KEY_TAG) {
      out.keyStart = at;
      at += number;
      out.keyEnd = at;
    } else if (tag === VALUE_TAG) at += number;
    else if (tag === CREATE_TAG) out.create = number;
    else if (tag === MOD_TAG) out.mod = number;
    else if (tag === VERSION_TAG) out.version = number;
    else if (tag === LEASE_TAG) out.hasLease = number !== 0;
    else return false;
    if (at > end) return false;
  }
  return true;
}

function setSpan(span: ByteSpan, bytes: Uint8Array, start: number, length: number): void {
  span.bytes = bytes;
  span.start = start;
  span.end = start + length;
}

function bigVarintBytes(value: bigint): number {
  if (value < 0n) return 10;
  if (value <= Number.MAX_SAFE_INTEGER) return varintBytes(Number(value));
  let bytes = 1;
  for (let rest = value; rest > LOW_7_BITS; rest >>= 7n) bytes += 1;
  return bytes;
}

function writeBigVarint(bytes: Uint8Array, offset: number, value: bigint): void {
  let at = offset;
  let rest = BigInt.asUintN(64, value);
  while (rest > LOW_7_BITS) {
    bytes[at++] = Number(rest & LOW_7_BITS) | 0x80;
    rest >>= 7n;
  }
  bytes[at] = Number(rest);
}

function readBigVarint(bytes: Uint8Array, start: number, end: number): bigint {
  let value = 0n;
  for (let at = end - 1; at >= start; at--) value = (value << 7n) | BigInt(bytes[at] & 0x7f);
  return BigInt.asIntN(64, value);
}
