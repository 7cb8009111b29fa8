import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, hexOf, textBytes } from "./testing/hex.ts";
import * as api from "./gen/etcdserverpb.ts";
import * as mvccpb from "./gen/mvccpb.ts";
import * as raftpb from "./gen/raftpb.ts";
import { peekV2Method } from "./v2-request.ts";
import {
  copyBytes,
  Cursor,
  ENCODE_DEPTH_MAX,
  MESSAGE_DEPTH_MAX,
  ProtoError,
  readBytes,
  readTag,
  textSize,
  varint64Size,
  varintSize,
  writeTag,
  writeText,
  writeVarint,
  writeVarint64,
} from "./wire.ts";

/** The varint by long division, for any integer of 64 bits. */
function plainVarint(value: bigint): string {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return hexOf(Uint8Array.from([...bytes, Number(rest)]));
}

const MAX = 2n ** 53n;
const edges: bigint[] = [0n, 1n, MAX - 1n, MAX];
for (let bit = 1n; bit < 53n; bit++) edges.push((1n << bit) - 1n, 1n << bit);

test("varints of numbers, both signs, at every power of two", () => {
  for (const value of [...edges, ...edges.map((v) => -v)]) {
    const into = new Uint8Array(12);
    const end = writeVarint(Number(value), into, 1);
    assert.equal(hexOf(into.slice(1, end)), plainVarint(value), `${value}`);
    assert.equal(varintSize(Number(value)), end - 1, `${value}`);
  }
  for (const bad of [Infinity, -Infinity, 2 ** 53 + 2, -(2 ** 53) - 2]) {
    assert.throws(() => writeVarint(bad, new Uint8Array(12), 0), { name: "AssertionError" });
  }
});

test("varints of bigints, to the ends of 64 bits", () => {
  const more: bigint[] = [2n ** 64n - 1n, -(2n ** 63n), MAX + 1n];
  for (let bit = 54n; bit < 64n; bit++) more.push((1n << bit) - 1n, 1n << bit, -(1n << bit));
  for (const value of [...edges, ...edges.map((v) => -v), ...more]) {
    const into = new Uint8Array(12);
    const end = writeVarint64(value, into, 1);
    assert.equal(hexOf(into.slice(1, end)), plainVarint(value), `${value}`);
    assert.equal(varint64Size(value), end - 1, `${value}`);
  }
});

test("64-bit fields: revisions saturate, ids are exact", () => {
  const revision = (value: bigint): number => {
    const bytes = bytesOf(`10${plainVarint(value)}`);
    return mvccpb.decodeKeyValue(bytes, 0, bytes.length).createRevision;
  };
  const lease = (value: bigint): bigint => {
    const bytes = bytesOf(`30${plainVarint(value)}`);
    return mvccpb.decodeKeyValue(bytes, 0, bytes.length).lease;
  };
  const top = 2n ** 63n - 1n;
  const cases: [bigint, number][] = [
    [MAX - 1n, 2 ** 53 - 1],
    [MAX, 2 ** 53],
    [MAX + 1n, 2 ** 53],
    [top, 2 ** 53],
    [-1n, -1],
    [-MAX + 1n, -(2 ** 53) + 1],
    [-MAX, -(2 ** 53)],
    [-MAX - 1n, -(2 ** 53)],
    [-MAX - 2n ** 31n, -(2 ** 53)],
    [MAX + 2n ** 31n, 2 ** 53],
    [-(2n ** 63n), -(2 ** 53)],
  ];
  for (const [value, expected] of cases) {
    assert.equal(revision(value), expected);
    assert.equal(lease(value), value);
  }
  const member = bytesOf(`10${plainVarint(2n ** 64n - 1n)} 20${plainVarint(2n ** 64n - 1n)}`);
  const header = api.decodeResponseHeader(member, 0, member.length);
  assert.equal(header.memberId, 2n ** 64n - 1n);
  assert.equal(header.raftTerm, 2 ** 53);
});

