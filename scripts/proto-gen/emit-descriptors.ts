/** What the JSON mapping knows of the messages that methods take and give. */
import { FileWriter, fileOf } from "./names.ts";
import type { Enum, Field, Message, Schema } from "./schema.ts";

/** The messages of all methods and what they contain, in declaration order. */
function served(schema: Schema): Message[] {
  const all = [...schema.packages.values()].flatMap((p) => p.messages);
  const found = new Set<Message>();
  const add = (message: Message): void => {
    if (found.has(message)) return;
    found.add(message);
    for (const f of message.fields) if (f.kind === "message") add(f.type as Message);
  };
  const named = new Set(schema.methods.flatMap((m) => [m.request, m.response]));
  for (const message of all) if (named.has(message.fullName)) add(message);
  return all.filter((m) => found.has(m));
}

/** protobuf's own rule for JSON names: only what follows an underscore changes. */
function jsonName(name: string): string {
  return name.replace(/_+(.?)/g, (_, first: string) => first.toUpperCase());
}

function alias(pkg: string): string {
  return fileOf(pkg).replace(".ts", "").replaceAll("-", "_");
}

export function descriptorsText(schema: Schema): string {
  const messages = served(schema);
  const packages = [...new Set(messages.map((m) => m.pkg))].toSorted();
  const out = new FileWriter("");
  for (const pkg of packages) {
    out.add(`import * as ${alias(pkg)} from "./${fileOf(pkg)}";`);
  }
  out.add('import type { MessageDescriptor } from "../json/descriptor.ts";', "");
  out.add("/** By full name: every message that a method takes or gives, and what is in them. */");
  out.add("export const messageDescriptors: Readonly<Record<string, MessageDescriptor>> = {");
  for (const m of messages) {
    const home = alias(m.pkg);
    out.add(`  ${JSON.stringify(m.fullName)}: {`, `    create: ${home}.create${m.name},`);
    out.add(`    decode: ${home}.decode${m.name},`);
    out.add(`    encodeToBytes: ${home}.encode${m.name}ToBytes,`, "    fields: [");
    for (const f of m.fields) out.add(`      ${fieldText(f)},`);
    out.add("    ],", "  },");
  }
  out.add("};", "");
  return out.text();
}

function fieldText(f: Field): string {
  const parts = [
    `name: ${JSON.stringify(f.name)}`,
    `jsonName: ${JSON.stringify(jsonName(f.name))}`,
    `prop: ${JSON.stringify(f.prop)}`,
    `kind: ${JSON.stringify(f.kind)}`,
    `repeated: ${f.repeated}`,
    `oneof: ${f.oneof === undefined ? "undefined" : JSON.stringify(f.oneof.prop)}`,
  ];
  const message = f.kind === "message" ? JSON.stringify((f.type as Message).fullName) : "undefined";
  const values = f.kind === "enum" ? enumName(f.type as Enum) : "undefined";
  return `{ ${[...parts, `message: ${message}`, `values: ${values}`].join(", ")} }`;
}

function enumName(e: Enum): string {
  return `${alias(e.pkg)}.${e.name}`;
}
