import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../base/prng.ts";
import { newSpan, copyOfSpan } from "../../base/span.ts";
import { bytesOf, textBytes } from "../../proto/testing/hex.ts";
import type { Backend, PlainBucket } from "../backend/backend.ts";
import { openMemoryBackend } from "../backend/memory/memory-backend.ts";
import { SchemaError } from "./error.ts";
import {
  clearMembers,
  readMembers,
  readRemovedMembers,
  removeMember,
  writeMember,
} from "./members.ts";
import type { MemberRecord } from "./members.ts";

const A: MemberRecord = {
  id: 0xe765e731bd1bb1a3n,
  name: "",
  peerUrls: ["http://10.0.0.1:2380"],
  clientUrls: [],
  isLearner: false,
};

/** The example identities of formats-disk.md 1. */
const EXAMPLES: [MemberRecord, string, string][] = [
  [A, "e765e731bd1bb1a3", `{"id":16673987396221252003,"peerURLs":["http://10.0.0.1:2380"]}`],
  [
    { ...A, name: "m1", clientUrls: ["http://10.0.0.1:2379"] },
    "e765e731bd1bb1a3",
    `{"id":16673987396221252003,"peerURLs":["http://10.0.0.1:2380"],"name":"m1",` +
      `"clientURLs":["http://10.0.0.1:2379"]}`,
  ],
  [
    { ...A, id: 0x8176a2a220fedc19n, peerUrls: ["http://10.0.0.2:2380", "http://10.0.0.2:2381"] },
    "8176a2a220fedc19",
    `{"id":9328822495366536217,"peerURLs":["http://10.0.0.2:2380","http://10.0.0.2:2381"]}`,
  ],
  [
    { ...A, id: 0x7121ddbfba3b9575n, peerUrls: ["http://10.0.0.3:2380"], isLearner: true },
    "7121ddbfba3b9575",
    `{"id":8152040616050267509,"peerURLs":["http://10.0.0.3:2380"],"isLearner":true}`,
  ],
  [{ ...A, id: 1n, peerUrls: [] }, "1", `{"id":1,"peerURLs":[]}`],
  [
    { ...A, id: 2n ** 53n + 1n, peerUrls: [] },
    "20000000000001",
    `{"id":9007199254740993,"peerURLs":[]}`,
  ],
  [
    { ...A, id: 2n ** 64n - 1n, peerUrls: [] },
    "ffffffffffffffff",
    `{"id":18446744073709551615,"peerURLs":[]}`,
  ],
];

/** What etcd of three versions wrote for the name `m<1>`, U+2028, `é`, and for a learner. */
const CAPTURED: [string, string, string, MemberRecord][] = [
  [
    "3.5.35",
    "b1046a2c86f7acd1",
    "7b226964223a31323735353433363738343039353537313135332c227065657255524c73223a5b22687474703a2f2f3132372e302e302e313a3333363437225d2c226e616d65223a226d5c7530303363315c75303033655c7532303238c3a9222c22636c69656e7455524c73223a5b22687474703a2f2f3132372e302e302e313a3334303031225d7d",
    {
      id: 12_755_436_784_095_571_153n,
      name: "m<1>\u2028é",
      peerUrls: ["http://127.0.0.1:33647"],
      clientUrls: ["http://127.0.0.1:34001"],
      isLearner: false,
    },
  ],
  [
    "3.6.16",
    "610aaea7d5654b9e",
    "7b226964223a363939323539333430373330393037333331302c227065657255524c73223a5b22687474703a2f2f3132372e302e302e313a3335333131225d2c226e616d65223a226d5c7530303363315c75303033655c7532303238c3a9222c22636c69656e7455524c73223a5b22687474703a2f2f3132372e302e302e313a3431303237225d7d",
    {
      id: 6_992_593_407_309_073_310n,
      name: "m<1>\u2028é",
      peerUrls: ["http://127.0.0.1:35311"],
      clientUrls: ["http://127.0.0.1:41027"],
      isLearner: false,
    },
  ],
  [
    "3.7.1",
    "d4fe0a95ebbd017b",
    "7b226964223a31353334373731363231393134363636363336332c227065657255524c73223a5b22687474703a2f2f3132372e302e302e313a3431333433225d2c226e616d65223a226d5c7530303363315c75303033655c7532303238c3a9222c22636c69656e7455524c73223a5b22687474703a2f2f3132372e302e302e313a3337373439225d7d",
    {
      id: 15_347_716_219_146_666_363n,
      name: "m<1>\u2028é",
      peerUrls: ["http://127.0.0.1:41343"],
      clientUrls: ["http://127.0.0.1:37749"],
      isLearner: false,
    },
  ],
  learner("3.5.35", "79b1f0bfa160fbf9", 8_769_054_655_303_973_881n),
  learner("3.6.16", "27e0866054c24b6b", 2_873_444_310_559_378_283n),
  // Fifteen digits: the first of sixteen would be 0.
  learner("3.7.1", "eb24df917c9c151", 1_058_994_594_626_781_521n),
];

