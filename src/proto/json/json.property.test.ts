import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { messageDescriptors } from "../gen/descriptors.ts";
import { messageOf } from "../testing/arbitrary.ts";
import { viaBufbuild } from "../testing/libraries.ts";
import { parseSchema } from "../testing/model.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import { fromJson } from "./from-json.ts";
import { JsonError, JsonReader } from "./parse.ts";
import { toJson } from "./to-json.ts";

const schema = parseSchema();
const library = viaBufbuild(schema);
const numRuns = Number(process.env["PROTO_RUNS"] ?? 8);
const served = [...schema.packages.values()]
  .flatMap((p) => p.messages)
  .filter((m) => messageDescriptors[m.fullName] !== undefined);

test("every served message: JSON equal to another library's, and back", () => {
  assert.ok(served.length > 110);
  for (const model of served) {
    const descriptor = messageDescriptors[model.fullName];
    assert.ok(descriptor !== undefined);
    fc.assert(
      fc.property(messageOf(model), (message) => {
        const bytes = descriptor.encodeToBytes(message as never);
        const text = toJson(descriptor, message);
        assert.deepEqual(JSON.parse(text), library.toJson(model, bytes), model.fullName);
        const again = fromJson(descriptor, new JsonReader(text).next());
        assert.deepEqual(again, message, model.fullName);
        assert.deepEqual(library.fromJson(model, text), bytes, model.fullName);
      }),
      { numRuns },
    );
  }
});

test("the reader accepts what JSON.parse accepts, with its value", () => {
  /** As the reader keeps it: numbers as text, objects as lists of members. */
  const plain = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(plain);
    if ("text" in value) return Number(value.text);
    return Object.fromEntries(
      (value as { members: [string, unknown][] }).members.map(([k, v]) => [k, plain(v)]),
    );
  };
  const cut = fc.tuple(
    fc.json({ noUnicodeString: false }),
    fc.nat(),
    fc.constantFrom("", '"', "}"),
  );
  fc.assert(
    fc.property(cut, ([whole, at, tail]) => {
      const text = at % 3 === 0 ? whole.slice(0, at % (whole.length + 1)) + tail : whole;
      // The cut may have split a pair of surrogates, which only we refuse.
      fc.pre(text.isWellFormed());
      let expected: unknown;
      let valid = true;
      try {
        expected = JSON.parse(text);
      } catch {
        valid = false;
      }
      const reader = new JsonReader(text);
      try {
        const value = reader.next();
        if (reader.atEnd()) assert.deepEqual(plain(value), expected);
        else assert.equal(valid, false);
      } catch (error) {
        if (!(error instanceof JsonError)) throw error;
        assert.equal(valid, false, text);
      }
    }),
    { numRuns: 300 },
  );
});

test("base64 there and back, both alphabets", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = toBase64(bytes);
      assert.equal(text, Buffer.from(bytes).toString("base64"));
      assert.deepEqual(fromBase64(text), bytes);
      assert.deepEqual(fromBase64(Buffer.from(bytes).toString("base64url")), bytes);
    }),
    { numRuns: 200 },
  );
  const long = new Uint8Array(40_000).map((_, i) => i * 7);
  assert.deepEqual(fromBase64(toBase64(long)), long);
});
