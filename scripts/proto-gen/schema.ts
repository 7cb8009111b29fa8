/** Our own model of the .proto files; protobufjs serves as the parser only. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import protobuf from "protobufjs";

/** How a value travels and what it becomes in memory. */
export type Kind =
  | "bytes"
  | "string"
  | "bool"
  | "uint"
  | "int"
  | "uint64"
  | "int64"
  | "int32"
  | "uint32"
  | "enum"
  | "message";

export interface Field {
  readonly name: string;
  /** Property name in TypeScript. */
  readonly prop: string;
  readonly number: number;
  readonly kind: Kind;
  readonly type: Message | Enum | undefined;
  readonly repeated: boolean;
  readonly packed: boolean;
  /** Declared `optional`: absent is told apart from zero. */
  readonly optional: boolean;
  readonly always: boolean;
  readonly oneof: Oneof | undefined;
  /** Part of a cycle of message types. */
  recursive: boolean;
}

export interface Oneof {
  readonly name: string;
  readonly prop: string;
  readonly fields: Field[];
}

export interface Message {
  readonly fullName: string;
  readonly name: string;
  readonly pkg: string;
  /** Ascending by number. */
  readonly fields: Field[];
  readonly oneofs: Oneof[];
  /** Contains itself or something that does. */
  reachesCycle: boolean;
}

export interface Enum {
  readonly fullName: string;
  readonly name: string;
  readonly pkg: string;
  readonly values: readonly (readonly [string, number])[];
}

export interface Method {
  readonly pkg: string;
  readonly service: string;
  readonly name: string;
  readonly kind: "unary" | "serverStream" | "clientStream" | "bidiStream";
  readonly request: string;
  readonly response: string;
  readonly paths: readonly string[];
}

export interface Package {
  readonly name: string;
  readonly messages: Message[];
  readonly enums: Enum[];
}

export interface Schema {
  readonly packages: Map<string, Package>;
  readonly methods: Method[];
}

/**
 * Parses every .proto file of a folder, imports being among them (`google/` is not needed).
 * Tests may change the text before.
 */
export function parseFolder(folder: string, change = (text: string) => text): protobuf.Root {
  const root = new protobuf.Root();
  const files = readdirSync(folder).filter((f) => f.endsWith(".proto") && f !== "options.proto");
  for (const file of files.sort()) {
    protobuf.parse(change(readFileSync(join(folder, file), "utf8")), root, { keepCase: true });
  }
  root.resolveAll();
  return root;
}

/** Builds the model. Deterministic: the order is that of the files and of the declarations. */
export function readSchema(root: protobuf.Root): Schema {
  const schema: Schema = { packages: new Map(), methods: [] };
  const types = new Map<protobuf.ReflectionObject, Message | Enum>();
  const declared: [protobuf.Type, Message][] = [];
  walk(root, (object) => declare(object, { schema, types, declared }));
  for (const [source, message] of declared) addFields(source, message, types);
  markCycles(declared.map(([, message]) => message));
  return schema;
}

/** Declaration order of the parser's namespaces, parents before children. */
function walk(space: protobuf.NamespaceBase, visit: (o: protobuf.ReflectionObject) => void): void {
  for (const object of space.nestedArray) {
    visit(object);
    if (object instanceof protobuf.Namespace) walk(object, visit);
  }
}

interface Building {
  readonly schema: Schema;
  readonly types: Map<protobuf.ReflectionObject, Message | Enum>;
  readonly declared: [protobuf.Type, Message][];
}

function declare(object: protobuf.ReflectionObject, into: Building): void {
  if (object instanceof protobuf.Service) {
    const pkg = packageOf(object);
    for (const method of object.methodsArray) into.schema.methods.push(toMethod(pkg, method));
    return;
  }
  if (!(object instanceof protobuf.Type) && !(object instanceof protobuf.Enum)) return;
  const pkg = packageOf(object);
  const name = object.fullName.slice(pkg.length + 2).replaceAll(".", "");
  const fullName = object.fullName.slice(1);
  const home = packageIn(into.schema, pkg);
  if (object instanceof protobuf.Enum) {
    const made: Enum = { fullName, name, pkg, values: Object.entries(object.values) };
    home.enums.push(made);
    into.types.set(object, made);
  } else {
    const made: Message = { fullName, name, pkg, fields: [], oneofs: [], reachesCycle: false };
    home.messages.push(made);
    into.types.set(object, made);
    into.declared.push([object, made]);
  }
}

function packageIn(schema: Schema, name: string): Package {
  let found = schema.packages.get(name);
  if (found === undefined) {
    found = { name, messages: [], enums: [] };
    schema.packages.set(name, found);
  }
  return found;
}

