/**
 * The dumb twin of the generated decoders: reads any message by its model, one byte at a time with
 * bigints, after the rules of Go's protobuf. Slow and obvious.
 */
import { blank, type Field, type Message, ourNumber, type Plain } from "./model.ts";

class TwinError extends Error {}

/** Things other libraries are known to treat otherwise (see `libraries.ts`). */
export type Oddity =
  | "wrong wire type"
  | "group in an empty message"
  | "long varint"
  | "bad field number"
  | "not UTF-8"
  | "cut to 32 bits";

interface State {
  readonly bytes: Uint8Array;
  pos: number;
  readonly oddities: Set<Oddity>;
}

/** The message, or undefined when the bytes must be refused, and what was odd about them. */
export function decodeByModel(
  model: Message,
  bytes: Uint8Array,
): { message: Plain | undefined; oddities: Set<Oddity> } {
  const state: State = { bytes, pos: 0, oddities: new Set() };
  const message = blank(model);
  try {
    readInto(message, model, { state, end: bytes.length, depth: 1 });
  } catch (error) {
    if (!(error instanceof TwinError)) throw error;
    return { message: undefined, oddities: state.oddities };
  }
  return { message, oddities: state.oddities };
}

interface Range {
  readonly state: State;
  readonly end: number;
  readonly depth: number;
}

function varint(state: State, end: number): bigint {
  let value = 0n;
  for (let i = 0; ; i++) {
    if (state.pos >= end) throw new TwinError("cut off");
    const b = state.bytes[state.pos++] as number;
    value |= BigInt(b & 0x7f) << BigInt(7 * i);
    if (b < 0x80) {
      if (i > 0 && b === 0) state.oddities.add("long varint");
      break;
    }
    if (i === 9) {
      state.oddities.add("long varint");
      throw new TwinError("varint of more than ten bytes");
    }
  }
  if (value >= 1n << 64n) {
    state.oddities.add("long varint");
    throw new TwinError("varint of more than 64 bits");
  }
  return value;
}

function delimited(state: State, end: number): number {
  const length = varint(state, end);
  if (length > BigInt(end - state.pos)) throw new TwinError("length beyond the end");
  return Number(length);
}

function readInto(message: Plain, model: Message, { state, end, depth }: Range): void {
  if (depth > 10_000) throw new TwinError("too deep");
  while (state.pos < end) {
    const tag = varint(state, end);
    const number = tag >> 3n;
    const wire = Number(tag & 7n);
    if (number < 1n || number > (1n << 29n) - 1n) {
      state.oddities.add("bad field number");
      throw new TwinError("field number");
    }
    if (wire === 3 && model.fields.length === 0) state.oddities.add("group in an empty message");
    const field = model.fields.find((f) => BigInt(f.number) === number);
    if (field === undefined) skip({ state, end, depth }, Number(number), wire);
    else readField(message, field, { range: { state, end, depth }, wire });
  }
}

function readField(
  message: Plain,
  field: Field,
  { range, wire }: { range: Range; wire: number },
): void {
  const { state, end, depth } = range;
  const natural = field.kind === "bytes" || field.kind === "string" || field.kind === "message";
  if (wire === 2 && !natural && field.repeated) {
    const to = delimited(state, end) + state.pos;
    while (state.pos < to) put(message, field, scalar(field, state, to));
  } else if (wire !== (natural ? 2 : 0)) {
    state.oddities.add("wrong wire type");
    skip(range, field.number, wire);
  } else if (field.kind !== "message") {
    put(message, field, scalar(field, state, end));
  } else {
    const to = delimited(state, end) + state.pos;
    const target = existing(message, field) ?? blank(field.type as Message);
    put(message, field, target);
    readInto(target, field.type as Message, { state, end: to, depth: depth + 1 });
  }
}

function existing(message: Plain, field: Field): Plain | undefined {
  if (field.repeated) return undefined;
  if (field.oneof === undefined) return message[field.prop] as Plain | undefined;
  const set = message[field.oneof.prop] as { case: string; value: Plain } | undefined;
  return set?.case === field.prop ? set.value : undefined;
}

function put(message: Plain, field: Field, value: unknown): void {
  if (field.repeated) (message[field.prop] as unknown[]).push(value);
  else if (field.oneof === undefined) message[field.prop] = value;
  else message[field.oneof.prop] = { case: field.prop, value };
}

function scalar(field: Field, state: State, end: number): unknown {
  if (field.kind === "bytes" || field.kind === "string") {
    const length = delimited(state, end);
    const bytes = state.bytes.slice(state.pos, state.pos + length);
    state.pos += length;
    if (field.kind === "bytes") return bytes;
    const text = Buffer.from(bytes).toString("utf8");
    if (Buffer.compare(Buffer.from(text, "utf8"), bytes) !== 0) {
      state.oddities.add("not UTF-8");
      throw new TwinError("not UTF-8");
    }
    return text;
  }
  const value = varint(state, end);
  switch (field.kind) {
    case "bool":
      return value !== 0n;
    case "enum":
    case "int32":
      if (BigInt.asIntN(64, value) !== BigInt.asIntN(32, value))
        state.oddities.add("cut to 32 bits");
      return Number(BigInt.asIntN(32, value));
    case "uint32":
      if (value >= 1n << 32n) state.oddities.add("cut to 32 bits");
      return Number(BigInt.asUintN(32, value));
    case "int":
    case "int64":
      return ourNumber(field, BigInt.asIntN(64, value));
    default:
      return ourNumber(field, value);
  }
}

function skip({ state, end, depth }: Range, field: number, wire: number): void {
  switch (wire) {
    case 0:
      varint(state, end);
      return;
    case 1:
    case 5: {
      const length = wire === 1 ? 8 : 4;
      if (length > end - state.pos) throw new TwinError("cut off");
      state.pos += length;
      return;
    }
    case 2: {
      const length = delimited(state, end);
      state.pos += length;
      return;
    }
    case 3:
      skipGroup({ state, end, depth }, field);
      return;
    default:
      throw new TwinError("wire type");
  }
}

function skipGroup(range: Range, field: number): void {
  const { state, end } = range;
  for (;;) {
    const tag = varint(state, end);
    const number = Number(tag >> 3n);
    if (number < 1 || number > 2 ** 29 - 1) state.oddities.add("bad field number");
    if (number < 1 || number > 2 ** 31 - 1) throw new TwinError("field number");
    if ((tag & 7n) === 4n) {
      if (number !== field) throw new TwinError("end of another group");
      return;
    }
    skip(range, number, Number(tag & 7n));
  }
}
