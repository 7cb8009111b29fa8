import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runAll } from "../disk.contract.ts";
import type { DiskUnderTest } from "../disk.contract.ts";
import type { DiskError } from "../disk.ts";
import { NodeDisk } from "./disk.ts";
import { tryLock, tryLockBy, tryLockByChild } from "./disk/lock.ts";

async function newDisk(): Promise<DiskUnderTest & { disk: NodeDisk }> {
  const dir = await mkdtemp(join(tmpdir(), "disk-test-"));
  const disk = new NodeDisk();
  return {
    disk,
    dir,
    async until(condition): Promise<void> {
      while (!condition()) await new Promise((next) => setImmediate(next));
    },
    async close(): Promise<void> {
      await new Promise<void>((closed) => disk.close(closed));
      await rm(dir, { recursive: true });
    },
  };
}

runAll(newDisk);

test("a full device is ENOSPC, with its path", async () => {
  const on = await newDisk();
  const file = on.disk.openSync("/dev/full", { write: true });
  const bytes = new Uint8Array(1);
  let result: DiskError | null = null;
  const write = { op: "write", file, bytes, start: 0, end: 1, offset: 0 } as const;
  on.disk.submit([write], (error) => (result = error));
  await on.until(() => result !== null);
  assert.match(String(result), /write \/dev\/full: ENOSPC/);
  await on.close();
});

/** Runs a program on this disk in a process of its own; resolves with its exit code. */
function child(source: string): { pid: number; line: Promise<string>; exit: Promise<unknown> } {
  const disk = new URL("./disk.ts", import.meta.url).href;
  const program = `import { NodeDisk } from ${JSON.stringify(disk)};\n${source}`;
  const args = ["--input-type=module-typescript", "-e", program];
  const process_ = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const line = new Promise<string>((got) => process_.stdout.once("data", (d) => got(String(d))));
  const exit = new Promise((got) => process_.once("exit", (c, signal) => got(signal ?? c)));
  return { pid: process_.pid!, line, exit };
}

test("an idle disk keeps no process alive, outstanding work does", async () => {
  const idle = child(`new NodeDisk(); console.log("up");`);
  assert.equal(await idle.exit, 0);
  const busy = child(
    `new NodeDisk().submit([{ op: "syncDir", path: "/" }], () => console.log("done"));`,
  );
  assert.equal((await busy.line).trim(), "done");
  assert.equal(await busy.exit, 0);
});

test("locks die with a killed process", async () => {
  const on = await newDisk();
  const path = join(on.dir, "lock");
  const holder = child(`
    const disk = new NodeDisk();
    const file = disk.openSync(${JSON.stringify(path)}, { write: true, create: true });
    console.log(disk.tryLockSync(file, "flock") && disk.tryLockSync(file, "record"));
    setInterval(() => {}, 1000);`);
  assert.equal((await holder.line).trim(), "true");
  const file = on.disk.openSync(path, { write: true });
  assert.equal(on.disk.tryLockSync(file, "flock"), false);
  assert.equal(on.disk.tryLockSync(file, "record"), false);
  process.kill(holder.pid, "SIGKILL");
  assert.equal(await holder.exit, "SIGKILL");
  assert.equal(on.disk.tryLockSync(file, "flock"), true);
  assert.equal(on.disk.tryLockSync(file, "record"), true);
  await on.close();
});

test("a lock taken by a child and one taken by the package exclude each other", async () => {
  const on = await newDisk();
  const path = join(on.dir, "locked");
  const first = openSync(path, "w+");
  const second = openSync(path, "r+");
  assert.equal(tryLockByChild(first, "record", path), true);
  assert.equal(tryLockByChild(second, "record", path), false);
  assert.equal(tryLock(second, "record", path), false);
  closeSync(first);
  assert.equal(tryLock(second, "record", path), true);
  const third = openSync(path, "r+");
  assert.equal(tryLockByChild(third, "record", path), false);
  closeSync(second);
  closeSync(third);
  await on.close();
});

test("a system without record locks, and a machine without a tool, are told apart", async () => {
  const on = await newDisk();
  const path = join(on.dir, "locked");
  const file = openSync(path, "w+");
  const failing = (code: string) => ({
    tryLock: (): boolean => {
      throw Object.assign(new Error("fcntl"), { code });
    },
  });
  for (const code of ["EINVAL", "ENOSYS", "ENOLCK"]) {
    assert.throws(() => tryLockBy(failing(code), file, path), { code: "ENOTSUP" });
  }
  assert.equal(tryLockBy(failing("EACCES"), file, path), false);
  assert.throws(() => tryLockBy(failing("EIO"), file, path), { code: "EIO" });
  const ways = [{ command: "there-is-no-such-program", args: [] }];
  assert.throws(() => tryLockByChild(file, "record", path, ways), { code: "ENOLCK" });
  const old = [{ command: "perl", args: ["-e", "exit 3"] }];
  assert.throws(() => tryLockByChild(file, "record", path, old), { code: "ENOTSUP" });
  closeSync(file);
  await on.close();
});
