import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { messageOf } from "./testing/arbitrary.ts";
import { viaBufbuild, viaProtobufjs } from "./testing/libraries.ts";
import {
  type Codec,
  loadCodecs,
  parseForProtobufjs,
  parseSchema,
  type Plain,
} from "./testing/model.ts";
import { damage, damaged } from "./testing/mutate.ts";
import { decodeByModel, type Oddity } from "./testing/twin.ts";
import { ProtoError } from "./wire.ts";

const schema = parseSchema();
const codecs = loadCodecs(schema);
const libraries = [viaProtobufjs(parseForProtobufjs()), viaBufbuild(schema)];
const numRuns = Number(process.env["PROTO_RUNS"] ?? 8);

function decode(codec: Codec, bytes: Uint8Array): Plain | undefined {
  try {
    return codec.decode(bytes, 0, bytes.length);
  } catch (error) {
    if (error instanceof ProtoError) return undefined;
    throw error;
  }
}

test("every message: equal bytes and equal values with two libraries and the twin", () => {
  for (const codec of codecs) {
    const { model } = codec;
    fc.assert(
      fc.property(messageOf(model), (message) => {
        const bytes = codec.encodeToBytes(message);
        assert.equal(bytes.length, codec.size(message));
        const roomy = new Uint8Array(bytes.length + 7).fill(0xaa);
        assert.equal(codec.encode(message, roomy, 3), 3 + bytes.length);
        assert.deepEqual(roomy.slice(3, 3 + bytes.length), bytes);
        assert.deepEqual(codec.decode(roomy, 3, 3 + bytes.length), message, model.fullName);
        assert.deepEqual(decodeByModel(model, bytes).message, message);
        for (const library of libraries) {
          const theirs = library.decode(model, bytes);
          assert.deepEqual(theirs.message, message, `${library.name} ${model.fullName}`);
          assert.deepEqual(theirs.again, bytes, `${library.name} ${model.fullName}`);
        }
      }),
      { numRuns },
    );
  }
});

test("mutated bytes: accepted exactly when the twin accepts them, with its value", () => {
  for (const codec of codecs) {
    const cases = fc.tuple(messageOf(codec.model), fc.array(damage, { maxLength: 4 }));
    fc.assert(
      fc.property(cases, ([message, damages]) => {
        const bytes = damages.reduce(damaged, codec.encodeToBytes(message));
        compareWithAll(codec, bytes);
      }),
      { numRuns: numRuns * 2 },
    );
  }
});

test("cut at every byte: as the twin", () => {
  for (const codec of codecs) {
    for (const message of fc.sample(messageOf(codec.model), { numRuns: 2, seed: 7 })) {
      const bytes = codec.encodeToBytes(message).subarray(0, 400);
      for (let end = 0; end <= bytes.length; end++) {
        const cut = bytes.slice(0, end);
        assert.deepEqual(decode(codec, cut), decodeByModel(codec.model, cut).message);
      }
    }
  }
});

/**
 * Known differences of the libraries from Go (and from us and the twin):
 * - both cut varints of more than 64 bits instead of refusing them, and refuse tags written with
 *   more than five bytes and, inside of groups, field numbers above 2^29 - 1;
 * - protobufjs accepts field number 0, and refuses groups, where a message has no fields;
 * - @bufbuild/protobuf reads a known field by its declared type whatever the wire type in the tag
 *   says, and does not hold a nested message to its length: what it accepts says nothing.
 */
function comparable(library: string, oddities: ReadonlySet<Oddity>, accepted: boolean): boolean {
  if (oddities.has("long varint") || oddities.has("bad field number")) return false;
  if (library === "protobufjs") return !oddities.has("group in an empty message");
  return accepted && !oddities.has("wrong wire type");
}

function compareWithAll(codec: Codec, bytes: Uint8Array): void {
  const { model } = codec;
  const ours = decode(codec, bytes);
  const { message, oddities } = decodeByModel(model, bytes);
  assert.deepEqual(ours, message, model.fullName);
  for (const library of libraries) {
    if (!comparable(library.name, oddities, ours !== undefined)) continue;
    let theirs: Plain | undefined;
    try {
      theirs = library.decode(model, bytes).message;
    } catch {
      theirs = undefined;
    }
    assert.deepEqual(theirs, ours, `${library.name} ${model.fullName}`);
  }
}
