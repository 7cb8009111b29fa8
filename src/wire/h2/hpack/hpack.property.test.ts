import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HpackDecoder } from "./decoder.ts";
import { type FieldInput, HeaderTemplate, HpackEncoder } from "./encoder.ts";

const name = fc.oneof(
  fc.constantFrom(":method", ":path", "te", "grpc-timeout", "a", "content-type", "authorization"),
  fc.stringMatching(/^[a-z0-9-]{1,20}$/),
);
const value = fc.oneof(
  fc.constantFrom("POST", "trailers", "", "/x/y", "application/grpc"),
  fc.stringMatching(/^[ -~]{0,40}$/),
  fc.uint8Array({ maxLength: 200 }).map((b) => Buffer.from(b).toString("latin1")),
);
const indexing = fc.constantFrom("index", "literal", "never", undefined);
const field: fc.Arbitrary<FieldInput> = fc
  .tuple(name, value, indexing)
  .map(([n, v, i]) => (i === undefined ? [n, v] : [n, v, i]));

/** What may happen between encoder and decoder. */
const step = fc.oneof(
  { weight: 5, arbitrary: fc.array(field, { maxLength: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 31, 64, 100, 300, 4096, 10_000) },
);

test("whatever is encoded is decoded, over changing table sizes", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.nat(8192), (steps, capBytes) => {
      const encoder = new HpackEncoder(capBytes);
      const decoder = new HpackDecoder(1 << 24);
      const template = new HeaderTemplate([
        [":path", "/etcdserverpb.KV/Put"],
        ["user-agent", "t"],
      ]);
      for (const now of steps) {
        if (typeof now === "number") {
          decoder.raiseAllowedTableBytes(now);
          decoder.setAllowedTableBytes(now);
          encoder.setPeerTableBytes(now);
          continue;
        }
        for (const [block, fields] of [
          [() => encoder.encode(now), now],
          [() => encoder.encodeTemplate(template, now), [...template.fields, ...now]],
        ] as const) {
          const bytes = block();
          assert.ok(decoder.decode(bytes, 0, bytes.length));
          const { list } = decoder;
          const found = list.fields.slice(0, list.count).map((f) => [f.name, f.value]);
          assert.deepEqual(
            found,
            fields.map((f) => [f[0], f[1]]),
          );
        }
      }
    }),
  );
});

test("no bytes make the decoder throw or read beyond the block", () => {
  const decoder = new HpackDecoder(1 << 16);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(50), (bytes, cut) => {
      const end = Math.max(0, bytes.length - cut);
      const ok = new HpackDecoder(1 << 16).decode(bytes, 0, end);
      const alone = bytes.slice(0, end);
      assert.equal(new HpackDecoder(1 << 16).decode(alone, 0, end), ok);
      decoder.decode(bytes, 0, end);
    }),
    { numRuns: 3000 },
  );
});