function learner(by: string, key: string, id: bigint): [string, string, string, MemberRecord] {
  const peerUrls = ["http://127.0.0.1:1", "http://127.0.0.1:2"];
  const urls = `["http://127.0.0.1:1","http://127.0.0.1:2"]`;
  const json = `{"id":${id},"peerURLs":${urls},"isLearner":true}`;
  const hex = Buffer.from(json).toString("hex");
  return [by, key, hex, { id, name: "", peerUrls, clientUrls: [], isLearner: true }];
}

function pairs(backend: Backend, bucket: PlainBucket): [string, string][] {
  const found: [string, string][] = [];
  const cursor = backend.cursor(bucket);
  while (cursor.next()) {
    const [key, value] = [copyOfSpan(cursor.key), copyOfSpan(cursor.value)];
    found.push([Buffer.from(key).toString(), Buffer.from(value).toString()]);
  }
  return found;
}

/** @throws unless `read` throws a SchemaError about that key. */
function refused(read: () => unknown, bucket: PlainBucket, problem: RegExp): void {
  assert.throws(read, (error) => {
    assert.ok(error instanceof SchemaError, String(error));
    assert.equal(error.bucket, bucket);
    assert.match(error.problem, problem);
    return true;
  });
}

test("a member is stored under its id in etcd's JSON and read again (formats-disk.md 3)", () => {
  for (const [member, key, json] of EXAMPLES) {
    const backend = openMemoryBackend();
    writeMember(backend, member);
    assert.deepEqual(pairs(backend, "members"), [[key, json]]);
    assert.deepEqual(readMembers(backend), [member]);
  }
});

test("what etcd 3.5, 3.6 and 3.7 stored reads as they said, and is written so again", () => {
  for (const [by, key, hex, member] of CAPTURED) {
    const backend = openMemoryBackend();
    backend.put("members", textBytes(key), bytesOf(hex));
    assert.deepEqual(readMembers(backend), [member], by);
    const ours = openMemoryBackend();
    writeMember(ours, member);
    assert.deepEqual(pairs(ours, "members"), pairs(backend, "members"), by);
  }
});

test("texts are escaped as by Go", () => {
  const cases: [string, string][] = [
    [`<a href="b">&\\`, String.raw`\u003ca href=\"b\"\u003e\u0026\\`],
    ["\u2028\u2029", String.raw`\u2028\u2029`],
    ["\n\r\t\b\f\u0001\u007f", String.raw`\n\r\t\b\f\u0001` + "\u007f"],
    ["é漢🦉", "é漢🦉"],
    ["half \ud800", "half \ufffd"],
  ];
  for (const [name, text] of cases) {
    const backend = openMemoryBackend();
    writeMember(backend, { ...A, id: 1n, name, peerUrls: [name], clientUrls: [name] });
    const json = `{"id":1,"peerURLs":["${text}"],"name":"${text}","clientURLs":["${text}"]}`;
    assert.deepEqual(pairs(backend, "members"), [["1", json]]);
    assert.equal(readMembers(backend)[0]!.name, name.toWellFormed());
  }
});

