import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../base/prng.ts";
import { copyOfSpan, newSpan } from "../../base/span.ts";
import type { Backend, BackendReader, PlainBucket } from "./backend.ts";
import { newChangeBatch, PLAIN_BUCKETS } from "./backend.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (b: Uint8Array): string => Buffer.from(b).toString("hex");

/** Every engine must pass; `open` makes an empty one. */
export function runAll(name: string, open: () => Backend): void {
  const check = (title: string, run: (backend: Backend) => void): void => {
    test(`${name}: ${title}`, () => run(open()));
  };
  checkPlainBuckets(check);
  checkChanges(check);
  checkAgain(check);
  checkBatches(check);
  checkRoots(check);
  test(`${name}: agrees with a dumb twin through random work`, () => {
    for (const seed of [1, 2, 3, 4, 5]) randomWork(open(), seed);
  });
}

type Check = (title: string, run: (backend: Backend) => void) => void;

function checkPlainBuckets(check: Check): void {
  check("an open batch is visible, a delete too", (backend) => {
    const out = newSpan();
    assert.equal(backend.get("meta", bytes("a"), out), false);
    backend.put("meta", bytes("a"), bytes("1"));
    assert.ok(backend.get("meta", bytes("a"), out));
    assert.equal(hex(copyOfSpan(out)), hex(bytes("1")));
    assert.equal(backend.get("lease", bytes("a"), out), false);
    assert.equal(backend.delete("meta", bytes("a")), true);
    assert.equal(backend.delete("meta", bytes("a")), false);
    assert.equal(backend.get("meta", bytes("a"), out), false);
  });
  check("keys and values are copied, an empty value is kept", (backend) => {
    const key = bytes("k");
    const value = bytes("v");
    backend.put("auth", key, value);
    backend.put("auth", bytes("empty"), new Uint8Array(0));
    key[0] = 0;
    value[0] = 0;
    assert.deepEqual(plain(backend, "auth"), [
      [hex(bytes("empty")), ""],
      [hex(bytes("k")), hex(bytes("v"))],
    ]);
  });
  check("keys are in unsigned bytewise order, a prefix first", (backend) => {
    const keys = [[255], [0], [0, 0], [1], [127], [128], [1, 255], [1, 0]];
    for (const key of keys) backend.put("cluster", Uint8Array.from(key), bytes("x"));
    const order = plain(backend, "cluster").map(([key]) => key);
    assert.deepEqual(order, ["00", "0000", "01", "0100", "01ff", "7f", "80", "ff"]);
  });
  check("large entries and many entries", (backend) => {
    backend.put("authRoles", bytes("big"), new Uint8Array(100_000).fill(7));
    for (let i = 0; i < 2000; i++) {
      backend.put("lease", bytes(String((i * 7919) % 2000).padStart(8, "0")), bytes(`v${i}`));
    }
    const keys = plain(backend, "lease").map(([key]) => key);
    assert.equal(keys.length, 2000);
    assert.deepEqual(keys, [...keys].sort());
    assert.equal(plain(backend, "authRoles")[0][1].length, 200_000);
  });
  check("a cursor keeps its place by key while entries come and go", (backend) => {
    for (const key of ["b", "d", "f"]) backend.put("meta", bytes(key), bytes(key));
    const cursor = backend.cursor("meta");
    cursor.seek(bytes("c"));
    assert.ok(cursor.next());
    assert.equal(hex(copyOfSpan(cursor.key)), hex(bytes("d")));
    backend.put("meta", bytes("a"), bytes("a"));
    backend.put("meta", bytes("e"), bytes("e"));
    backend.delete("meta", bytes("d"));
    assert.ok(cursor.next());
    assert.equal(hex(copyOfSpan(cursor.key)), hex(bytes("e")));
    backend.delete("meta", bytes("f"));
    assert.equal(cursor.next(), false);
    backend.put("meta", bytes("g"), bytes("g"));
    assert.ok(cursor.next());
  });
  check("commit numbers rise and become durable", (backend) => {
    backend.put("meta", bytes("a"), bytes("12"));
    assert.equal(backend.pendingOps, 1);
    assert.ok(backend.pendingBytes >= 3);
    const first = backend.commit();
    assert.equal(backend.pendingOps, 0);
    assert.equal(backend.pendingBytes, 0);
    assert.equal(backend.commit(), first + 1);
    assert.ok(backend.durableBatch <= first + 1);
  });
}

