import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../../base/prng.ts";
import { copyOfSpan, newSpan } from "../../../base/span.ts";
import { VirtualClock } from "../../../sim/world/clock.ts";
import { VirtualDisk } from "../../../sim/world/disk.ts";
import { checkDatabase } from "../bolt-pages/check.ts";
import type { CheckReport } from "../bolt-pages/check.ts";
import { BoltError } from "../bolt-pages/error.ts";
import { BoltReader } from "./reader.ts";
import { writeRevisionKey } from "../bolt-pages/revision-key.ts";
import { buildDatabase } from "../testing/build-database.ts";
import type { BuildOptions, Item } from "../testing/build-database.ts";

const SEED = 20261121;

function open(file: Uint8Array): BoltReader {
  const disk = new VirtualDisk({ clock: new VirtualClock(), seed: SEED });
  const id = disk.openSync("/db", { write: true, create: true });
  disk.writeSync(id, file, 0);
  return new BoltReader(disk, id, "/db");
}

/** formats-disk.md 2.8: bytes in hexadecimal at offsets; the rest is zero. */
function fromHex(size: number, parts: Readonly<Record<number, string>>): Uint8Array {
  const file = new Uint8Array(size);
  for (const [at, hex] of Object.entries(parts)) {
    file.set(Buffer.from(hex.replaceAll(" ", ""), "hex"), Number(at));
  }
  return file;
}

/** The smallest useful database of formats-disk.md 2.8, five pages, made by hand there. */
const SMALLEST = fromHex(5 * 4096, {
  0:
    "0000000000000000 0400000000000000 edda0ced02000000 0010000000000000" +
    "0400000000000000 0000000000000000 ffffffffffffffff 0500000000000000" +
    "0200000000000000 8075b171d1997629",
  4096:
    "0100000000000000 0400 0000 00000000" +
    "edda0ced 02000000 00100000 00000000 0300000000000000 0000000000000000" +
    "0200000000000000 0400000000000000 0100000000000000 0f4879511a354c26",
  8192: "0200000000000000 1000 0000 00000000",
  12288: "0300000000000000 0200 0000 00000000",
  16384:
    "0400000000000000 0200 0100 00000000" +
    "01000000 10000000 04000000 64000000" +
    "6d657461 0000000000000000 0000000000000000 0000000000000000 0200 0200 00000000" +
    "00000000 20000000 10000000 08000000 00000000 28000000 04000000 08000000" +
    "636f6e73697374656e745f696e646578 000000000000000a 7465726d 0000000000000002",
});

test("reads the smallest database, whose bucket lies within its parent's page", () => {
  const reader = open(SMALLEST);
  const out = newSpan();
  assert.deepEqual(reader.buckets, ["meta"]);
  assert.equal(reader.get("meta", Buffer.from("consistent_index"), out), true);
  assert.equal(Buffer.from(copyOfSpan(out)).toString("hex"), "000000000000000a");
  assert.equal(reader.get("meta", Buffer.from("term"), out), true);
  assert.equal(Buffer.from(copyOfSpan(out)).toString("hex"), "0000000000000002");
  assert.equal(reader.get("meta", Buffer.from("terms"), out), false);
  assert.equal(reader.changes().next(), false);
  const { problems, pages, treePages, freePages, pairs } = checkDatabase(reader.pages);
  assert.deepEqual([problems, pages, treePages, freePages, pairs], [[], 5, 1, 2, 2]);
});

test("a damaged meta page gives way to the other; two are refused", () => {
  for (let bit = 0; bit < 64 * 8; bit += 1) {
    const file = SMALLEST.slice();
    file[16 + (bit >> 3)]! ^= 1 << (bit & 7);
    // The one before knows no bucket yet.
    assert.deepEqual(open(file).buckets, [], `bit ${bit}`);
    file[4096 + 72]! ^= 1;
    assert.throws(() => open(file), { name: "BoltError", offset: -1 }, `bit ${bit}`);
  }
});

test("a file of another kind, an empty one and one cut short are refused", () => {
  const refused = (file: Uint8Array, code: string): void =>
    assert.throws(() => open(file), { name: "BoltError", code });
  refused(new Uint8Array(0), "invalid");
  refused(new Uint8Array(100_000).fill(7), "invalid");
  refused(SMALLEST.subarray(0, 4096 * 4 + 100), "truncated");
  const later = SMALLEST.slice();
  later[20] = 3;
  later[4096 + 20] = 3;
  refused(later, "version");
});

