import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "../../base/crc32c.ts";
import { Prng } from "../../base/prng.ts";
import { encodeSnapshotToBytes } from "../../proto/gen/raftpb.ts";
import { encodeSnapshotToBytes as encodeFrame } from "../../proto/gen/snappb.ts";
import { parseSnapDatabaseName, parseSnapName, snapDatabaseName, snapName } from "./names.ts";
import { SnapError } from "./snap-error.ts";
import type { SnapErrorCode } from "./snap-error.ts";
import { decodeSnapFile, encodeSnapFile } from "./snap-file.ts";
import type { SnapFile } from "./snap-file.ts";

const SEED = 20261121;
const FILE = "/data/member/snap/x.snap";
const NOBODY = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};
/** formats-disk.md 7: inner data `{}`, voter A, index 2, term 2. */
const WORKED_HEX = "08f1fcd0eb0212190a027b7d12130a0d08a3e3eee89be6f9b2e701280010021802";
const WORKED: SnapFile = {
  term: 2,
  index: 2,
  confState: { ...NOBODY, voters: [0xe765e731bd1bb1a3n] },
  data: Buffer.from("{}"),
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

/** Comparable: `data` is a view, of whatever kind. */
function plain(snapshot: SnapFile): object {
  return { ...snapshot, data: hex(snapshot.data) };
}

function codeOf(bytes: Uint8Array): SnapErrorCode | null {
  try {
    decodeSnapFile(bytes, FILE);
    return null;
  } catch (error) {
    assert.ok(error instanceof SnapError, String(error));
    assert.equal(error.file, FILE);
    assert.match(error.message, /x\.snap.*restore the member/);
    return error.code;
  }
}

test("the worked example of the format, both ways", () => {
  assert.equal(hex(encodeSnapFile(WORKED)), WORKED_HEX);
  assert.deepEqual(plain(decodeSnapFile(unhex(WORKED_HEX), FILE)), plain(WORKED));
});

test("ids in conf_state are not packed; both forms are read; all lists come back", () => {
  const all: SnapFile = {
    term: 2 ** 53 - 1,
    index: 2 ** 40 + 1,
    confState: {
      voters: [1n, 2n ** 64n - 1n],
      learners: [2n ** 63n],
      votersOutgoing: [4n, 5n],
      learnersNext: [6n],
      autoLeave: true,
    },
    data: new Uint8Array(1000).fill(7),
  };
  const bytes = encodeSnapFile(all);
  assert.deepEqual(plain(decodeSnapFile(bytes, FILE)), plain(all));
  assert.ok(hex(bytes).includes("080108ffffffffffffffffff01"), "one tag for each id");
  const packed = frame("12090a030a01071002" + "1802");
  assert.deepEqual(decodeSnapFile(packed, FILE).confState.voters, [7n]);
});

/** A file with these bytes as its data, the checksum being theirs. */
function frame(dataHex: string): Uint8Array {
  const data = unhex(dataHex);
  return encodeFrame({ crc: crc32c(data), data });
}

test("what etcd 3.5 writes explicitly as zero may be missing or there", () => {
  assert.deepEqual(plain(decodeSnapFile(frame("1204" + "10021802"), FILE)), {
    term: 2,
    index: 2,
    confState: NOBODY,
    data: "",
  });
  const explicit = decodeSnapFile(frame("0a00" + "1208" + "0a02" + "2800" + "10021802"), FILE);
  assert.deepEqual(explicit.confState, NOBODY);
});

const REFUSED: readonly (readonly [string, SnapErrorCode, Uint8Array])[] = [
  ["no bytes", "empty", unhex("")],
  ["no data", "empty", unhex("08f1fcd0eb02")],
  ["empty data", "empty", unhex("08f1fcd0eb021200")],
  ["checksum 0", "empty", unhex(`0800${WORKED_HEX.slice(12)}`)],
  ["no checksum", "empty", unhex(WORKED_HEX.slice(12))],
  ["another checksum", "crc", unhex(`08f0${WORKED_HEX.slice(4)}`)],
  ["data of another file", "crc", unhex(WORKED_HEX.replace("7b7d", "5b5d"))],
  ["text", "parse", Buffer.from("not a snapshot")],
  ["zeros", "parse", new Uint8Array(4096)],
  ["data that is no message", "parse", frame("ffff")],
  ["no metadata", "parse", frame("0a027b7d")],
  ["index 0", "parse", frame("1204" + "10001802")],
  ["term 0", "parse", frame("1204" + "10021800")],
  ["index 2^53", "parse", frame("120b" + "1080808080808080101802")],
];

test("what is no snapshot is refused with its reason", () => {
  for (const [what, code, bytes] of REFUSED) assert.equal(codeOf(bytes), code, what);
});

test("a crc error names the offset of the data", () => {
  const bytes = unhex(WORKED_HEX.replace("7b7d", "5b5d"));
  assert.throws(() => decodeSnapFile(bytes, FILE), { code: "crc", offset: 8 });
});

test("every truncation and every flipped byte is found, or changes nothing", () => {
  const bytes = encodeSnapFile({ ...WORKED, data: Buffer.from('{"Root":{}}') });
  const whole = plain(decodeSnapFile(bytes, FILE));
  for (let end = 0; end < bytes.length; end += 1) {
    assert.notEqual(codeOf(bytes.subarray(0, end)), null, `cut at ${end}`);
  }
  let harmless = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    for (let mask = 1; mask < 256; mask += 1) {
      const damaged = bytes.slice();
      damaged[at]! ^= mask;
      if (codeOf(damaged) !== null) continue;
      harmless += 1;
      assert.deepEqual(plain(decodeSnapFile(damaged, FILE)), whole, `byte ${at} ^ ${mask}`);
    }
  }
  // Only bits above 32 of the checksum's varint carry nothing.
  assert.ok(harmless < 128, `${harmless} flips that nobody saw`);
});

