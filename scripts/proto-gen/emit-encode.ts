/**
 * Sizes and encoders of one message. Messages that reach a cycle of types go over a tape of sizes
 * (`measure`, `put`), so that nesting costs linear time; all others ask for sizes twice.
 */
import type { FileWriter } from "./names.ts";
import { zeroOf } from "./names.ts";
import type { Field, Message } from "./schema.ts";
import { wireType } from "./emit-message.ts";

export function emitEncode(out: FileWriter, m: Message): void {
  if (m.fields.length === 0) emitEmpty(out, m);
  else if (m.reachesCycle) emitTaped(out, m);
  else emitPlain(out, m);
}

function emitEmpty(out: FileWriter, m: Message): void {
  out.add(`export function size${m.name}(_m: ${m.name}): number {`, "  return 0;", "}", "");
  out.add(
    `export function encode${m.name}(_m: ${m.name}, _into: Uint8Array, at: number): number {`,
  );
  out.add("  return at;", "}", "");
  out.add(`export function encode${m.name}ToBytes(_m: ${m.name}): Uint8Array {`);
  out.add("  return new Uint8Array(0);", "}", "");
}

function emitPlain(out: FileWriter, m: Message): void {
  out.add(`export function size${m.name}(m: ${m.name}): number {`, "  let n = 0;");
  emitBody(out, m, emitSize);
  out.add("  return n;", "}", "");
  out.add(
    `export function encode${m.name}(m: ${m.name}, into: Uint8Array, start: number): number {`,
  );
  out.add("  let at = start;");
  emitBody(out, m, emitWrite);
  out.add("  return wire:finish(into, at);", "}", "");
  out.add(`export function encode${m.name}ToBytes(m: ${m.name}): Uint8Array {`);
  out.add(`  const into = new Uint8Array(size${m.name}(m));`, `  encode${m.name}(m, into, 0);`);
  out.add("  return into;", "}", "");
}

function emitTaped(out: FileWriter, m: Message): void {
  const { name } = m;
  out.add(`export function size${name}(m: ${name}): number {`);
  out.add(`  return measure${name}(m, new wire:SizeTape());`, "}", "");
  out.add(`export function encode${name}(m: ${name}, into: Uint8Array, at: number): number {`);
  out.add("  const tape = new wire:SizeTape();", `  measure${name}(m, tape);`);
  out.add(`  return wire:finish(into, put${name}(m, into, at, tape));`, "}", "");
  out.add(`export function encode${name}ToBytes(m: ${name}): Uint8Array {`);
  out.add("  const tape = new wire:SizeTape();");
  out.add(`  const into = new Uint8Array(measure${name}(m, tape));`);
  out.add(`  put${name}(m, into, 0, tape);`, "  return into;", "}", "");
  out.add(`export function measure${name}(m: ${name}, tape: SizeTape): number {`, "  let n = 0;");
  emitBody(out, m, emitSize);
  out.add("  return n;", "}", "");
  out.add(`export function put${name}(`, `  m: ${name},`, "  into: Uint8Array,");
  out.add("  start: number,", "  tape: wire:SizeTape,", "): number {", "  let at = start;");
  emitBody(out, m, emitWrite);
  out.add("  return at;", "}", "");
}

interface Place {
  readonly field: Field;
  /** Expression of the value. */
  readonly value: string;
  readonly indent: string;
}

type Emit = (out: FileWriter, place: Place) => void;

/** Goes over the fields in ascending order; neighbours in one oneof share a switch. */
function emitBody(out: FileWriter, m: Message, emit: Emit): void {
  let run = 0;
  for (let i = 0; i < m.fields.length; i++) {
    const field = m.fields[i] as Field;
    const { oneof } = field;
    if (oneof === undefined) {
      emitPlainField(out, field, emit);
      continue;
    }
    const name = `o${run++}`;
    out.add(`  const ${name} = m.${oneof.prop};`);
    out.add(`  if (${name} !== undefined) {`, `    switch (${name}.case) {`);
    for (; m.fields[i]?.oneof === oneof; i++) {
      const member = m.fields[i] as Field;
      out.add(`      case "${member.prop}": {`);
      emit(out, { field: member, value: `${name}.value`, indent: "        " });
      out.add("        break;", "      }");
    }
    i--;
    out.add("    }", "  }");
  }
}