const refused = (hex: string): void => {
  const bytes = bytesOf(hex);
  assert.throws(() => api.decodePutRequest(bytes, 0, bytes.length), ProtoError, hex);
};

test("refused as Go refuses", () => {
  refused("00"); // field 0
  refused("07 00"); // field 0
  refused("0e"); // wire type 6
  refused("0f"); // wire type 7
  refused("0c"); // end of a group that never began
  refused("0a 05 61"); // length beyond the end
  refused("0a ffffffffffffffffff01"); // length of 2^64 - 1
  refused("18 80"); // cut varint
  refused("18 ffffffffffffffffff02"); // more than 64 bits
  refused("18 ffffffffffffffffffff01"); // more than ten bytes
  refused("8080808010 00"); // field 2^29
  refused("7b"); // group without end
  refused("7b 84 01"); // group ended by another field
  refused("7b 00 7c"); // field 0 in a group
  refused("79 00000000000000"); // seven of eight bytes
});

test("nothing is read behind the end, be it of the call or of a nested message", () => {
  const put = bytesOf("0a0161 0a0162");
  assert.throws(() => api.decodePutRequest(put, 0, 2), ProtoError);
  assert.equal(hexOf(api.decodePutRequest(put, 0, 3).key), "61");
  // An op of 4 bytes, whose put claims 3 bytes where 2 are left; one more follows the op.
  const txn = bytesOf("1204 1203 0a01 61");
  assert.throws(() => api.decodeTxnRequest(txn, 0, txn.length), ProtoError);
});

test("skipped as Go skips", () => {
  const skipped = [
    "7a 03 616263", // unknown bytes
    "78 ffffffffffffffffff01",
    "79 0000000000000000",
    "7d 00000000",
    "7b 08 01 83 01 84 01 12 01 61 7c", // group with a group in it
    "7b f8ffffff3f 00 7c", // field 2^31 - 1 in a group
    "08 05", // key with the wrong wire type
    "8880808000 00", // key, tag in five bytes, wrong wire type
  ];
  for (const hex of skipped) {
    const bytes = bytesOf(`${hex} 8a00 01 6b`);
    const put = api.decodePutRequest(bytes, 0, bytes.length);
    assert.deepEqual(put, { ...api.createPutRequest(), key: textBytes("k") }, hex);
  }
});

test("strings that are not UTF-8 are refused, short and long", () => {
  const bad = ["ff", "c080", "eda080", "f4908080", "e282", `${"61".repeat(40)}80`];
  for (const hex of bad) {
    const text = bytesOf(hex);
    const bytes = bytesOf(`0a${hexOf(Uint8Array.of(text.length))}${hex}`);
    const decode = (): unknown => api.decodeAuthRoleAddRequest(bytes, 0, bytes.length);
    assert.throws(decode, { name: "ProtoError", message: /invalid UTF-8/ }, hex);
  }
});

test("strings: byte order mark kept, lone surrogates replaced, room counted", () => {
  for (const text of ["\ufeffa", "é", "😀", "a\ud800b", "\udc00", "\ud800", "x".repeat(100)]) {
    const expected = textBytes(text);
    assert.equal(textSize(text), expected.length);
    const bytes = api.encodeAuthRoleAddRequestToBytes({ name: text });
    assert.equal(hexOf(bytes.subarray(2)), hexOf(expected));
    const again = api.decodeAuthRoleAddRequest(bytes, 0, bytes.length).name;
    assert.equal(again, new TextDecoder("utf-8", { ignoreBOM: true }).decode(expected));
  }
});

test("merging: last scalar wins, messages merge, a oneof keeps its last member", () => {
  const header = (hex: string): api.ResponseHeader | undefined => {
    const bytes = bytesOf(hex);
    return api.decodePutResponse(bytes, 0, bytes.length).header;
  };
  const merged = header("0a020801 0a021805 0a021806");
  assert.deepEqual(merged, { clusterId: 1n, memberId: 0n, revision: 6, raftTerm: 0 });
  const op = (hex: string): api.RequestOpRequest => {
    const bytes = bytesOf(hex);
    return api.decodeRequestOp(bytes, 0, bytes.length).request;
  };
  const put = { ...api.createPutRequest(), key: textBytes("a"), value: textBytes("b") };
  assert.deepEqual(op("12030a0161 1203120162"), { case: "requestPut", value: put });
  const replaced = { ...api.createPutRequest(), value: textBytes("b") };
  assert.deepEqual(op("12030a0161 0a00 1203120162"), { case: "requestPut", value: replaced });
});