function packageOf(object: protobuf.ReflectionObject): string {
  let space = object.parent;
  while (space instanceof protobuf.Type) space = space.parent;
  return space?.fullName.slice(1) ?? "";
}

function toMethod(pkg: string, method: protobuf.Method): Method {
  const { requestStream, responseStream } = method;
  const paths = (method.parsedOptions ?? []) as Record<string, unknown>[];
  return {
    pkg,
    service: method.parent?.name ?? "",
    name: method.name,
    kind: requestStream
      ? responseStream
        ? "bidiStream"
        : "clientStream"
      : responseStream
        ? "serverStream"
        : "unary",
    request: method.resolvedRequestType?.fullName.slice(1) ?? "",
    response: method.resolvedResponseType?.fullName.slice(1) ?? "",
    paths: paths.flatMap((o) => (typeof o["(skein.path)"] === "string" ? [o["(skein.path)"]] : [])),
  };
}

function addFields(
  source: protobuf.Type,
  message: Message,
  types: ReadonlyMap<protobuf.ReflectionObject, Message | Enum>,
): void {
  const oneofs = new Map<protobuf.OneOf, Oneof>();
  for (const declared of source.oneofsArray) {
    // A field declared `optional` sits in a oneof of its own that nobody wrote.
    if (declared.isProto3Optional) continue;
    const made: Oneof = { name: declared.name, prop: propOf(declared.name), fields: [] };
    oneofs.set(declared, made);
    message.oneofs.push(made);
  }
  for (const field of [...source.fieldsArray].sort((a, b) => a.id - b.id)) {
    const oneof = field.partOf === null ? undefined : oneofs.get(field.partOf);
    const made = toField(field, oneof, types);
    oneof?.fields.push(made);
    message.fields.push(made);
  }
}

function toField(
  field: protobuf.Field,
  oneof: Oneof | undefined,
  types: ReadonlyMap<protobuf.ReflectionObject, Message | Enum>,
): Field {
  if (field.map) throw new Error(`${field.fullName}: spell maps as repeated entries`);
  const resolved = field.resolvedType === null ? undefined : types.get(field.resolvedType);
  const options = (field.options ?? {}) as Record<string, unknown>;
  return {
    name: field.name,
    prop: propOf(field.name),
    number: field.id,
    kind: kindOf(field, options["(skein.exact)"] === true),
    type: resolved,
    repeated: field.repeated,
    packed: field.packed,
    optional: field.partOf !== null && oneof === undefined,
    always: options["(skein.always)"] === true,
    oneof,
    recursive: false,
  };
}

function kindOf(field: protobuf.Field, exact: boolean): Kind {
  if (field.resolvedType instanceof protobuf.Enum) return "enum";
  if (field.resolvedType instanceof protobuf.Type) return "message";
  switch (field.type) {
    case "bytes":
    case "string":
    case "bool":
    case "int32":
    case "uint32":
      return field.type;
    case "int64":
      return exact ? "int64" : "int";
    case "uint64":
      return exact ? "uint64" : "uint";
    default:
      throw new Error(`${field.fullName}: type ${field.type} is not in our subset`);
  }
}

/** `range_end` → `rangeEnd`, `ID` → `id`, `TTL` → `ttl`, `NodeID` → `nodeID`, `peerURLs` kept. */
export function propOf(name: string): string {
  if (name === name.toUpperCase()) return name.toLowerCase();
  const joined = name.replace(/_+(.)/g, (_, first: string) => first.toUpperCase());
  return joined.charAt(0).toLowerCase() + joined.slice(1);
}

/** Sets `recursive` and `reachesCycle`. The graph is small: plain reachability from each type. */
function markCycles(messages: readonly Message[]): void {
  const reach = new Map(messages.map((m) => [m, reachable(m)]));
  const cyclic = new Set(messages.filter((m) => reach.get(m)?.has(m)));
  for (const message of messages) {
    message.reachesCycle = [...cyclic].some((c) => c === message || reach.get(message)?.has(c));
    for (const field of message.fields) {
      if (field.kind !== "message") continue;
      const target = field.type as Message;
      const back = reach.get(target)?.has(message) === true;
      // One edge per cycle is enough: the one that closes it on a type declared no later.
      field.recursive = back && messages.indexOf(target) >= messages.indexOf(message);
    }
  }
}

function reachable(from: Message): Set<Message> {
  const seen = new Set<Message>();
  const visit = (m: Message): void => {
    for (const field of m.fields) {
      if (field.kind !== "message" || seen.has(field.type as Message)) continue;
      seen.add(field.type as Message);
      visit(field.type as Message);
    }
  };
  visit(from);
  return seen;
}
