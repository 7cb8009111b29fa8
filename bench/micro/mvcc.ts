/**
 * The key space alone, 1 M keys in memory: bytes per key, CPU time per operation, longest pause of
 * a slice. `node bench/micro/mvcc.ts [keys]`. CPU time, best of rounds: other work on the machine
 * disturbs it less than wall time.
 */
import { openMemoryBackend } from "../../src/storage/backend/memory/memory-backend.ts";
import { KeyIndex } from "../../src/mvcc/index/key-index.ts";
import { openStore } from "../../src/mvcc/store/kv-store.ts";
import type { FramedCopy } from "../../src/mvcc/store/store.ts";
import { newKeyState } from "../../src/mvcc/types.ts";
import { newSpan } from "../../src/base/span.ts";

const keyCount = Number(process.argv[2] ?? 1_000_000);
const VALUE_BYTES = 256;
const encoder = new TextEncoder();

/** A bijection on [0, 1048573), a prime: keys in scattered order without a table. */
const scatter = (i: number): number => (i * 738_947) % 1_048_573;
const keyText = (i: number): string =>
  `/registry/pods/ns-${i % 97}/pod-${String(i).padStart(8, "0")}`;

function cpuMs(run: () => void): number {
  const start = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function report(name: string, count: number, ms: number): void {
  console.log(`${name.padEnd(48)} ${((ms * 1e6) / count).toFixed(0).padStart(8)} ns each`);
}

/** Longest single call of `step` until it returns true, in ms of wall time, and all of them. */
function slices(step: () => boolean): { longest: number; total: number; count: number } {
  let longest = 0;
  let total = 0;
  let count = 0;
  for (let isDone = false; !isDone; count++) {
    const start = performance.now();
    isDone = step();
    const ms = performance.now() - start;
    total += ms;
    if (ms > longest) longest = ms;
  }
  return { longest, total, count };
}

function show(name: string, s: { longest: number; total: number; count: number }): void {
  const text = `${s.total.toFixed(1)} ms in ${s.count} slices, longest ${s.longest.toFixed(2)} ms`;
  console.log(`${name.padEnd(48)} ${text}`);
}

/** All keys in one buffer: a million arrays would be a benchmark of the collector. */
const KEY_BYTES = encoder.encode(keyText(96)).length + 1;
const allKeyBytes = new Uint8Array(keyCount * KEY_BYTES);
for (let i = 0; i < keyCount; i++) {
  const text = keyText(scatter(i));
  allKeyBytes[i * KEY_BYTES] = text.length;
  encoder.encodeInto(text, allKeyBytes.subarray(i * KEY_BYTES + 1, (i + 1) * KEY_BYTES));
}
const span = newSpan(allKeyBytes);
const use = (i: number): typeof span => {
  span.start = i * KEY_BYTES + 1;
  span.end = span.start + allKeyBytes[span.start - 1];
  return span;
};
/** Another order than that of insertion. */
const shuffled = (i: number): number => (i * 618_041) % keyCount;

function benchIndex(): void {
  const index = new KeyIndex(12345);
  const life = { create: 0, version: 0 };
  const change = { main: 1, sub: 0, flags: 0, sizeBytes: 300 };
  let keyBytes = 0;
  const ms = cpuMs(() => {
    for (let i = 0; i < keyCount; i++) {
      const record = index.findOrAdd(use(i));
      keyBytes += span.end - span.start;
      change.main += 1;
      index.lifeOfNextPut(record, change.main, life);
      index.apply(record, change, life);
    }
  });
  report(`index: insert (1 to ${keyCount}, random order)`, keyCount, ms);
  const perKey = (index.inUseBytes - keyBytes) / keyCount;
  const held = (index.capacityBytes - keyBytes) / keyCount;
  console.log(`index: ${perKey.toFixed(1)} B per key + key bytes in use, ${held.toFixed(1)} held`);
  let found = 0;
  report(
    "index: hash lookup",
    keyCount,
    cpuMs(() => {
      for (let i = 0; i < keyCount; i++) found += index.find(use(shuffled(i))) > 0 ? 1 : 0;
    }),
  );
  const place = { leaf: 0, at: 0 };
  report(
    "index: ordered seek",
    keyCount,
    cpuMs(() => {
      for (let i = 0; i < keyCount; i++) index.tree.seek(use(shuffled(i)), place);
    }),
  );
  if (found !== keyCount) throw new Error("lost keys");
}

function benchStore(): void {
  const backend = openMemoryBackend();
  const store = openStore({ backend, hashSeed: 12345 });
  const value = newSpan(new Uint8Array(VALUE_BYTES).fill(118));
  const putAll = (): void => {
    for (let i = 0; i < keyCount; i++) {
      store.begin();
      store.put(use(i), value, 0n);
      store.end();
    }
  };
  report("store: put of a new key, 256 B", keyCount, cpuMs(putAll));
  let worst = 0;
  report(
    "store: put of a known key",
    keyCount,
    cpuMs(() => {
      for (let from = 0; from < keyCount; from += 1000) {
        const start = performance.now();
        for (let i = from; i < from + 1000 && i < keyCount; i++) {
          store.begin();
          store.put(use(shuffled(i)), value, 0n);
          store.end();
        }
        worst = Math.max(worst, performance.now() - start);
      }
    }),
  );
  console.log(`store: longest 1,000 puts ${worst.toFixed(1)} ms`);
  const state = newKeyState();
  const out = newSpan();
  report(
    "store: find + read of one key",
    keyCount,
    cpuMs(() => {
      for (let i = 0; i < keyCount; i++) {
        store.find(use(shuffled(i)), store.currentRevision, state);
        store.readKeyValue(state, out);
      }
    }),
  );
  benchLists(store);
  const target = store.currentRevision;
  store.compact(target);
  show(
    "store: compaction of 1 M revisions",
    slices(() => store.compactStep(1000) === "idle"),
  );
  show(
    "backend: maintain 64 KiB",
    slices(() => !backend.maintain(1 << 16)),
  );
  console.log(`backend: ${mib(backend.sizeInUseBytes)} in use, ${mib(backend.sizeBytes)} held`);
  const job = store.newHash(target, 0);
  show(
    "store: HashKV",
    slices(() => job.step(1000, 0)),
  );
  const restored = slices(() => openStore({ backend, hashSeed: 1 }).keyCount > 0);
  show("store: restart", restored);
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  console.log(`process: heap ${mib(heapUsed)}, buffers ${mib(arrayBuffers)}, rss ${mib(rss)}`);
}

function benchLists(store: ReturnType<typeof openStore>): void {
  for (const size of [1000, 100_000]) {
    const range = {
      key: newSpan(encoder.encode("/registry/pods/ns-10/")),
      end: newSpan(encoder.encode("/registry/pods/ns-2/")),
    };
    const measure = store.newMeasure();
    const revision = store.currentRevision;
    const rounds = 5;
    const measureMs =
      cpuMs(() => {
        for (let i = 0; i < rounds; i++) {
          measure.open(range, revision, size);
          measure.step(Infinity);
        }
      }) / rounds;
    const { kvs, framedBytes, count } = measure;
    console.log(`list of ${kvs} of ${count}: measured in ${measureMs.toFixed(2)} ms`);
    const cursor = store.newCursor();
    const target = new Uint8Array(framedBytes);
    const copy: FramedCopy = {
      target,
      offset: 0,
      limit: framedBytes,
      tag: 0x12,
      kvsMax: kvs,
      kvs: 0,
      isAtEnd: false,
    };
    const copyMs =
      cpuMs(() => {
        for (let i = 0; i < rounds; i++) {
          copy.offset = 0;
          cursor.open(range, revision);
          cursor.copyFramed(copy);
        }
      }) / rounds;
    report(`list of ${copy.kvs}: copy`, copy.kvs, copyMs);
  }
}

function mib(bytes: number): string {
  return `${(bytes / 1048576).toFixed(1)} MiB`;
}

benchIndex();
benchStore();