function emitPlainField(out: FileWriter, field: Field, emit: Emit): void {
  const value = `m.${field.prop}`;
  if (field.repeated && field.packed && wireType(field) === 0) {
    out.add(`  if (${value}.length !== 0) {`);
    emit(out, { field, value, indent: "    " });
    out.add("  }");
  } else if (field.repeated) {
    out.add(`  for (const v of ${value}) {`);
    emit(out, { field, value: "v", indent: "    " });
    out.add("  }");
  } else if (field.always) {
    emit(out, { field, value, indent: "  " });
  } else {
    out.add(`  if (${presence(field, value)}) {`);
    emit(out, { field, value, indent: "    " });
    out.add("  }");
  }
}

function presence(field: Field, value: string): string {
  if (field.optional || field.kind === "message") return `${value} !== undefined`;
  if (field.kind === "bool") return value;
  if (field.kind === "bytes" || field.kind === "string") return `${value}.length !== 0`;
  return `${value} !== ${zeroOf(field)}`;
}

function isPacked(field: Field): boolean {
  return field.repeated && field.packed && wireType(field) === 0;
}

function tagBytes(field: Field): number[] {
  let tag = field.number * 8 + (isPacked(field) ? 2 : wireType(field));
  const bytes: number[] = [];
  for (; tag >= 0x80; tag >>>= 7) bytes.push((tag & 0x7f) | 0x80);
  return [...bytes, tag];
}

function valueSize(field: Field, value: string): string {
  switch (field.kind) {
    case "bytes":
      return `wire:delimitedSize(${value}.length)`;
    case "string":
      return `wire:delimitedSize(wire:textSize(${value}))`;
    case "bool":
      return "1";
    case "uint64":
    case "int64":
      return `wire:varint64Size(${value})`;
    default:
      return `wire:varintSize(${value})`;
  }
}

function emitSize(out: FileWriter, { field, value, indent }: Place): void {
  const tag = tagBytes(field).length;
  if (isPacked(field)) {
    out.add(`${indent}let packed = 0;`);
    out.add(`${indent}for (const v of ${value}) packed += ${valueSize(field, "v")};`);
    out.add(`${indent}n += ${tag} + wire:delimitedSize(packed);`);
    return;
  }
  if (field.kind !== "message") {
    out.add(`${indent}n += ${tag} + ${valueSize(field, value)};`);
    return;
  }
  const type = field.type as Message;
  if (!type.reachesCycle) {
    const size = out.use(type, `size${type.name}`);
    out.add(`${indent}n += ${tag} + wire:delimitedSize(${size}(${value}));`);
    return;
  }
  const measure = out.use(type, `measure${type.name}`);
  if (field.recursive) out.add(`${indent}tape.down();`);
  out.add(`${indent}const slot = tape.reserve();`);
  out.add(`${indent}n += ${tag} + tape.set(slot, ${measure}(${value}, tape));`);
  if (field.recursive) out.add(`${indent}tape.up();`);
}

function valueWrite(field: Field, value: string): string {
  switch (field.kind) {
    case "bytes":
      return `at = wire:writeBytes(${value}, into, at);`;
    case "string":
      return `at = wire:writeText(${value}, into, at);`;
    case "bool":
      return `into[at++] = ${value} ? 1 : 0;`;
    case "uint64":
    case "int64":
      return `at = wire:writeVarint64(${value}, into, at);`;
    default:
      return `at = wire:writeVarint(${value}, into, at);`;
  }
}

function emitWrite(out: FileWriter, { field, value, indent }: Place): void {
  for (const byte of tagBytes(field)) out.add(`${indent}into[at++] = ${byte};`);
  if (isPacked(field)) {
    out.add(`${indent}let packed = 0;`);
    out.add(`${indent}for (const v of ${value}) packed += ${valueSize(field, "v")};`);
    out.add(`${indent}at = wire:writeVarint(packed, into, at);`);
    out.add(`${indent}for (const v of ${value}) ${valueWrite(field, "v")}`);
    return;
  }
  if (field.kind !== "message") {
    out.add(indent + valueWrite(field, value));
    return;
  }
  const type = field.type as Message;
  if (type.reachesCycle) {
    const put = out.use(type, `put${type.name}`);
    out.add(`${indent}at = wire:writeVarint(tape.take(), into, at);`);
    out.add(`${indent}at = ${put}(${value}, into, at, tape);`);
  } else {
    const size = out.use(type, `size${type.name}`);
    const encode = out.use(type, `encode${type.name}`);
    out.add(`${indent}at = wire:writeVarint(${size}(${value}), into, at);`);
    out.add(`${indent}at = ${encode}(${value}, into, at);`);
  }
}