test("random bytes are refused by nothing but SnapError", () => {
  const prng = new Prng(SEED);
  for (let round = 0; round < 5000; round += 1) {
    const bytes = new Uint8Array(prng.below(60));
    prng.fill(bytes);
    codeOf(bytes);
    const data = bytes.subarray(prng.below(bytes.length + 1));
    codeOf(encodeFrame({ crc: crc32c(data), data }));
  }
});

test("a snapshot whose checksum would be 0 is written with another and reads the same", () => {
  const snapshot = { ...WORKED, data: dataWithCrcZero(WORKED) };
  assert.equal(crc32c(messageOf(snapshot)), 0);
  assert.deepEqual(plain(decodeSnapFile(encodeSnapFile(snapshot), FILE)), plain(snapshot));
});

function messageOf({ data, confState, index, term }: SnapFile): Uint8Array {
  const lists = { ...confState, voters: [...confState.voters] };
  const metadata = { confState: { ...NOBODY, ...lists } as never, index, term };
  return encodeSnapshotToBytes({ data, metadata });
}

/** A checksum is linear in the bits: of 40 bits' effects, some sum cancels what is there. */
function dataWithCrcZero(snapshot: SnapFile): Uint8Array {
  const crcOf = (data: Uint8Array): number => crc32c(messageOf({ ...snapshot, data }));
  const base = crcOf(new Uint8Array(5));
  /** By highest bit: an effect and the bits of data that have it. */
  const basis = new Map<number, { effect: number; bits: bigint }>();
  const reduce = (effect: number, bits: bigint): { effect: number; bits: bigint } => {
    let [left, used] = [effect, bits];
    for (let bit = 31; bit >= 0 && left !== 0; bit -= 1) {
      const known = basis.get(bit);
      if (known === undefined || (left >>> bit) % 2 === 0) continue;
      left = (left ^ known.effect) >>> 0;
      used ^= known.bits;
    }
    return { effect: left, bits: used };
  };
  for (let bit = 0; bit < 40; bit += 1) {
    const data = new Uint8Array(5);
    data[bit >> 3] = 1 << (bit & 7);
    const entry = reduce((crcOf(data) ^ base) >>> 0, 1n << BigInt(bit));
    if (entry.effect !== 0) basis.set(31 - Math.clz32(entry.effect), entry);
  }
  const { effect, bits } = reduce(base, 0n);
  assert.equal(effect, 0, "the bits span all checksums");
  return Uint8Array.from({ length: 5 }, (_, i) => Number((bits >> BigInt(8 * i)) & 0xffn));
}

test("programmer errors: terms and indexes out of range", () => {
  for (const [term, index] of [
    [0, 1],
    [1, 0],
    [1, 2 ** 53],
    [1.5, 1],
  ] as const) {
    assert.throws(() => encodeSnapFile({ ...WORKED, term, index }), { name: "AssertionError" });
  }
});

test("names", () => {
  assert.equal(snapName(2, 0x1f), "0000000000000002-000000000000001f.snap");
  const name = snapName(0xabc, 2 ** 53 - 1);
  assert.deepEqual(parseSnapName(name), { name, term: 0xabc, index: 2 ** 53 - 1 });
  assert.equal(snapDatabaseName(0x1f), "000000000000001f.snap.db");
  assert.equal(parseSnapDatabaseName("000000000000001f.snap.db"), 0x1f);
  const digits = "0000000000000002";
  const others = [
    "",
    "db",
    ".snap",
    `${digits}.snap`,
    `${digits}-${digits}.snap.broken`,
    `${digits}-${digits}.snap.db`,
    ` ${digits}-${digits}.snap`,
    `${digits}-${digits}.snap\n`,
    `${digits}-${digits}.SNAP`,
    `000000000000000A-${digits}.snap`,
    `${digits}-0${digits}.snap`,
    `+000000000000002-${digits}.snap`,
    `0020000000000000-${digits}.snap`,
    `${digits}-0020000000000000.snap`,
    `tmp-${digits}-${digits}`,
  ];
  for (const other of others) assert.equal(parseSnapName(other), null, other);
  for (const other of ["db", "1f.snap.db", `${digits}.snap`, "0020000000000000.snap.db"]) {
    assert.equal(parseSnapDatabaseName(other), null, other);
  }
  assert.throws(() => snapName(-1, 1), { name: "AssertionError" });
});