function checkChanges(check: Check): void {
  check("a change is there from its append on", (backend) => {
    append(backend, 2, 0, "two");
    append(backend, 2, 1, "two and one", true);
    append(backend, 7, 0, "");
    const out = newSpan();
    assert.ok(backend.getChange(2, 1, out));
    assert.equal(hex(copyOfSpan(out)), hex(bytes("two and one")));
    assert.ok(backend.getChange(7, 0, out));
    assert.equal(out.end - out.start, 0);
    for (const [main, sub] of [
      [1, 0],
      [2, 2],
      [3, 0],
      [7, 1],
      [8, 0],
    ]) {
      assert.equal(backend.getChange(main, sub, out), false);
    }
    assert.deepEqual(
      changes(backend).map(([id]) => id),
      ["2.0", "2.1t", "7.0"],
    );
    backend.commit();
    assert.equal(changes(backend).length, 3);
  });
  check("revisions must rise", (backend) => {
    append(backend, 5, 1, "x");
    assert.throws(() => append(backend, 5, 1, "x"), /rise/u);
    assert.throws(() => append(backend, 5, 0, "x"), /rise/u);
    assert.throws(() => append(backend, 4, 9, "x"), /rise/u);
    backend.deleteChange(5, 1);
    assert.throws(() => append(backend, 5, 1, "x"), /rise/u);
  });
  check("a cursor seeks, survives deletes and sees what is appended later", (backend) => {
    for (let main = 2; main < 20_000; main++) append(backend, main, 0, `v${main}`);
    const cursor = backend.changes();
    cursor.seek(9_000, 1);
    assert.ok(cursor.next());
    assert.equal(cursor.main, 9_001);
    for (let main = 2; main < 19_990; main++) backend.deleteChange(main, 0);
    while (backend.maintain(1 << 20));
    assert.ok(cursor.next());
    assert.equal(cursor.main, 19_990);
    append(backend, 50_000, 0, "late");
    let last = 0;
    while (cursor.next()) last = cursor.main;
    assert.equal(last, 50_000);
    append(backend, 50_001, 0, "later");
    assert.ok(cursor.next());
  });
  check("main and sub reach their limits", (backend) => {
    append(backend, Number.MAX_SAFE_INTEGER, 2 ** 31 - 1, "end", true);
    const out = newSpan();
    assert.ok(backend.getChange(Number.MAX_SAFE_INTEGER, 2 ** 31 - 1, out));
    assert.deepEqual(changes(backend)[0][0], `${Number.MAX_SAFE_INTEGER}.${2 ** 31 - 1}t`);
  });
  check("space comes back after deletes", (backend) => {
    for (let main = 2; main < 30_000; main++) append(backend, main, 0, "x".repeat(500));
    const full = backend.sizeInUseBytes;
    assert.ok(full >= 30_000 * 500 * 0.99);
    // One in a hundred stays, spread over everything.
    for (let main = 2; main < 30_000; main++) if (main % 100 !== 0) backend.deleteChange(main, 0);
    while (backend.maintain(1 << 20));
    assert.ok(backend.sizeInUseBytes < full / 50, "in use");
    assert.ok(backend.sizeBytes >= backend.sizeInUseBytes);
    assert.equal(changes(backend).length, 299);
  });
}

