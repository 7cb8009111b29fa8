import { assert } from "../base/assert.ts";
import { ByteWriter } from "../base/byte-writer.ts";
import {
  asV2,
  type ConfChange,
  type ConfChangeSingle,
  type ConfChangeTransition,
  type ConfChangeType,
  type ConfChangeV2,
} from "./conf-change.ts";
import { type Entry, EntryType, NO_DATA } from "./types.ts";

/** A configuration change as the log holds it. */
export interface EncodedConfChange {
  readonly type: EntryType;
  readonly data: Uint8Array;
}

const VARINT = 0;
const BYTES = 2;
const TWO_32 = 32n;
const LOW_32 = 0xffff_ffffn;

/** Encodes as raftpb's ConfChange; `id` and `context` only when they are set. */
export function encodeConfChange(change: ConfChange): EncodedConfChange {
  const out = new ByteWriter();
  if (change.id !== 0n) writeId(out, 1, change.id);
  writeNumber(out, 2, change.type);
  writeId(out, 3, change.nodeId);
  if (change.context.length > 0) writeBytes(out, 4, change.context);
  return { type: EntryType.confChange, data: taken(out) };
}

/** Encodes as raftpb's ConfChangeV2; one that leaves a joint configuration has no bytes. */
export function encodeConfChangeV2(change: ConfChangeV2): EncodedConfChange {
  const out = new ByteWriter();
  if (change.transition !== 0) writeNumber(out, 1, change.transition);
  for (const single of change.changes) {
    const inner = new ByteWriter();
    writeNumber(inner, 1, single.type);
    writeId(inner, 2, single.nodeId);
    writeBytes(out, 2, taken(inner));
  }
  if (change.context.length > 0) writeBytes(out, 3, change.context);
  return { type: EntryType.confChangeV2, data: taken(out) };
}

/**
 * The change that a configuration entry stands for.
 * @throws AssertionError for bytes that are none: what the log holds was encoded by a member.
 */
export function decodeConfChange(entry: Pick<Entry, "type" | "data">): ConfChangeV2 {
  if (entry.type === EntryType.confChangeV2) return decodeV2(entry.data);
  assert(entry.type === EntryType.confChange, "raft: not a configuration entry");
  return asV2(decodeV1(entry.data));
}

/** @throws AssertionError for bytes that are not a ConfChange. */
export function decodeV1(data: Uint8Array): ConfChange {
  let id = 0n;
  let type = 0;
  let nodeId = 0n;
  let context = NO_DATA;
  for (const field of fieldsOf(data)) {
    if (field.number === 1) id = field.value;
    else if (field.number === 2) type = Number(field.value);
    else if (field.number === 3) nodeId = field.value;
    else if (field.number === 4) context = field.bytes;
  }
  return { id, type: type as ConfChangeType, nodeId, context };
}

function decodeV2(data: Uint8Array): ConfChangeV2 {
  let transition = 0;
  const changes: ConfChangeSingle[] = [];
  let context = NO_DATA;
  for (const field of fieldsOf(data)) {
    if (field.number === 1) transition = Number(field.value);
    else if (field.number === 2) changes.push(decodeSingle(field.bytes));
    else if (field.number === 3) context = field.bytes;
  }
  return { transition: transition as ConfChangeTransition, changes, context };
}

function decodeSingle(data: Uint8Array): ConfChangeSingle {
  let type = 0;
  let nodeId = 0n;
  for (const field of fieldsOf(data)) {
    if (field.number === 1) type = Number(field.value);
    else if (field.number === 2) nodeId = field.value;
  }
  return { type: type as ConfChangeType, nodeId };
}

interface Field {
  readonly number: number;
  readonly value: bigint;
  readonly bytes: Uint8Array;
}

/** Configuration changes are rare and tiny: clear beats fast here. */
function fieldsOf(data: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      assert(at < data.length && shift < 70n, "raft: malformed configuration change");
      const byte = data[at]!;
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
  };
  while (at < data.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    assert(wire === VARINT || wire === BYTES, "raft: malformed configuration change");
    const value = varint();
    let bytes = NO_DATA;
    if (wire === BYTES) {
      const end = at + Number(value);
      assert(end <= data.length, "raft: malformed configuration change");
      bytes = data.subarray(at, end);
      at = end;
    }
    fields.push({ number: tag >>> 3, value, bytes });
  }
  return fields;
}

function writeNumber(out: ByteWriter, field: number, value: number): void {
  out.varint(field * 8 + VARINT);
  out.varint(value);
}

function writeId(out: ByteWriter, field: number, id: bigint): void {
  out.varint(field * 8 + VARINT);
  out.varint64(Number(id >> TWO_32), Number(id & LOW_32));
}

function writeBytes(out: ByteWriter, field: number, bytes: Uint8Array): void {
  out.varint(field * 8 + BYTES);
  out.varint(bytes.length);
  out.raw(bytes, 0, bytes.length);
}

function taken(out: ByteWriter): Uint8Array {
  return out.length === 0 ? NO_DATA : out.bytes.slice(0, out.length);
}