/** Random buckets: many keys, long keys, values beyond a page, empty values, empty buckets. */
function randomDatabase(prng: Prng): BuildOptions {
  const pageBytes = [1024, 4096, 16_384][prng.below(3)]!;
  const names = ["alarm", "cluster", "key", "lease", "meta"].slice(prng.below(3));
  const buckets = new Map(
    names.map((name) => [name, randomItems(prng, pageBytes, name === "key")]),
  );
  const withFreeList = prng.below(2) === 0;
  return { pageBytes, buckets, freePages: prng.below(9), withFreeList, txid: 2 + prng.below(9) };
}

function randomItems(prng: Prng, pageBytes: number, areRevisions: boolean): readonly Item[] {
  const count = [0, 1, 5, 300, 3000][prng.below(5)]!;
  const keys = new Map<string, Uint8Array>();
  for (let i = 0; i < count; i += 1) {
    const key = areRevisions ? revisionKey(prng, i) : randomBytes(prng, 1 + prng.below(60));
    keys.set(Buffer.from(key).toString("latin1"), key);
  }
  return [...keys.values()]
    .toSorted((a, b) => Buffer.compare(a, b))
    .map((key) => ({ key, value: randomBytes(prng, valueBytes(prng, pageBytes)) }));
}

function valueBytes(prng: Prng, pageBytes: number): number {
  return prng.below(100) === 0 ? prng.below(3 * pageBytes) : prng.below(60);
}

function revisionKey(prng: Prng, place: number): Uint8Array {
  const key = new Uint8Array(17 + (prng.below(5) === 0 ? 1 : 0)).fill(0x74);
  writeRevisionKey(key, 2 ** 33 + place * 2, prng.below(3));
  return key;
}

function randomBytes(prng: Prng, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => prng.below(256));
}

test(`random databases read as they were built (seed ${SEED})`, () => {
  const prng = new Prng(SEED);
  for (let round = 0; round < 20; round += 1) {
    const options = randomDatabase(prng);
    const reader = open(buildDatabase(options));
    for (const [name, items] of options.buckets) assertSame(reader, name, items, prng);
    const report = checkDatabase(reader.pages);
    assert.deepEqual(report.problems, [], `round ${round}`);
    assert.equal(report.freePages, options.freePages, `round ${round}`);
  }
});

function assertSame(reader: BoltReader, bucket: string, items: readonly Item[], prng: Prng): void {
  const tree = reader.tree(bucket);
  for (const { key, value } of items) {
    assert.equal(tree.next(), true);
    assert.deepEqual(Buffer.from(copyOfSpan(tree.key)), Buffer.from(key));
    assert.deepEqual(Buffer.from(copyOfSpan(tree.value)), Buffer.from(value));
  }
  assert.equal(tree.next(), false);
  for (let i = 0; i < 50; i += 1) {
    const known = items[prng.below(Math.max(1, items.length))]?.key;
    const wanted =
      known !== undefined && i % 2 === 0 ? known : randomBytes(prng, 1 + prng.below(9));
    const at = items.findIndex(({ key }) => Buffer.compare(key, wanted) >= 0);
    tree.seek(newSpan(wanted));
    assert.equal(tree.next(), at >= 0);
    if (at >= 0) assert.deepEqual(Buffer.from(copyOfSpan(tree.key)), Buffer.from(items[at]!.key));
    assert.equal(
      tree.find(newSpan(wanted)),
      at >= 0 && Buffer.compare(items[at]!.key, wanted) === 0,
    );
  }
}

test("revisions are found with and without the mark of a tombstone", () => {
  const prng = new Prng(SEED);
  const items = Array.from({ length: 500 }, (_, i) => {
    const key = new Uint8Array(i % 3 === 0 ? 18 : 17).fill(0x74);
    writeRevisionKey(key, 2 + Math.floor(i / 2), i % 2);
    return { key, value: randomBytes(prng, 30) };
  });
  const reader = open(buildDatabase({ pageBytes: 1024, buckets: new Map([["key", items]]) }));
  const out = newSpan();
  const cursor = reader.changes();
  for (const [i, { value }] of items.entries()) {
    const [main, sub] = [2 + Math.floor(i / 2), i % 2];
    assert.equal(reader.getChange(main, sub, out), true);
    assert.deepEqual(copyOfSpan(out), value);
    assert.equal(cursor.next(), true);
    assert.deepEqual([cursor.main, cursor.sub, cursor.isTombstone], [main, sub, i % 3 === 0]);
  }
  assert.equal(cursor.next(), false);
  assert.equal(reader.getChange(2, 2, out), false);
  assert.equal(reader.getChange(1000, 0, out), false);
});

