import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HpackDecoder } from "./decoder.ts";
import { encodeConstantBlock, type FieldInput, HeaderTemplate, HpackEncoder } from "./encoder.ts";

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(" ", ""), "hex");

function decoded(decoder: HpackDecoder, block: Uint8Array): string[] | "error" {
  if (!decoder.decode(block, 0, block.length)) return "error";
  const { fields, count } = decoder.list;
  return fields.slice(0, count).map((field) => `${field.name}: ${field.value}`);
}

const newDecoder = (): HpackDecoder => new HpackDecoder(1 << 20);

const date1 = "Mon, 21 Oct 2013 20:13:21 GMT";
const date2 = "Mon, 21 Oct 2013 20:13:22 GMT";
const cookie = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
const site = "https://www.example.com";

const requests: FieldInput[][] = [
  [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "www.example.com"],
  ],
  [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "www.example.com"],
    ["cache-control", "no-cache"],
  ],
  [
    [":method", "GET"],
    [":scheme", "https"],
    [":path", "/index.html"],
    [":authority", "www.example.com"],
    ["custom-key", "custom-value"],
  ],
];

const responses: FieldInput[][] = [
  [
    [":status", "302"],
    ["cache-control", "private"],
    ["date", date1],
    ["location", site],
  ],
  [
    [":status", "307"],
    ["cache-control", "private"],
    ["date", date1],
    ["location", site],
  ],
  [
    [":status", "200"],
    ["cache-control", "private"],
    ["date", date2],
    ["location", site],
    ["content-encoding", "gzip"],
    ["set-cookie", cookie],
  ],
];

/** Blocks of RFC 7541, appendix C; those of C.5 and C.6 suppose a table of 256 bytes. */
const plainRequests = [
  "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
  "8286 84be 5808 6e6f 2d63 6163 6865",
  "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
];
const huffmanRequests = [
  "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
  "8286 84be 5886 a8eb 1064 9cbf",
  "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
];
const plainResponses = [
  "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133" +
    "2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65" +
    "7861 6d70 6c65 2e63 6f6d",
  "4803 3330 37c1 c0bf",
  "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d" +
    "54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851" +
    "5745" +
    "4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
];
const huffmanResponses = [
  "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6" +
    "2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
  "4883 640e ffc1 c0bf",
  "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab" +
    "77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160" +
    "65c0" +
    "03ed 4ee5 b106 3d50 07",
];
const tableOf256 = "3fe1 01";

const texts = (fields: readonly FieldInput[]): string[] => fields.map((f) => `${f[0]}: ${f[1]}`);

describe("RFC 7541 appendix C", () => {
  for (const [name, block, expected] of [
    [
      "C.2.1",
      "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
      "custom-key: custom-header",
    ],
    ["C.2.2", "040c 2f73 616d 706c 652f 7061 7468", ":path: /sample/path"],
    ["C.2.3", "1008 7061 7373 776f 7264 0673 6563 7265 74", "password: secret"],
    ["C.2.4", "82", ":method: GET"],
  ] as const) {
    test(name, () => assert.deepEqual(decoded(newDecoder(), hex(block)), [expected]));
  }

  /** Entries that the RFC shows in the table after each block. */
  const entriesOfRequests = [1, 2, 3];
  const entriesOfResponses = [4, 4, 3];
  for (const [name, blocks, expected, entries] of [
    ["C.3", plainRequests, requests, entriesOfRequests],
    ["C.4", huffmanRequests, requests, entriesOfRequests],
    ["C.5", plainResponses, responses, entriesOfResponses],
    ["C.6", huffmanResponses, responses, entriesOfResponses],
  ] as const) {
    test(`${name}, decoded`, () => {
      const decoder = newDecoder();
      blocks.forEach((block, i) => {
        const limited = entries === entriesOfResponses;
        const whole = hex(limited && i === 0 ? tableOf256 + block : block);
        assert.deepEqual(decoded(decoder, whole), texts(expected[i]));
        const oldest = 61 + entries[i];
        assert.notEqual(decoded(decoder, new Uint8Array([0x80 | oldest])), "error");
        assert.equal(decoded(decoder, new Uint8Array([0x80 | (oldest + 1)])), "error");
      });
    });
  }

  test("C.4 and C.6, encoded", () => {
    const encoder = new HpackEncoder(4096);
    requests.forEach((fields, i) => {
      assert.deepEqual(Buffer.from(encoder.encode(fields)), hex(huffmanRequests[i]));
    });
    const small = new HpackEncoder(256);
    responses.forEach((fields, i) => {
      // In C.6.2 the RFC codes "307" although that is no shorter; we take the plain form.
      if (i === 1)
        return assert.deepEqual(Buffer.from(small.encode(fields)), hex(plainResponses[1]));
      const expected = hex(i === 0 ? tableOf256 + huffmanResponses[i] : huffmanResponses[i]);
      assert.deepEqual(Buffer.from(small.encode(fields)), expected);
    });
  });
});

