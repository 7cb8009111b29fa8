import assert from "node:assert/strict";
import { test } from "node:test";
import { pausesOf } from "../../../base/testing/pauses-of.ts";
import { VirtualClock } from "../../../sim/world/clock.ts";
import { VirtualDisk } from "../../../sim/world/disk.ts";
import type { ChangeId, ChangeSink } from "../backend.ts";
import { BoltError } from "../bolt-pages/error.ts";
import { buildDatabase, type Item } from "../testing/build-database.ts";
import { RandomWriter } from "../testing/random-writer.ts";
import { type BoltBackend, openBolt, openingBolt } from "./bolt-backend.ts";
import { writeRevisionKey } from "../bolt-pages/revision-key.ts";

const SEED = 20261122;
const PATH = "/db";

/** Keeps what it is given, as text, once it was flushed: that is how long the bytes last. */
class Listing implements ChangeSink {
  readonly found: string[] = [];
  readonly #waiting: [ChangeId, Uint8Array, number, number][] = [];

  add(change: ChangeId, bytes: Uint8Array, start: number, end: number): void {
    this.#waiting.push([{ ...change }, bytes, start, end]);
  }

  flush(): void {
    for (const [change, bytes, start, end] of this.#waiting.splice(0)) {
      this.found.push(textOf(change, bytes, start, end));
    }
  }
}

function textOf(id: ChangeId, bytes: Uint8Array, start: number, end: number): string {
  const value = Buffer.from(bytes.subarray(start, end)).toString("base64");
  return `${id.main}.${id.sub} ${id.isTombstone} ${value}`;
}

function changesOf(backend: BoltBackend): string[] {
  const found: string[] = [];
  const changes = backend.changes();
  while (changes.next()) {
    const { bytes, start, end } = changes.value;
    found.push(textOf(changes, bytes, start, end));
  }
  return found;
}

function open(disk: VirtualDisk, sink: ChangeSink): BoltBackend {
  const onFailure = (error: Error): void => assert.fail(String(error));
  return openBolt({ disk, path: PATH, onFailure, sink });
}

test(`an opening hands on all changes, in order (seed ${SEED})`, () => {
  const clock = new VirtualClock();
  const disk = new VirtualDisk({ clock, seed: SEED });
  const writer = new RandomWriter(SEED);
  let wanted: string[] = [];
  for (let round = 0; round < 12; round += 1) {
    const sink = new Listing();
    const backend = open(disk, sink);
    assert.deepEqual(sink.found, wanted, `round ${round}`);
    for (let i = 0; i < round; i += 1) writer.batch(backend);
    wanted = changesOf(backend);
    clock.runFor(1000);
    backend.close();
  }
  assert.ok(wanted.length > 500);
});

function revisionKey(main: number, marks = ""): Uint8Array {
  const key = new Uint8Array(17 + marks.length);
  writeRevisionKey(key, main, 0);
  key.set(Buffer.from(marks), 17);
  return key;
}

function built(items: readonly Item[]): VirtualDisk {
  const disk = new VirtualDisk({ clock: new VirtualClock(), seed: SEED });
  const file = disk.openSync(PATH, { write: true, create: true });
  const other = { key: Buffer.from("no revision"), value: Buffer.from("x") };
  const buckets = new Map([
    ["before", [other]],
    ["key", items],
    ["lease", [other]],
  ]);
  disk.writeSync(file, buildDatabase({ pageBytes: 1024, buckets }), 0);
  disk.closeSync(file);
  return disk;
}

test("keys that are no revisions are refused, in the bucket of revisions only", () => {
  const value = Buffer.from("value");
  const sound = [2, 3, 4].map((main) => ({ key: revisionKey(main), value }));
  const sink = new Listing();
  open(built([...sound, { key: revisionKey(5, "t"), value }]), sink);
  assert.deepEqual(
    sink.found.map((text) => text.slice(0, 8)),
    ["2.0 fals", "3.0 fals", "4.0 fals", "5.0 true"],
  );
  const header = new Uint8Array(32);
  header[24] = 2;
  const bad: Item[] = [
    { key: revisionKey(5, "x"), value },
    { key: revisionKey(5, "tt"), value },
    { key: revisionKey(5).subarray(0, 16), value },
    { key: revisionKey(2 ** 53), value },
    { key: revisionKey(5).with(8, 0x5e), value },
    { key: revisionKey(5).with(12, 1), value },
    { key: revisionKey(5), value: header, isBucket: true },
  ];
  for (const [i, item] of bad.entries()) {
    for (const items of [[...sound, item], manyWith(item)]) {
      const isDamaged = (error: unknown): boolean =>
        error instanceof BoltError && error.message.includes("a key that is no revision");
      assert.throws(() => open(built(items), new Listing()), isDamaged, `item ${i}`);
    }
  }
});

test("an opening pauses every few pages", () => {
  const value = new Uint8Array(400);
  const items = Array.from({ length: 1000 }, (_, i) => ({ key: revisionKey(i + 2), value }));
  const onFailure = (error: Error): void => assert.fail(String(error));
  const pauses = pausesOf(openingBolt({ disk: built(items), path: PATH, onFailure }));
  assert.ok(pauses >= 7, `${pauses} pauses in some 500 pages`);
});

/** So many that the bucket has pages of its own. */
function manyWith(last: Item): Item[] {
  const value = Buffer.from("v".repeat(100));
  const items = Array.from({ length: 60 }, (_, sub) => {
    const key = new Uint8Array(17);
    writeRevisionKey(key, 4, sub);
    return { key, value };
  });
  return [...items, last];
}