/** What a user of the file gets to see of it: all pairs, or the error. */
function contentOf(file: Uint8Array): { content: string[]; report: CheckReport } | BoltError {
  try {
    const reader = open(file);
    const content: string[] = [];
    for (const bucket of reader.buckets) {
      const tree = reader.tree(bucket);
      while (tree.next()) {
        const hex = (span: typeof tree.key): string =>
          Buffer.from(copyOfSpan(span)).toString("hex");
        content.push(`${bucket} ${hex(tree.key)} ${hex(tree.value)}`);
      }
    }
    return { content, report: checkDatabase(reader.pages) };
  } catch (error) {
    if (error instanceof BoltError) return error;
    throw error;
  }
}

test(`damaged pages are an error or change only what they hold (seed ${SEED})`, () => {
  const prng = new Prng(SEED);
  const items = randomItems(prng, 1024, false);
  const many = Array.from({ length: 400 }, (_, i) => ({
    key: Buffer.from(`key ${String(i).padStart(5, "0")}`),
    value: randomBytes(prng, 20),
  }));
  const buckets = new Map<string, readonly Item[]>([
    ["lease", many],
    ["meta", items],
  ]);
  const sound = buildDatabase({ pageBytes: 1024, buckets, freePages: 3, withFreeList: true });
  let refused = 0;
  for (let round = 0; round < 600; round += 1) {
    const file = sound.slice();
    const at = 2048 + prng.below(file.length - 2048);
    file[at]! ^= 1 << prng.below(8);
    // Neither a crash of another kind nor an endless walk.
    const found = contentOf(file);
    if (found instanceof BoltError || found.report.problems.length > 0) refused += 1;
  }
  assert.ok(refused > 60, `${refused} of 600 were noticed`);
});

test("what bbolt's check looks for is found, with the page and its place", () => {
  const items = Array.from({ length: 200 }, (_, i) => ({
    key: Buffer.from(`key ${String(i).padStart(4, "0")}`),
    value: new Uint8Array(20),
  }));
  const options = { pageBytes: 1024, buckets: new Map([["meta", items]]), freePages: 2 };
  const file = buildDatabase({ ...options, withFreeList: true });
  const problemsAfter = (change: (file: Uint8Array) => void): string => {
    const damaged = file.slice();
    change(damaged);
    return checkDatabase(open(damaged).pages).problems.join("\n");
  };
  const pages = file.length / 1024;
  const branch = [...Array.from({ length: pages }).keys()].find((i) => file[i * 1024 + 8] === 1)!;
  const list = [...Array.from({ length: pages }).keys()].find((i) => file[i * 1024 + 8] === 0x10)!;
  const child = (place: number): number => branch * 1024 + 16 + place * 16 + 8;
  assert.equal(
    problemsAfter(() => {}),
    "",
  );
  assert.match(
    problemsAfter((bytes) => bytes.copyWithin(child(1), child(0), child(0) + 8)),
    /page 4 at byte 4096: is reached twice/,
  );
  assert.match(
    problemsAfter((bytes) => bytes.copyWithin(child(0), child(1), child(1) + 8)),
    /has a key that belongs to the next page|is reached twice/,
  );
  assert.match(
    problemsAfter((bytes) => (bytes[list * 1024 + 16] = 4)),
    /free/,
  );
  assert.match(
    problemsAfter((bytes) => (bytes[list * 1024 + 10] = 1)),
    /page 3 at byte 3072: is neither reachable nor free/,
  );
  const swapped = problemsAfter((bytes) => {
    const first = bytes.slice(child(0), child(0) + 8);
    bytes.copyWithin(child(0), child(1), child(1) + 8);
    bytes.set(first, child(1));
  });
  assert.match(swapped, /page 4 at byte 4096: has a key below its parent's/);
  assert.match(swapped, /page 5 at byte 5120: has a key that belongs to the next page/);
  const leaf = 4 * 1024 + 16;
  assert.match(
    problemsAfter((bytes) => (bytes[leaf + 14] = 1)),
    /value of element 0 is beyond the page/,
  );
  assert.match(
    problemsAfter((bytes) => {
      // Element 1 names the key of element 0.
      bytes[leaf + 16 + 4] = bytes[leaf + 4]! - 16;
      bytes[leaf + 16 + 5] = bytes[leaf + 5]!;
    }),
    /key of element 1 is not above the one before it/,
  );
  // A value that is shorter than it was leaves a gap, which nobody writes.
  assert.match(
    problemsAfter((bytes) => (bytes[leaf + 12] = 0)),
    /key of element 1 is not where it should begin/,
  );
  assert.match(
    problemsAfter((bytes) => (bytes[4 * 1024] = 9)),
    /page says it is page 9/,
  );
  assert.match(
    problemsAfter((bytes) => (bytes[4 * 1024 + 8] = 4)),
    /page has type 0x4/,
  );
});