/** As a put does that keeps the value: what was read is written again, behind a longer head. */
function checkAgain(check: Check): void {
  for (const valueBytes of [40, 5000, 1_000_000]) {
    check(`a value of ${valueBytes} bytes is read, and written again, many times`, (backend) => {
      const old = newSpan();
      const out = newSpan();
      const value = Uint8Array.from({ length: valueBytes }, (_, i) => (i * 7) % 251);
      const writes = valueBytes > 100_000 ? 40 : 2500;
      backend.appendChange({ main: 1, sub: 0, isTombstone: false }, valueBytes, out);
      out.bytes.set(value, out.start);
      for (let main = 2; main < writes; main += 1) {
        const head = main % 3;
        assert.ok(backend.getChange(main - 1, 0, old));
        const skipped = (main - 1) % 3;
        const start = main === 2 ? old.start : old.start + skipped;
        backend.appendChange({ main, sub: 0, isTombstone: false }, head + valueBytes, out);
        out.bytes.fill(0xff, out.start, out.start + head);
        out.bytes.set(old.bytes.subarray(start, start + valueBytes), out.start + head);
        const written = out.bytes.subarray(out.start + head, out.end);
        assert.ok(Buffer.from(written).equals(value), `write ${main}`);
        if (main % 700 === 0) backend.commit();
      }
    });
  }
}

function checkBatches(check: Check): void {
  check("changes are read many at once, up to the first that is not there", (backend) => {
    append(backend, 2, 0, "two");
    append(backend, 2, 1, "two and one", true);
    append(backend, 7, 0, "");
    const batch = newChangeBatch(4);
    batch.mains.set([7, 2, 2, 3]);
    batch.subs.set([0, 0, 1, 0]);
    batch.count = 4;
    assert.equal(backend.getChanges(batch), 3);
    const read = [0, 1, 2].map((i) =>
      Buffer.from(batch.bytes[i].subarray(batch.starts[i], batch.ends[i])).toString(),
    );
    assert.deepEqual(read, ["", "two", "two and one"]);
    batch.count = 1;
    assert.equal(backend.getChanges(batch), 1);
  });
}

function checkRoots(check: Check): void {
  check("a root shows its moment, the present goes on", (backend) => {
    backend.put("meta", bytes("a"), bytes("1"));
    for (let main = 2; main < 10_000; main++) append(backend, main, 0, `v${main}`);
    backend.deleteChange(3, 0);
    const first = backend.openRoot();
    backend.put("meta", bytes("a"), bytes("2"));
    backend.put("meta", bytes("b"), bytes("2"));
    for (let main = 2; main < 9_000; main++) backend.deleteChange(main, 0);
    append(backend, 10_000, 0, "later");
    const second = backend.openRoot();
    backend.delete("meta", bytes("a"));
    backend.deleteChange(9_500, 0);
    backend.commit();
    while (backend.maintain(1 << 20));
    assert.equal(changes(first).length, 9_997);
    assert.equal(changes(second).length, 1_001);
    assert.equal(changes(backend).length, 1_000);
    assert.deepEqual(plain(first, "meta"), [["61", "31"]]);
    assert.deepEqual(plain(second, "meta"), [
      ["61", "32"],
      ["62", "32"],
    ]);
    assert.deepEqual(plain(backend, "meta"), [["62", "32"]]);
    const out = newSpan();
    assert.ok(first.getChange(2, 0, out));
    assert.equal(hex(copyOfSpan(out)), hex(bytes("v2")));
    assert.equal(first.getChange(10_000, 0, out), false);
    assert.equal(second.getChange(2, 0, out), false);
    assert.ok(second.getChange(9_500, 0, out));
    first.close();
    while (backend.maintain(1 << 20));
    assert.equal(changes(second).length, 1_001);
    second.close();
    second.close();
    while (backend.maintain(1 << 20));
    assert.equal(changes(backend).length, 1_000);
  });
}