test("other forms of the same JSON are read as Go reads them", () => {
  const cases: string[] = [
    `{"peerURLs":["p"],"isLearner":false,"name":"n","clientURLs":null,"id":10}`,
    ` {"ID" : 10 , "peerurls":[ "p" ],\n"NAME":"n"}\t`,
    `{"id":10,"peerURLs":["p"],"name":"n","later":{"id":[11,{}]}}`,
    `{"peerURLs":["\\u0070"],"name":"\\u006e","isLearner":null}`,
    `{"id":null,"peerURLs":["p"],"name":"n","clientURLs":[]}`,
  ];
  for (const json of cases) {
    const backend = openMemoryBackend();
    backend.put("members", textBytes("a"), textBytes(json));
    assert.deepEqual(readMembers(backend), [{ ...A, id: 10n, name: "n", peerUrls: ["p"] }], json);
  }
});

test("a promoted member is no learner any more, and updates replace", () => {
  const backend = openMemoryBackend();
  writeMember(backend, { ...A, id: 7n, isLearner: true });
  writeMember(backend, { ...A, id: 7n });
  assert.deepEqual(pairs(backend, "members"), [
    ["7", `{"id":7,"peerURLs":["http://10.0.0.1:2380"]}`],
  ]);
});

test("members and removed ones come by id, not in the order of the texts", () => {
  const backend = openMemoryBackend();
  const ids = [2n ** 64n - 1n, 0x10n, 2n, 0xeb24df917c9c151n, 0xd4fe0a95ebbd017bn, 15n];
  const sorted = [2n, 15n, 0x10n, 0xeb24df917c9c151n, 0xd4fe0a95ebbd017bn, 2n ** 64n - 1n];
  for (const id of ids) writeMember(backend, { ...A, id });
  assert.deepEqual(
    readMembers(backend).map(({ id }) => id),
    sorted,
  );
  for (const id of ids) removeMember(backend, id);
  assert.deepEqual(readMembers(backend), []);
  assert.deepEqual(readRemovedMembers(backend), sorted);
});

test("a removed member is remembered, known before or not", () => {
  const backend = openMemoryBackend();
  writeMember(backend, A);
  writeMember(backend, { ...A, id: 5n });
  removeMember(backend, A.id);
  removeMember(backend, 0xeb24df917c9c151n);
  assert.deepEqual(pairs(backend, "members_removed"), [
    ["e765e731bd1bb1a3", "removed"],
    ["eb24df917c9c151", "removed"],
  ]);
  assert.deepEqual(
    readMembers(backend).map(({ id }) => id),
    [5n],
  );
  clearMembers(backend);
  assert.deepEqual([readMembers(backend), readRemovedMembers(backend)], [[], []]);
});

test("hostile values are refused", () => {
  const id = (text: string): string => `{"id":${text}}`;
  const cases: [string, RegExp][] = [
    ["", /not JSON/u],
    ["{", /not JSON/u],
    [`{"id":10}x`, /not one JSON object/u],
    [`{"id":10}{"id":10}`, /not one JSON object/u],
    ["[]", /not one JSON object/u],
    ["null", /not one JSON object/u],
    [`{"name":"\ufffd`, /not JSON/u],
    [`{"name":"\\ud800"}`, /not JSON/u],
    [`{"a":${"[".repeat(100_000)}`, /not JSON/u],
    [id("18446744073709551616"), /id is not an id/u],
    [id("1".repeat(100_000)), /id is not an id/u],
    [id("-10"), /id is not an id/u],
    [id("10.0"), /id is not an id/u],
    [id("1e1"), /id is not an id/u],
    [id("0"), /id is not an id/u],
    [id(`"10"`), /id is not an id/u],
    [id("{}"), /id is not an id/u],
    [id("11"), /that of member b/u],
    [`{"id":10,"id":10}`, /"id" is there twice/u],
    [`{"id":10,"ID":10}`, /"ID" is there twice/u],
    [`{"peerURLs":["a"],"PeerURLs":["b"]}`, /"PeerURLs" is there twice/u],
    [`{"peerURLs":"a"}`, /peerURLs is not a list/u],
    [`{"peerURLs":{"0":"a"}}`, /peerURLs is not a list/u],
    [`{"peerURLs":[null]}`, /peerURLs holds/u],
    [`{"clientURLs":[1]}`, /clientURLs holds/u],
    [`{"name":1}`, /name is not a string/u],
    [`{"isLearner":"true"}`, /isLearner is not/u],
    [`{"isLearner":1}`, /isLearner is not/u],
    [`{"__proto__":{},"toString":1,"name":[]}`, /name is not a string/u],
  ];
  for (const [json, problem] of cases) {
    const backend = openMemoryBackend();
    backend.put("members", textBytes("a"), textBytes(json));
    refused(() => readMembers(backend), "members", problem);
  }
  const backend = openMemoryBackend();
  backend.put("members", textBytes("a"), bytesOf("7b226e616d65223a22ff227d"));
  refused(() => readMembers(backend), "members", /not UTF-8/u);
});

