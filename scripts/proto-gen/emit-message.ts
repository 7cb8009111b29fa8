/** Types, constructors and decoders of one message. */
import { defaultOf, elementType, type FileWriter, oneofType } from "./names.ts";
import type { Enum, Field, Message } from "./schema.ts";

const readers: Readonly<Record<string, string>> = {
  bytes: "readBytes",
  string: "readString",
  bool: "readBool",
  uint: "readUint",
  int: "readInt",
  uint64: "readUint64",
  int64: "readInt64",
  int32: "readInt32",
  uint32: "readUint32",
  enum: "readInt32",
};

export function wireType(field: Field): 0 | 2 {
  return field.kind === "bytes" || field.kind === "string" || field.kind === "message" ? 2 : 0;
}

export function emitEnum(out: FileWriter, e: Enum): void {
  out.add(`/** ${e.fullName}; unknown numbers may occur. */`);
  out.add(`export const ${e.name} = {`);
  for (const [name, number] of e.values) out.add(`  ${name}: ${number},`);
  out.add("} as const;", "");
}

export function emitTypes(out: FileWriter, m: Message): void {
  for (const oneof of m.oneofs) {
    const members = oneof.fields.map((f) => {
      const type = typeName(out, f);
      return `{ case: "${f.prop}"; value: ${type} }`;
    });
    out.add(`export type ${oneofType(m, oneof)} =`, ...members.map((t) => `  | ${t}`));
    out.add("  | undefined;", "");
  }
  out.add(`/** ${m.fullName} */`, `export interface ${m.name} {`);
  eachSlot(m, (field, oneof) => {
    if (oneof !== undefined) out.add(`  ${oneof.prop}: ${oneofType(m, oneof)};`);
    else out.add(`  ${field.prop}: ${slotType(out, field)};`);
  });
  out.add("}", "");
}

/** Calls `visit` once per property: for a plain field, and for a oneof at its first field. */
function eachSlot(m: Message, visit: (f: Field, oneof: Field["oneof"]) => void): void {
  for (const field of m.fields) {
    if (field.oneof === undefined || field.oneof.fields[0] === field) visit(field, field.oneof);
  }
}

function typeName(out: FileWriter, field: Field): string {
  const name = elementType(field);
  return field.kind === "message" ? out.use(field.type as Message, name) : name;
}

function slotType(out: FileWriter, field: Field): string {
  const name = typeName(out, field);
  if (field.repeated) return `${name}[]`;
  return field.optional || field.kind === "message" ? `${name} | undefined` : name;
}

export function emitCreate(out: FileWriter, m: Message): void {
  out.add(`export function create${m.name}(): ${m.name} {`);
  if (m.fields.length === 0) {
    out.add("  return {};", "}", "");
    return;
  }
  out.add("  return {");
  eachSlot(m, (field, oneof) => {
    const value = oneof === undefined ? defaultOf(field) : "undefined";
    const slot = oneof === undefined ? field.prop : oneof.prop;
    out.add(`    ${slot}: ${value === "EMPTY_BYTES" ? "wire:EMPTY_BYTES" : value},`);
  });
  out.add("  };", "}", "");
}

export function emitDecode(out: FileWriter, m: Message): void {
  const name = m.name;
  out.add(`export function decode${name}(`);
  out.add("  bytes: Uint8Array,", "  start: number,", "  end: number,");
  out.add(`): ${name} {`);
  out.add(`  const m = create${name}();`);
  out.add("  const c = new wire:Cursor(bytes, start, end);", `  merge${name}(m, c);`);
  if (m.reachesCycle) out.add("  wire:drain(c);");
  out.add("  return m;", "}", "");
  const into = m.fields.length === 0 ? "_m" : "m";
  out.add(`export function merge${name}(${into}: ${name}, c: wire:Cursor): void {`);
  out.add("  while (c.pos < c.end) {", "    const tag = wire:readTag(c);");
  if (m.fields.length === 0) {
    out.add("    wire:skipField(c, tag);", "  }", "}", "");
    return;
  }
  out.add("    switch (tag) {");
  for (const field of m.fields) emitCases(out, field);
  out.add("      default:", "        wire:skipField(c, tag);", "    }", "  }", "}", "");
}

function emitCases(out: FileWriter, field: Field): void {
  const tag = field.number * 8;
  if (field.kind === "message") {
    out.add(`      case ${tag + 2}: {`);
    emitNested(out, field);
    out.add("        break;", "      }");
    return;
  }
  const read = `wire:${readers[field.kind]}(c)`;
  if (!field.repeated) {
    out.add(`      case ${tag + wireType(field)}:`);
    if (field.oneof === undefined) out.add(`        m.${field.prop} = ${read};`);
    else out.add(`        m.${field.oneof.prop} = { case: "${field.prop}", value: ${read} };`);
    out.add("        break;");
    return;
  }
  out.add(`      case ${tag + wireType(field)}:`, `        m.${field.prop}.push(${read});`);
  out.add("        break;");
  if (wireType(field) !== 0) return;
  out.add(`      case ${tag + 2}: {`, "        const outer = c.end;");
  out.add("        const length = wire:readLength(c);", "        c.end = c.pos + length;");
  out.add(`        while (c.pos < c.end) m.${field.prop}.push(${read});`);
  out.add("        c.end = outer;", "        break;", "      }");
}

function emitNested(out: FileWriter, field: Field): void {
  const type = field.type as Message;
  const create = `${out.use(type, `create${type.name}`)}()`;
  const merge = out.use(type, `merge${type.name}`);
  const indent = "        ";
  out.add(`${indent}const outer = wire:enter(c, wire:readUint(c));`);
  if (field.oneof !== undefined) {
    const slot = `m.${field.oneof.prop}`;
    out.add(`${indent}let o = ${slot};`);
    out.add(`${indent}if (o?.case !== "${field.prop}") {`);
    out.add(`${indent}  ${slot} = o = { case: "${field.prop}", value: ${create} };`);
    out.add(`${indent}}`, `${indent}const value = o.value;`);
  } else if (field.repeated) {
    out.add(`${indent}const value = ${create};`, `${indent}m.${field.prop}.push(value);`);
  } else {
    out.add(`${indent}const value = (m.${field.prop} ??= ${create});`);
  }
  if (field.recursive) out.add(`${indent}wire:mergeRecursive(c, ${merge}, value);`);
  else out.add(`${indent}${merge}(value, c);`);
  out.add(`${indent}wire:leave(c, outer);`);
}