/** Random operations on the engine and on sorted maps, with roots and copies of the maps. */
function randomWork(backend: Backend, seed: number): void {
  const prng = new Prng(seed);
  const below = (n: number): number => prng.below(n);
  let twin = { plain: new Map<string, string>(), log: new Map<string, string>() };
  const roots: { root: ReturnType<Backend["openRoot"]>; twin: typeof twin }[] = [];
  let main = 1;
  let sub = 0;
  const mains: [number, number][] = [];
  const message = `seed ${seed}`;
  for (let step = 0; step < 3000; step++) {
    const key = bytes(`k${below(300)}`);
    const dice = below(100);
    if (dice < 25) {
      const value = bytes("v".repeat(below(200)));
      backend.put("lease", key, value);
      twin.plain.set(hex(key), hex(value));
    } else if (dice < 40) {
      assert.equal(backend.delete("lease", key), twin.plain.delete(hex(key)), message);
    } else if (dice < 75) {
      if (below(3) === 0) sub += 1;
      else [main, sub] = [main + 1 + below(3), 0];
      const isTombstone = below(5) === 0;
      const value = String(below(1e9)).repeat(below(below(10) === 0 ? 3000 : 20));
      append(backend, main, sub, value, isTombstone);
      twin.log.set(`${main}.${sub}${isTombstone ? "t" : ""}`, hex(bytes(value)));
      mains.push([main, sub]);
    } else if (dice < 96) {
      const [m, s] = mains[below(mains.length + 1)] ?? [1, 0];
      const id = `${m}.${s}`;
      const isThere = twin.log.delete(id) || twin.log.delete(`${id}t`);
      assert.equal(backend.deleteChange(m, s), isThere, message);
    } else if (dice < 97 && roots.length < 3) {
      roots.push({ root: backend.openRoot(), twin });
      twin = { plain: new Map(twin.plain), log: new Map(twin.log) };
    } else if (dice < 98 && roots.length > 0) {
      roots.splice(below(roots.length), 1)[0].root.close();
    } else {
      backend.maintain(1 << (8 + below(10)));
      backend.commit();
    }
    if (step % 200 === 0) {
      compare(backend, twin, message);
      for (const { root, twin: old } of roots) compare(root, old, message);
    }
  }
  for (const { root, twin: old } of roots) compare(root, old, message);
}

interface Twin {
  plain: Map<string, string>;
  log: Map<string, string>;
}

function compare(reader: BackendReader, twin: Twin, message: string): void {
  const sorted = [...twin.plain].sort(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual(plain(reader, "lease"), sorted, message);
  // A map keeps the order of insertion, which is that of the revisions.
  assert.deepEqual(changes(reader), [...twin.log], message);
}

function append(
  backend: Backend,
  main: number,
  sub: number,
  value: string,
  isTombstone = false,
): void {
  const out = newSpan();
  const data = bytes(value);
  backend.appendChange({ main, sub, isTombstone }, data.length, out);
  assert.equal(out.end - out.start, data.length);
  out.bytes.set(data, out.start);
}

function plain(reader: BackendReader, bucket: PlainBucket): [string, string][] {
  assert.ok(PLAIN_BUCKETS.includes(bucket));
  const found: [string, string][] = [];
  const cursor = reader.cursor(bucket);
  while (cursor.next()) {
    found.push([hex(copyOfSpan(cursor.key)), hex(copyOfSpan(cursor.value))]);
    const out = newSpan();
    assert.ok(reader.get(bucket, copyOfSpan(cursor.key), out));
    assert.equal(hex(copyOfSpan(out)), hex(copyOfSpan(cursor.value)));
  }
  return found;
}

function changes(reader: BackendReader): [string, string][] {
  const found: [string, string][] = [];
  const cursor = reader.changes();
  while (cursor.next()) {
    const id = `${cursor.main}.${cursor.sub}${cursor.isTombstone ? "t" : ""}`;
    found.push([id, hex(copyOfSpan(cursor.value))]);
  }
  return found;
}
