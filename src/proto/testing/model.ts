/** What tests know of every message: the model of the .proto files and the generated functions. */
import { fileURLToPath } from "node:url";
import type protobuf from "protobufjs";
import { parseFolder, readSchema } from "../../../scripts/proto-gen/schema.ts";
import type { Field, Message, Schema } from "../../../scripts/proto-gen/schema.ts";
import * as authpb from "../gen/authpb.ts";
import * as etcdserverpb from "../gen/etcdserverpb.ts";
import * as health from "../gen/grpc-health-v1.ts";
import * as leasepb from "../gen/leasepb.ts";
import * as membershippb from "../gen/membershippb.ts";
import * as mvccpb from "../gen/mvccpb.ts";
import * as raftpb from "../gen/raftpb.ts";
import * as snappb from "../gen/snappb.ts";
import * as v3electionpb from "../gen/v3electionpb.ts";
import * as v3lockpb from "../gen/v3lockpb.ts";
import * as walpb from "../gen/walpb.ts";

export type { Field, Message, Schema };

/** A message as our codecs have it, seen by property name. */
export type Plain = Record<string, unknown>;

/** The generated functions of one message. */
export interface Codec {
  readonly model: Message;
  create(): Plain;
  decode(bytes: Uint8Array, start: number, end: number): Plain;
  size(m: Plain): number;
  encode(m: Plain, into: Uint8Array, at: number): number;
  encodeToBytes(m: Plain): Uint8Array;
}

const folder = fileURLToPath(new URL("../../../proto", import.meta.url));

export function parseSchema(): Schema {
  return readSchema(parseFolder(folder));
}

/**
 * The parser's own types, for its own decoder. It does not know our `always`: such fields are given
 * presence, so that it keeps and writes their zeros.
 */
export function parseForProtobufjs(): protobuf.Root {
  return parseFolder(folder, (text) =>
    text.replace(/^ +(?=\w+ \w+ = \d+ \[.*skein\.always)/gm, "$&optional "),
  );
}

const modules: Readonly<Record<string, unknown>> = {
  authpb,
  etcdserverpb,
  "grpc.health.v1": health,
  leasepb,
  membershippb,
  mvccpb,
  raftpb,
  snappb,
  v3electionpb,
  v3lockpb,
  walpb,
};

/** Every message with its generated functions, in declaration order. */
export function loadCodecs(schema: Schema): Codec[] {
  const codecs: Codec[] = [];
  for (const pkg of schema.packages.values()) {
    const made = modules[pkg.name] as Record<string, never>;
    for (const model of pkg.messages) {
      const { name } = model;
      const pick = (name: string): never => {
        const found = made[name];
        if (found === undefined) throw new Error(`${pkg.name} lacks ${name}`);
        return found;
      };
      codecs.push({
        model,
        create: pick(`create${name}`),
        decode: pick(`decode${name}`),
        size: pick(`size${name}`),
        encode: pick(`encode${name}`),
        encodeToBytes: pick(`encode${name}ToBytes`),
      });
    }
  }
  return codecs;
}

const NUMBER_MAX = 1n << 53n;

/** What our decoder makes of a 64-bit value of that kind: clamped number or exact bigint. */
export function ourNumber(field: Field, value: bigint): number | bigint {
  switch (field.kind) {
    case "uint":
    case "int":
      return Number(value > NUMBER_MAX ? NUMBER_MAX : value < -NUMBER_MAX ? -NUMBER_MAX : value);
    default:
      return value;
  }
}

/** A message with every field absent, from the model alone. */
export function blank(model: Message): Plain {
  const made: Plain = {};
  for (const field of model.fields) {
    if (field.oneof !== undefined) made[field.oneof.prop] = undefined;
    else if (field.repeated) made[field.prop] = [];
    else if (field.optional || field.kind === "message") made[field.prop] = undefined;
    else made[field.prop] = zero(field);
  }
  return made;
}

export function zero(field: Field): unknown {
  switch (field.kind) {
    case "bytes":
      return new Uint8Array(0);
    case "string":
      return "";
    case "bool":
      return false;
    case "uint64":
    case "int64":
      return 0n;
    default:
      return 0;
  }
}