test("keys that are not ids as etcd writes them are refused", () => {
  const keys = ["", "0", "0a", "A", "0xa", "g", "10000000000000000", "a ", " a", "a\n", "-1", "é"];
  for (const key of [...keys, "f".repeat(100_000)]) {
    const backend = openMemoryBackend();
    backend.put("members", textBytes(key), textBytes(`{"peerURLs":[]}`));
    refused(() => readMembers(backend), "members", /key is not the id/u);
    backend.put("members_removed", textBytes(key), textBytes("removed"));
    refused(() => readRemovedMembers(backend), "members_removed", /key is not the id/u);
  }
});

test("an error shows its key, but not all of a long one", () => {
  const cases: [Uint8Array, string][] = [
    [textBytes("zz"), "zz"],
    [bytesOf("00ff"), "0x00ff"],
    [textBytes("z".repeat(1000)), `${"z".repeat(64)}…`],
  ];
  for (const [key, shown] of cases) {
    const backend = openMemoryBackend();
    backend.put("members", key, textBytes("{}"));
    assert.throws(() => readMembers(backend), { key: shown, bucket: "members" });
  }
});

test("ids that are none are a bug of the caller", () => {
  const backend = openMemoryBackend();
  for (const id of [0n, -1n, 2n ** 64n]) {
    assert.throws(() => writeMember(backend, { ...A, id }), /not a member's id/u);
    assert.throws(() => removeMember(backend, id), /not a member's id/u);
  }
});

test("random members come back as they were", () => {
  const prng = new Prng(20_261_121);
  const texts = ["", "<&>", "\u2028", "http://h:1", "é", "\u0000", `"\\`, "漢", "🦉"];
  const text = (): string => texts[prng.below(texts.length)]! + texts[prng.below(texts.length)]!;
  const list = (): string[] => Array.from({ length: prng.below(4) }, text);
  for (let i = 0; i < 500; i++) {
    const high = BigInt(prng.below(2 ** 31)) >> BigInt(prng.below(31));
    const id = ((high << 33n) | BigInt(prng.below(2 ** 31))) + 1n;
    const [name, isLearner] = [text(), prng.below(2) === 0];
    const member = { id, name, isLearner, peerUrls: list(), clientUrls: list() };
    const backend = openMemoryBackend();
    writeMember(backend, member);
    assert.deepEqual(readMembers(backend), [member]);
    const out = newSpan();
    assert.ok(backend.get("members", textBytes(id.toString(16)), out));
  }
});

test("damaged bytes are read or refused, and nothing else", () => {
  const seed = 20_261_122;
  const prng = new Prng(seed);
  const [, key, hex] = CAPTURED[0]!;
  let refusals = 0;
  for (let i = 0; i < 3000; i++) {
    const value = bytesOf(hex);
    for (let n = 1 + prng.below(3); n > 0; n--) value[prng.below(value.length)] = prng.below(256);
    const backend = openMemoryBackend();
    backend.put("members", textBytes(key), value.subarray(0, value.length - prng.below(3)));
    try {
      readMembers(backend);
    } catch (error) {
      assert.ok(error instanceof SchemaError, `seed ${seed}, round ${i}: ${String(error)}`);
      refusals += 1;
    }
  }
  assert.ok(refusals > 1000 && refusals < 3000, String(refusals));
});