describe("decoder", () => {
  for (const [name, block] of [
    ["index 0", "80"],
    ["index beyond the tables", "be"],
    ["name index beyond the tables", "7f00 0161"],
    ["string longer than the block", "4003 6162"],
    ["cut off after the name", "4001 61"],
    ["cut off within an integer", "ff"],
    ["integer without end", "ff ffff ffff ffff ffff 00"],
    ["size update above what is allowed", "3fe2 1f"],
    ["size update behind a field", "82 20"],
    ["Huffman padding of 8 ones", "0001 6182 1fff"],
    ["Huffman padding with zeros", "0001 6181 18"],
    ["Huffman EOS", "0001 6184 ffff fffc"],
  ] as const) {
    test(`refuses: ${name}`, () => assert.equal(decoded(newDecoder(), hex(block)), "error"));
  }

  test("keeps what a field was tagged with for as long as it is in the table", () => {
    const decoder = newDecoder();
    decoder.decode(hex("4403 2f61 62"), 0, 5);
    decoder.list.fields[0].tag = 7;
    decoder.decode(hex("be"), 0, 1);
    assert.equal(decoder.list.fields[0].tag, 7);
    decoder.decode(hex("20"), 0, 1);
    assert.equal(decoder.list.count, 0);
    assert.equal(decoder.decode(hex("be"), 0, 1), false);
  });

  test("leaves out what exceeds the list limit, but keeps the table right", () => {
    const decoder = new HpackDecoder(80);
    decoder.decode(hex("4001 6101 78 4001 6201 79 4001 6301 7a"), 0, 15);
    assert.equal(decoder.list.truncated, true);
    assert.equal(decoder.isFlood, false);
    assert.equal(decoder.list.count, 2);
    assert.equal(decoder.list.sizeBytes, 3 * 34);
    assert.deepEqual(decoded(decoder, hex("be")), ["c: z"]);
  });

  test("gives up when a block goes on for long after its list is too large", () => {
    const fields = (count: number): Uint8Array => Buffer.concat([Buffer.alloc(count, 0x82)]);
    const patient = new HpackDecoder(80);
    assert.equal(patient.decode(fields(16_000), 0, 16_000), true);
    assert.equal(patient.list.truncated, true);
    const decoder = new HpackDecoder(80);
    assert.equal(decoder.decode(fields(17_000), 0, 17_000), false);
    assert.equal(decoder.isFlood, true);
    assert.ok(decoder.list.sizeBytes < 200, "it looked at few of them");
    const roomy = new HpackDecoder(1 << 20);
    assert.equal(roomy.decode(fields(17_000), 0, 17_000), true, "a list may be that long");
  });

  test("a table that was made smaller must be said to be before the next field", () => {
    const decoder = newDecoder();
    decoder.setAllowedTableBytes(0);
    assert.equal(decoded(decoder, hex("82")), "error");
    const obedient = newDecoder();
    obedient.setAllowedTableBytes(0);
    assert.deepEqual(decoded(obedient, hex("20 82")), [":method: GET"]);
  });
});

describe("encoder", () => {
  test("announces the smallest and the last of several table sizes", () => {
    const encoder = new HpackEncoder(4096);
    encoder.encode([["a", "b"]]);
    encoder.setPeerTableBytes(0);
    encoder.setPeerTableBytes(100);
    const block = encoder.encode([[":method", "GET"]]);
    assert.deepEqual(Buffer.from(block), hex("20 3f45 82"));
    assert.equal(encoder.sizeUpdateDue, false);
  });

  test("never indexes secrets", () => {
    const encoder = new HpackEncoder(4096);
    const once = Buffer.from(encoder.encode([["token", "abc"]]));
    assert.equal(once[0], 0x10);
    assert.deepEqual(Buffer.from(encoder.encode([["token", "abc"]])), once);
  });

  test("a template is copied once the table knows it, and made anew when that moves", () => {
    const encoder = new HpackEncoder(4096);
    const decoder = newDecoder();
    const template = new HeaderTemplate([
      [":method", "POST"],
      [":path", "/a.B/C"],
    ]);
    const expected = [":method: POST", ":path: /a.B/C", "grpc-timeout: 1S"];
    for (let round = 0; round < 6; round++) {
      if (round === 3) decoded(decoder, encoder.encode([["x", "y"]]));
      const block = encoder.encodeTemplate(template, [["grpc-timeout", "1S", "literal"]]);
      assert.deepEqual(decoded(decoder, block), expected);
      if (round === 2 || round === 5) assert.ok(template.stamp >= 0);
    }
  });

  test("a constant block means the same whatever the decoder has seen", () => {
    const block = encodeConstantBlock([
      [":status", "200"],
      ["content-type", "application/grpc"],
      ["authorization", "x"],
    ]);
    const decoder = newDecoder();
    const first = decoded(decoder, block);
    decoder.decode(hex("4001 6101 78"), 0, 5);
    assert.deepEqual(decoded(decoder, block), first);
    assert.equal(decoder.list.count, 3);
  });
});