test("repeated numbers: packed, unpacked and mixed", () => {
  const minusOne = "ffffffffffffffffff01";
  for (const hex of [
    `2800 2801 28${minusOne}`,
    `2a0c 00 01 ${minusOne}`,
    `2800 2a0b 01 ${minusOne}`,
  ]) {
    const bytes = bytesOf(hex);
    assert.deepEqual(api.decodeWatchCreateRequest(bytes, 0, bytes.length).filters, [0, 1, -1]);
  }
  const cut = bytesOf("2a018001");
  assert.throws(() => api.decodeWatchCreateRequest(cut, 0, cut.length), ProtoError);
  const states = bytesOf("0a0301ff01 0802");
  assert.deepEqual(raftpb.decodeConfState(states, 0, states.length).voters, [1n, 255n, 2n]);
});

/** A txn in a txn … with `txns` of them; each level costs two messages. */
function nest(txns: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let size = 0;
  for (let i = 1; i < txns; i++) {
    for (const tag of [0x22, 0x12]) {
      const prefix = new Uint8Array(11);
      prefix[0] = tag;
      const end = writeVarint(size, prefix, 1);
      parts.push(prefix.slice(0, end));
      size += end;
    }
  }
  return new Uint8Array(Buffer.concat(parts.reverse()));
}

function depthOf(txn: api.TxnRequest): number {
  let depth = 1;
  let at: api.TxnRequest | undefined = txn;
  while (at !== undefined) {
    const op: api.RequestOpRequest = at.success[0]?.request;
    at = op?.case === "requestTxn" ? op.value : undefined;
    if (at !== undefined) depth += 1;
  }
  return depth;
}

test("nested txns are accepted to Go's depth on a small stack, and no deeper", () => {
  // Txns and ops alternate from the outermost txn on: an even limit holds half as many txns.
  const most = MESSAGE_DEPTH_MAX / 2;
  const fits = nest(most);
  assert.equal(depthOf(api.decodeTxnRequest(fits, 0, fits.length)), most);
  const deep = nest(most + 1);
  assert.throws(() => api.decodeTxnRequest(deep, 0, deep.length), {
    name: "ProtoError",
    message: /recursion depth/,
  });
});

test("deep messages: what is put aside still merges in order and is still checked", () => {
  const deep = nest(400);
  const wrong = deep.slice();
  // The innermost op says its txn is one byte longer than there is.
  wrong[wrong.length - 1] = 1;
  assert.throws(() => api.decodeTxnRequest(wrong, 0, wrong.length), ProtoError);
  const bytes = api.encodeTxnRequestToBytes(api.decodeTxnRequest(deep, 0, deep.length));
  assert.equal(hexOf(bytes), hexOf(deep));
});

/** An op with a txn in a txn … `levels` times around an op whose txn comes in two pieces. */
function nestPieces(levels: number): Uint8Array {
  let bytes = bytesOf("2207 1205 0a03 0a0161 2207 1205 0a03 0a0162");
  for (let i = 0; i < levels; i++) {
    for (const tag of [0x12, 0x22]) {
      const into = new Uint8Array(bytes.length + 8);
      into[0] = tag;
      const at = writeVarint(bytes.length, into, 1);
      into.set(bytes, at);
      bytes = into.slice(0, at + bytes.length);
    }
  }
  return bytes;
}

