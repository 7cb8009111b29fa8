/** Two independent protobuf libraries behind one face, fed with our .proto files. */
import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { fromJsonString, toJson } from "@bufbuild/protobuf";
import type { DescField, DescMessage, FileRegistry, MessageShape } from "@bufbuild/protobuf";
import { reflect, type ReflectList, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import { FieldDescriptorProto_Label, FieldDescriptorProto_Type } from "@bufbuild/protobuf/wkt";
import { type FieldDescriptorProto, FieldDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type protobuf from "protobufjs";
import type { Enum, Package } from "../../../scripts/proto-gen/schema.ts";
import { blank, ourNumber } from "./model.ts";
import type { Field, Message, Plain, Schema } from "./model.ts";

/** One library; throws as it does. */
export interface Library {
  readonly name: string;
  /** What it decodes, as our message, and its own encoding of that. */
  decode(model: Message, bytes: Uint8Array): { message: Plain; again: Uint8Array };
}

/** A library that also maps to and from JSON. */
export interface JsonLibrary extends Library {
  /** As a JSON value, with the names of the .proto file. */
  toJson(model: Message, bytes: Uint8Array): unknown;
  /** The encoding of the message that a JSON text stands for. */
  fromJson(model: Message, text: string): Uint8Array;
}

/** protobufjs by reflection. */
export function viaProtobufjs(root: protobuf.Root): Library {
  return {
    name: "protobufjs",
    decode(model, bytes) {
      const type = root.lookupType(model.fullName);
      const theirs = type.decode(bytes);
      const again = Uint8Array.from(type.encode(theirs).finish());
      return { message: fromProtobufjs(model, theirs as unknown as Plain), again };
    },
  };
}

function fromProtobufjs(model: Message, theirs: Plain): Plain {
  const ours = blank(model);
  for (const field of model.fields) {
    if (!Object.hasOwn(theirs, field.name)) continue;
    const value = theirs[field.name];
    if (field.oneof !== undefined) {
      if (theirs[field.oneof.name] !== field.name) continue;
      ours[field.oneof.prop] = { case: field.prop, value: oneOfProtobufjs(field, value) };
    } else if (field.repeated) {
      ours[field.prop] = (value as unknown[]).map((v) => oneOfProtobufjs(field, v));
    } else {
      ours[field.prop] = oneOfProtobufjs(field, value);
    }
  }
  return ours;
}

function oneOfProtobufjs(field: Field, value: unknown): unknown {
  if (field.kind === "message") return fromProtobufjs(field.type as Message, value as Plain);
  return simple(field, value);
}

/** Scalars of either library as ours: longs of any make, buffers. */
function simple(field: Field, value: unknown): unknown {
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  switch (field.kind) {
    case "uint":
    case "int":
    case "uint64":
    case "int64":
      return ourNumber(field, BigInt(String(value)));
    default:
      return value;
  }
}

/** @bufbuild/protobuf by reflection over descriptors made from our model. */
export function viaBufbuild(schema: Schema): JsonLibrary {
  const registry = registryOf(schema);
  const descOf = (m: Message): DescMessage =>
    registry.getMessage(`${m.pkg}.${m.name}`) as DescMessage;
  return {
    name: "@bufbuild/protobuf",
    decode(model, bytes) {
      const desc = descOf(model);
      const theirs: MessageShape<DescMessage> = fromBinary(desc, bytes);
      // What it does not know it would write again; we drop it.
      const again = toBinary(desc, theirs, { writeUnknownFields: false });
      return { message: fromBufbuild(model, reflect(desc, theirs)), again };
    },
    toJson(model, bytes) {
      const desc = descOf(model);
      return toJson(desc, fromBinary(desc, bytes), { useProtoFieldName: true });
    },
    fromJson(model, text) {
      const desc = descOf(model);
      return toBinary(desc, fromJsonString(desc, text, { ignoreUnknownFields: true }));
    },
  };
}

function fromBufbuild(model: Message, theirs: ReflectMessage): Plain {
  const ours = blank(model);
  for (const field of model.fields) {
    const desc = theirs.desc.fields.find((f) => f.number === field.number) as DescField;
    if (!theirs.isSet(desc)) continue;
    const value: unknown = theirs.get(desc);
    if (field.oneof !== undefined) {
      ours[field.oneof.prop] = { case: field.prop, value: oneOfBufbuild(field, value) };
    } else if (field.repeated) {
      ours[field.prop] = [...(value as ReflectList)].map((v) => oneOfBufbuild(field, v));
    } else {
      ours[field.prop] = oneOfBufbuild(field, value);
    }
  }
  return ours;
}

function oneOfBufbuild(field: Field, value: unknown): unknown {
  if (field.kind === "message") return fromBufbuild(field.type as Message, value as ReflectMessage);
  return simple(field, value);
}

function registryOf(schema: Schema): FileRegistry {
  const file = [...schema.packages.values()].map((pkg) => {
    const others = new Set(pkg.messages.flatMap((m) => m.fields.flatMap((f) => f.type?.pkg ?? [])));
    others.delete(pkg.name);
    return create(FileDescriptorProtoSchema, {
      name: pkg.name,
      package: pkg.name,
      syntax: "proto3",
      dependency: [...others],
      ...declarations(pkg),
    });
  });
  return createFileRegistry(create(FileDescriptorSetSchema, { file: inOrder(file) }));
}

/** Files after those they depend on. */
function inOrder<T extends { name: string; dependency: string[] }>(files: T[]): T[] {
  const done: T[] = [];
  const visit = (f: T): void => {
    if (done.includes(f)) return;
    for (const name of f.dependency) visit(files.find((other) => other.name === name) as T);
    done.push(f);
  };
  for (const f of files) visit(f);
  return done;
}

function declarations(pkg: Package) {
  return {
    enumType: pkg.enums.map((e) => ({
      name: e.name,
      value: e.values.map(([name, number]) => ({ name, number })),
    })),
    messageType: pkg.messages.map((m) => ({
      name: m.name,
      field: m.fields.map((f) => fieldDescriptor(m, f)),
      oneofDecl: m.oneofs.map((o) => ({ name: o.name })),
    })),
  };
}

const types: Readonly<Record<string, FieldDescriptorProto_Type>> = {
  bytes: FieldDescriptorProto_Type.BYTES,
  string: FieldDescriptorProto_Type.STRING,
  bool: FieldDescriptorProto_Type.BOOL,
  uint: FieldDescriptorProto_Type.UINT64,
  uint64: FieldDescriptorProto_Type.UINT64,
  int: FieldDescriptorProto_Type.INT64,
  int64: FieldDescriptorProto_Type.INT64,
  int32: FieldDescriptorProto_Type.INT32,
  uint32: FieldDescriptorProto_Type.UINT32,
  enum: FieldDescriptorProto_Type.ENUM,
  message: FieldDescriptorProto_Type.MESSAGE,
};

function fieldDescriptor(m: Message, field: Field): FieldDescriptorProto {
  const type = field.type as Message | Enum | undefined;
  const label = field.repeated
    ? FieldDescriptorProto_Label.REPEATED
    : FieldDescriptorProto_Label.OPTIONAL;
  const made = create(FieldDescriptorProtoSchema, {
    name: field.name,
    number: field.number,
    label,
    type: types[field.kind] as FieldDescriptorProto_Type,
    typeName: type === undefined ? "" : `.${type.pkg}.${type.name}`,
    // Fields that are always written have presence as far as this library is concerned.
    proto3Optional: field.always || field.optional,
  });
  if (field.oneof !== undefined) made.oneofIndex = m.oneofs.indexOf(field.oneof);
  if (field.repeated && !field.packed) made.options = { packed: false } as never;
  return made;
}
