import assert from "node:assert/strict";
import { test } from "node:test";
import { DiskError } from "./disk.ts";
import type { Disk, DiskOp } from "./disk.ts";

/** One disk under test and how to let it work. */
export interface DiskUnderTest {
  readonly disk: Disk;
  /** An empty directory. */
  readonly dir: string;
  /** Lets completions come until `condition` holds. */
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

export type NewDisk = () => Promise<DiskUnderTest>;

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function code(wanted: string): (error: unknown) => boolean {
  return (error) => error instanceof DiskError && error.code === wanted;
}

/** Submits and waits; returns the error. */
async function run(on: DiskUnderTest, ops: readonly DiskOp[]): Promise<DiskError | null> {
  let result: DiskError | null | undefined;
  on.disk.submit(ops, (error) => (result = error));
  assert.equal(result, undefined, "completion inside submit");
  await on.until(() => result !== undefined);
  return result ?? null;
}

function content(disk: Disk, path: string): Uint8Array {
  const file = disk.openSync(path, {});
  const bytes = new Uint8Array(disk.sizeSync(file));
  assert.equal(disk.readSync(file, bytes, 0), bytes.length);
  disk.closeSync(file);
  return bytes;
}

/** What every Disk promises (platform/disk.ts). */
export function runAll(newDisk: NewDisk): void {
  const check = (name: string, body: (on: DiskUnderTest) => Promise<void>): void => {
    test(`disk: ${name}`, async () => {
      const on = await newDisk();
      try {
        await body(on);
      } finally {
        await on.close();
      }
    });
  };
  blocking(check);
  lists(check);
  failures(check);
}

type Check = (name: string, body: (on: DiskUnderTest) => Promise<void>) => void;

function blocking(check: Check): void {
  check("blocking reads and writes", async ({ disk, dir }) => {
    const path = `${dir}/a`;
    assert.throws(() => disk.openSync(path, {}), code("ENOENT"));
    const file = disk.openSync(path, { write: true, create: true, exclusive: true });
    const again = { write: true, create: true, exclusive: true };
    assert.throws(() => disk.openSync(path, again), code("EEXIST"));
    disk.writeSync(file, utf8("hello"), 3);
    disk.syncSync(file);
    assert.equal(disk.sizeSync(file), 8);
    const target = new Uint8Array(10).fill(9);
    assert.equal(disk.readSync(file, target, 2), 6);
    assert.deepEqual([...target], [0, ...utf8("hello"), 9, 9, 9, 9]);
    assert.equal(disk.readSync(file, target, 8), 0);
    disk.truncateSync(file, 5);
    disk.allocateSync(file, 9);
    assert.deepEqual([...content(disk, path)], [0, 0, 0, 104, 101, 0, 0, 0, 0]);
    disk.allocateSync(file, 4);
    assert.equal(disk.sizeSync(file), 9);
    disk.closeSync(file);
    assert.throws(() => disk.sizeSync(file));
  });

  check("directories", async ({ disk, dir }) => {
    disk.mkdirSync(`${dir}/x/y`);
    disk.mkdirSync(`${dir}/x/y`);
    for (const name of ["b", "a", "Z"]) {
      disk.closeSync(disk.openSync(`${dir}/x/${name}`, { write: true, create: true }));
    }
    assert.deepEqual(disk.listSync(`${dir}/x`), ["Z", "a", "b", "y"]);
    disk.renameSync(`${dir}/x/a`, `${dir}/x/b`);
    disk.unlinkSync(`${dir}/x/Z`);
    disk.renameSync(`${dir}/x`, `${dir}/w`);
    disk.syncDirSync(dir);
    assert.deepEqual(disk.listSync(`${dir}/w`), ["b", "y"]);
    assert.equal(disk.existsSync(`${dir}/x`), false);
    assert.equal(disk.existsSync(`${dir}/w/b`), true);
    assert.throws(() => disk.listSync(`${dir}/x`), code("ENOENT"));
    assert.throws(() => disk.unlinkSync(`${dir}/x`), code("ENOENT"));
    assert.throws(() => disk.renameSync(`${dir}/x`, `${dir}/z`), code("ENOENT"));
    disk.removeTreeSync(`${dir}/w`);
    disk.removeTreeSync(`${dir}/w`);
    assert.deepEqual(disk.listSync(dir), []);
  });

  for (const kind of ["flock", "record"] as const) {
    check(`${kind} locks exclude other open files until close`, async ({ disk, dir }) => {
      const open = (): number => disk.openSync(`${dir}/lock`, { write: true, create: true });
      const first = open();
      const second = open();
      assert.equal(disk.tryLockSync(first, kind), true);
      assert.equal(disk.tryLockSync(first, kind), true);
      assert.equal(disk.tryLockSync(second, kind), false);
      disk.closeSync(first);
      assert.equal(disk.tryLockSync(second, kind), true);
      disk.closeSync(second);
    });
  }
}

function lists(check: Check): void {
  check("a list runs in order", async (on) => {
    const { disk, dir } = on;
    const file = disk.openSync(`${dir}/tmp`, { write: true, create: true });
    const shared = disk.sharedBuffer(64).subarray(8);
    shared.set(utf8("shared text"));
    const result = await run(on, [
      { op: "allocate", file, lengthBytes: 100 },
      { op: "write", file, bytes: shared, start: 7, end: 11, offset: 10 },
      { op: "write", file, bytes: utf8("own text"), start: 0, end: 3, offset: 14 },
      { op: "sync", file },
      { op: "truncate", file, lengthBytes: 20 },
      { op: "close", file },
      { op: "rename", from: `${dir}/tmp`, to: `${dir}/final` },
      { op: "syncDir", path: dir },
    ]);
    assert.equal(result, null);
    assert.deepEqual(disk.listSync(dir), ["final"]);
    const text = new TextDecoder().decode(content(disk, `${dir}/final`));
    assert.equal(text, "\0".repeat(10) + "textown\0\0\0");
    assert.throws(() => disk.sizeSync(file));
    assert.equal(await run(on, [{ op: "unlink", path: `${dir}/final` }]), null);
    assert.equal(await run(on, []), null);
    assert.deepEqual(disk.listSync(dir), []);
  });

  check("lists complete in the order of submission, their effects visible", async (on) => {
    const { disk, dir } = on;
    const file = disk.openSync(`${dir}/a`, { write: true, create: true });
    const order: number[] = [];
    const bytes = disk.sharedBuffer(200);
    for (let i = 0; i < 200; i++) {
      bytes[i] = i;
      disk.submit([{ op: "write", file, bytes, start: i, end: i + 1, offset: i }], (error) => {
        assert.equal(error, null);
        assert.ok(disk.sizeSync(file) > i);
        order.push(i);
      });
    }
    await on.until(() => order.length === 200);
    assert.deepEqual(order, [...bytes]);
    assert.deepEqual(content(disk, `${dir}/a`), new Uint8Array(bytes));
  });

  check("one list of thousands of writes, and copies of what is not shared", async (on) => {
    const { disk, dir } = on;
    const file = disk.openSync(`${dir}/a`, { write: true, create: true });
    const ops: DiskOp[] = [];
    const own = new Uint8Array(6000).map((_, i) => i * 7);
    const wanted = own.slice();
    for (let i = 0; i < 6000; i++) {
      ops.push({ op: "write", file, bytes: own, start: i, end: i + 1, offset: i });
    }
    const result = run(on, ops);
    own.fill(0);
    assert.equal(await result, null);
    assert.deepEqual(content(disk, `${dir}/a`), wanted);
  });
}

function failures(check: Check): void {
  check("room is told for what is there, and never fails", async ({ disk, dir }) => {
    assert.ok(disk.freeBytesSync(dir) > 0);
    assert.ok(disk.freeBytesSync(`${dir}/none`) > 0);
    assert.ok(disk.capacityBytesSync(dir) >= disk.freeBytesSync(dir));
    assert.ok(disk.capacityBytesSync(`${dir}/none`) > 0);
  });

  check("the first failure ends its list and no other", async (on) => {
    const { disk, dir } = on;
    const file = disk.openSync(`${dir}/a`, { write: true, create: true });
    const other = disk.openSync(`${dir}/b`, { write: true, create: true });
    const bytes = utf8("x");
    const results: (string | null)[] = [];
    const submit = (ops: readonly DiskOp[]): void =>
      disk.submit(ops, (error) => results.push(error && `${error.code} ${error.path}`));
    submit([{ op: "write", file, bytes, start: 0, end: 1, offset: 0 }]);
    submit([
      { op: "rename", from: `${dir}/none`, to: `${dir}/other` },
      { op: "write", file, bytes, start: 0, end: 1, offset: 5 },
      { op: "close", file: other },
    ]);
    submit([{ op: "unlink", path: `${dir}/gone` }]);
    submit([{ op: "write", file, bytes, start: 0, end: 1, offset: 1 }]);
    await on.until(() => results.length === 4);
    assert.deepEqual(results, [null, `ENOENT ${dir}/none`, `ENOENT ${dir}/gone`, null]);
    assert.equal(disk.sizeSync(file), 2);
    assert.equal(disk.sizeSync(other), 0, "its close was not tried");
  });

  check("a callback may submit", async (on) => {
    const { disk, dir } = on;
    let depth = 0;
    const next = (): void => {
      if (++depth < 20) disk.submit([{ op: "syncDir", path: dir }], next);
    };
    next();
    await on.until(() => depth === 20);
  });
}