test("deep messages: pieces of a txn keep their order wherever they are put aside", () => {
  for (const levels of [0, 1, 62, 63, 64, 65, 66, 127, 128, 129]) {
    const bytes = nestPieces(levels);
    let ops: api.RequestOp[] = [api.decodeRequestOp(bytes, 0, bytes.length)];
    for (let i = 0; i <= levels; i++) {
      const request: api.RequestOpRequest = ops[0]?.request;
      ops = request?.case === "requestTxn" ? request.value.success : [];
    }
    const keys = ops.map((op) => (op.request?.case === "requestRange" ? op.request.value.key : op));
    assert.deepEqual(keys, [textBytes("a"), textBytes("b")], `${levels} levels`);
  }
});

test("encoders refuse what would not fit the stack", () => {
  const fits = nest(ENCODE_DEPTH_MAX + 1);
  const txn = api.decodeTxnRequest(fits, 0, fits.length);
  assert.equal(hexOf(api.encodeTxnRequestToBytes(txn)), hexOf(fits));
  const deep = nest(ENCODE_DEPTH_MAX + 2);
  const deeper = api.decodeTxnRequest(deep, 0, deep.length);
  assert.throws(() => api.sizeTxnRequest(deeper), ProtoError);
});

test("unknown groups are skipped to Go's depth without recursion", () => {
  const groups = (n: number): Uint8Array => new Uint8Array(2 * n).fill(0x7b, 0, n).fill(0x7c, n);
  const fits = groups(10_001);
  assert.deepEqual(api.decodePutRequest(fits, 0, fits.length), api.createPutRequest());
  const deep = groups(10_002);
  assert.throws(() => api.decodePutRequest(deep, 0, deep.length), ProtoError);
});

test("bytes are views of the input", () => {
  const bytes = bytesOf("0a0161 120162");
  const put = api.decodePutRequest(bytes, 0, bytes.length);
  assert.equal(put.key.buffer, bytes.buffer);
  bytes[2] = 0x7a;
  assert.equal(hexOf(put.key), "7a");
});

test("encoders assert that there is room", () => {
  const put = { ...api.createPutRequest(), key: textBytes("key") };
  assert.throws(() => api.encodePutRequest(put, new Uint8Array(4), 0), { name: "AssertionError" });
});

test("helpers for hand-written paths", () => {
  const into = new Uint8Array(80);
  let at = writeTag(1302, 2, into, 0);
  assert.equal(hexOf(into.slice(0, at)), "b251");
  at = writeText("abc", into, at);
  const c = new Cursor(into, 0, at);
  assert.equal(readTag(c), 1302 * 8 + 2);
  assert.equal(hexOf(readBytes(c)), "616263");
  const source = Uint8Array.from({ length: 60 }, (_, i) => i);
  for (const length of [0, 5, 50]) {
    const from = new Cursor(source, 3, 60);
    assert.equal(copyBytes(from, length, into, 4), 4 + length);
    assert.equal(from.pos, 3 + length);
    assert.equal(hexOf(into.slice(4, 4 + length)), hexOf(source.slice(3, 3 + length)));
  }
  assert.throws(() => copyBytes(new Cursor(source, 0, 9), 10, into, 0), ProtoError);
});

test("payloads of the v2 era are told apart", () => {
  const bare = bytesOf(
    "0805 1203505554 1a0a 2f302f76657273696f6e 2205 332e352e30 2800 3200 3800 4800 5000 5800 " +
      "6000 6800 7000 7800 800100",
  );
  assert.equal(peekV2Method(bare, 0, bare.length), "PUT");
  assert.throws(() => api.decodeInternalRaftRequest(bare, 0, bare.length), ProtoError);
  const request = api.decodeV2Request(bare, 0, bare.length);
  assert.equal(request.id, 5n);
  assert.equal(hexOf(request.val), hexOf(textBytes("3.5.0")));
  assert.equal(request.prevExist, undefined);
  assert.equal(hexOf(api.encodeV2RequestToBytes(request)), hexOf(bare));
  const now = bytesOf("220a0a03666f6f1203626172a2060b0881f681e682b9e6d1b101");
  assert.equal(peekV2Method(now, 0, now.length), undefined);
});
