import assert from "node:assert/strict";
import { test } from "node:test";
import { DiskError } from "../../platform/disk.ts";
import { LogRig, RIG_METADATA, entryOf } from "../../sim/world/log-rig.ts";
import type { Entry, HardState } from "../../raft/types.ts";
import {
  WalError,
  createWal,
  decodeMetadata,
  encodeMetadata,
  openWal,
  readWal,
  validSnapshots,
  walExists,
} from "./wal.ts";
import { encodeSnapshot, encodeState, decodeEntry, decodeSnapshot, decodeState } from "./codec.ts";

const FIRST = "0000000000000000-0000000000000000.wal";
const NODE = 0xe765e731bd1bb1a3n;

/** formats-disk 5.5: a cluster of one, bootstrapped, elected in term 2, snapshot at 2. */
const EXAMPLE = `
  0400000000000084 08041000 00000000
  1f00000000000081 0801 10fee192e702 1a15 08a3e3eee89be6f9b2e701 10e48aa8a190aeffef47 00
  0e00000000000082 0805 10aaabaab203 1a04 0800 1000 0000
  6c00000000000084 0802 10d7a880a509 1a62 0801 1001 1801 225a
  1000 18a3e3eee89be6f9b2e701 224b
  7b226964223a31363637333938373339363232313235323030332c227065657255524c73223a5b22687474703a2f2f
  31302e302e302e313a32333830225d2c226e616d65223a226d31227d 00000000
  0e00000000000082 0803 1096ecf3f802 1a04 0801 1801 0000
  0e00000000000082 0802 10fade9cf201 1a04 1002 1802 0000
  1900000000000087 0803 10c3eec7cc0d 1a0f 0802 10a3e3eee89be6f9b2e701 1802 00000000000000
  1d00000000000083 0805 109789d8d80b 1a13 0802 1002 1a0d 08a3e3eee89be6f9b2e701 2800 000000`;

const CONF = {
  voters: [NODE],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replace(/\s/g, ""), "hex"));
}

function refusal(code: string): (error: unknown) => boolean {
  return (error) => error instanceof WalError && error.code === code && error.remedy !== "";
}

test("writes etcd's example byte for byte", () => {
  const rig = new LogRig();
  const json = `{"id":16673987396221252003,"peerURLs":["http://10.0.0.1:2380"],"name":"m1"}`;
  const data = hex(`1000 18a3e3eee89be6f9b2e701 224b ${Buffer.from(json).toString("hex")}`);
  rig.saveNow({ term: 1, vote: 0n, commit: 1 }, [{ type: 1, term: 1, index: 1, data }]);
  rig.wal.save(null, [{ type: 0, term: 2, index: 2, data: new Uint8Array(0) }]);
  rig.wal.save({ term: 2, vote: NODE, commit: 2 }, []);
  rig.wal.saveSnapshot({ index: 2, term: 2, confState: CONF });
  assert.equal(rig.close(), null);
  const wanted = hex(EXAMPLE);
  const bytes = rig.readFile(FIRST);
  assert.equal(
    Buffer.from(bytes.subarray(0, wanted.length)).toString("hex"),
    Buffer.from(wanted).toString("hex"),
  );
  assert.ok(bytes.subarray(wanted.length).every((b) => b === 0));
  const { entries, hardState, snapshotFound } = readWal(rig, { index: 0, term: 0 });
  assert.deepEqual(entries, [
    { type: 1, term: 1, index: 1, data },
    { type: 0, term: 2, index: 2, data: new Uint8Array(0) },
  ]);
  assert.deepEqual(hardState, { term: 2, vote: NODE, commit: 2 });
  assert.equal(snapshotFound, true);
  assert.deepEqual(validSnapshots(rig), [
    { index: 0, term: 0, confState: null },
    { index: 2, term: 2, confState: CONF },
  ]);
});

test("payloads: explicit zeros of older versions, and what is not the message it claims", () => {
  const empty = new Uint8Array(0);
  const entry = { type: 0, term: 2, index: 2, data: empty };
  assert.deepEqual(decodeEntry(hex("0800 1002 1802")), entry);
  assert.deepEqual(decodeEntry(hex("0800 1002 1802 2200")), entry);
  assert.deepEqual(decodeState(hex("0801 1000 1801")), { term: 1, vote: 0n, commit: 1 });
  const full = {
    index: 300,
    term: 2 ** 40,
    confState: {
      voters: [1n, 2n ** 64n - 1n],
      learners: [3n],
      votersOutgoing: [4n],
      learnersNext: [5n],
      autoLeave: true,
    },
  };
  assert.deepEqual(decodeSnapshot(encodeSnapshot(full)), full);
  const state = { term: 2 ** 53 - 1, vote: 2n ** 64n - 1n, commit: 2 ** 35 };
  assert.deepEqual(decodeState(encodeState(state)), state);
  const ids = { nodeId: 2n ** 64n - 1n, clusterId: 0n };
  assert.deepEqual(decodeMetadata(encodeMetadata(ids)), ids);
  for (const bad of [
    "0803 1001 1801",
    "1002",
    "1802",
    "1001 1801 28",
    "1001 1801 2205 61",
    "10ffffffffffffffffff01 1801",
    "10ffffffffffffffffffff01 1801",
    "1001 1801 2900",
  ]) {
    assert.throws(() => decodeEntry(hex(bad)), /PayloadError/, bad);
  }
  assert.throws(() => decodeState(hex("1002 1802")), /PayloadError/);
  assert.throws(() => decodeState(hex("0801 2201 61")), /PayloadError/);
  assert.throws(() => decodeMetadata(hex("0b")), WalError);
});

test("numbers and sizes around their varint limits come back", () => {
  const rig = new LogRig();
  const entries: Entry[] = [];
  for (let i = 0; i < 53; i++) {
    entries.push({ ...entryOf(entries.length + 1, 1, i), term: 2 ** i });
    entries.push({ ...entryOf(entries.length + 1, 1, 2 ** (i % 17)), term: 2 ** i - 1 || 1 });
  }
  rig.saveNow({ term: 1, vote: 0n, commit: 0 }, entries);
  rig.crash("power");
  assert.deepEqual(rig.open().entries, entries);
});

test("only entries, term and vote make a ticket; a commit follows with the next sync", () => {
  const rig = new LogRig();
  assert.equal(rig.wal.save(null, []), 0);
  assert.equal(rig.wal.save({ term: 0, vote: 0n, commit: 0 }, []), 0);
  assert.equal(rig.wal.pendingBytes(), 0);
  assert.equal(rig.wal.save({ term: 1, vote: 7n, commit: 0 }, []), 1);
  assert.equal(rig.wal.save(null, [entryOf(1, 1, 10)]), 2);
  rig.wal.flush();
  assert.equal(rig.wal.durableTicket(), 0, "not inside the call");
  rig.clock.runUntilIdle();
  assert.deepEqual(rig.durable, [2]);
  assert.equal(rig.wal.save({ term: 1, vote: 7n, commit: 1 }, []), 2);
  const pending = rig.wal.pendingBytes();
  assert.ok(pending > 0);
  assert.equal(rig.wal.save({ term: 1, vote: 7n, commit: 1 }, []), 2);
  assert.equal(rig.wal.pendingBytes(), pending, "an equal state is not written again");
  rig.wal.flush();
  rig.clock.runUntilIdle();
  assert.equal(rig.wal.pendingBytes(), pending, "kept for the next sync");
  rig.saveNow(null, [entryOf(2, 1, 10)]);
  assert.equal(rig.wal.pendingBytes(), 0);
  rig.crash("power");
  assert.deepEqual(rig.open().hardState, { term: 1, vote: 7n, commit: 1 });
  assert.equal(rig.wal.save({ term: 1, vote: 8n, commit: 1 }, []), 1, "a vote");
  assert.equal(rig.wal.save({ term: 2, vote: 8n, commit: 1 }, []), 2, "a term");
});

test("while one sync runs the next batch gathers", () => {
  const rig = new LogRig({ latencyMs: { min: 1, max: 1 } });
  let syncs = 0;
  const options = { ...rig.walOptions(), observer: { synced: () => syncs++, written() {} } };
  rig.close();
  rig.wal = openWal(options, { index: 0, term: 0 }).wal;
  for (let i = 1; i <= 50; i++) {
    rig.wal.save(null, [entryOf(i, 1, 20)]);
    rig.wal.flush();
  }
  rig.clock.runUntilIdle();
  assert.equal(syncs, 2);
  assert.deepEqual(rig.durable, [1, 50]);
});

test("a full log says so until it is written", () => {
  const rig = new LogRig({ wal: { pendingBytesMax: 1000 } });
  rig.wal.save(null, [entryOf(1, 1, 2000)]);
  assert.equal(rig.wal.isFull(), true);
  assert.throws(() => rig.wal.save(null, [entryOf(2, 1, 1)]), /full/);
  rig.wal.flush();
  rig.clock.runUntilIdle();
  assert.equal(rig.wal.isFull(), false);
});

test("records longer than a buffer, and buffers used again", () => {
  const rig = new LogRig();
  const entries: Entry[] = [];
  for (let i = 1; i <= 40; i++) entries.push(entryOf(i, 1, i % 9 === 0 ? 3_000_000 : 100_000));
  for (const entry of entries) rig.saveNow(null, [entry]);
  rig.crash("kill");
  const opened = rig.open();
  assert.equal(opened.repaired, false);
  assert.ok(opened.entries.every((e, i) => Buffer.compare(e.data, entries[i].data) === 0));
  assert.equal(opened.entries.length, 40);
});

test("buffers are used again only when written, and leave nothing in the padding", () => {
  const rig = new LogRig({ latencyMs: { min: 1, max: 1 } });
  const entries: Entry[] = [];
  // Three lists of 1.6 buffers each are on their way or gather while the first buffers come back.
  for (let turn = 0; turn < 12; turn++) {
    for (let i = 0; i < 160; i++) {
      entries.push(entryOf(entries.length + 1, 1, 10_000 + (turn % 3)));
      rig.wal.save(null, entries.slice(-1));
    }
    rig.wal.flush();
    rig.clock.runFor(1);
    while (rig.wal.isFull()) rig.clock.runFor(1);
  }
  rig.close();
  const found = rig.open().entries;
  assert.equal(found.length, entries.length);
  assert.ok(found.every((e, i) => Buffer.compare(e.data, entries[i].data) === 0));
  const bytes = rig.readFile(FIRST);
  const words = new DataView(bytes.buffer);
  let at = 0;
  for (let n = words.getUint32(0, true); n !== 0; n = words.getUint32(at, true)) {
    const end = at + 8 + n;
    at = end + ((8 - (n % 8)) % 8);
    assert.ok(bytes.subarray(end, at).every((b) => b === 0));
  }
});

/** Saves entries of 100 bytes one by one. */
function fill(rig: LogRig, from: number, to: number, state?: HardState): void {
  for (let i = from; i <= to; i++) rig.saveNow(state ?? null, [entryOf(i, 1, 100)]);
}

const SEGMENT = 4096;

test("segments are cut, chained, and start with head records", () => {
  const rig = new LogRig({ wal: { segmentBytes: SEGMENT } });
  fill(rig, 1, 200, { term: 1, vote: 5n, commit: 1 });
  rig.clock.runUntilIdle();
  const names = rig.disk.listSync(rig.dir).filter((n) => n.endsWith(".wal"));
  assert.ok(names.length > 5);
  const second = rig.readFile(names[1]);
  assert.deepEqual([...second.subarray(8, 11)], [0x08, 4, 0x10]);
  assert.ok(rig.readFile(names[0]).length >= SEGMENT, "cut after the write that reaches the size");
  assert.equal(rig.readFile(names[0]).length % 8, 0);
  rig.crash("power");
  const all = rig.open();
  assert.equal(all.entries.length, 200);
  rig.close();
  // From any later segment on, with the state its head repeats.
  const index = Number.parseInt(names[3].slice(17, 33), 16);
  const part = readWal(rig, { index, term: 1 });
  assert.equal(part.entries[0].index, index + 1);
  assert.equal(part.entries.length, 200 - index);
  assert.deepEqual(part.hardState, { term: 1, vote: 5n, commit: 1 });
  assert.equal(part.snapshotFound, false);
});

test("a log that is cut, closed and opened again and again goes on", () => {
  const rig = new LogRig({ wal: { segmentBytes: SEGMENT }, latencyMs: { min: 0.1, max: 1 } });
  for (let round = 0; round < 20; round++) {
    for (let i = round * 20 + 1; i <= round * 20 + 20; i++) {
      rig.wal.save({ term: 1, vote: 0n, commit: i - 1 }, [entryOf(i, 1, 100)]);
      rig.wal.flush();
      if (i % 7 === 0) rig.clock.runFor(1);
    }
    assert.equal(rig.close(), null);
    assert.deepEqual(
      rig.disk.listSync(rig.dir).filter((n) => !n.endsWith(".wal")),
      [],
    );
    const opened = rig.open();
    assert.deepEqual(
      opened.entries.map((e) => e.index),
      range(1, round * 20 + 20),
    );
    assert.equal(opened.repaired, false);
  }
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

test("later entries replace earlier ones of their index; gaps are refused", () => {
  const rig = new LogRig();
  rig.saveNow(null, [entryOf(1, 1, 5), entryOf(2, 1, 5), entryOf(3, 1, 5)]);
  rig.saveNow(null, [entryOf(2, 2, 5)]);
  rig.crash("power");
  assert.deepEqual(rig.open().entries, [entryOf(1, 1, 5), entryOf(2, 2, 5)]);
  rig.saveNow(null, [entryOf(5, 2, 5)]);
  rig.close();
  assert.throws(() => rig.open(), refusal("entry-gap"));
});

test("snapshots: start in the middle, mismatched term, validity by commit", () => {
  const rig = new LogRig({ wal: { segmentBytes: SEGMENT } });
  fill(rig, 1, 100);
  rig.wal.saveSnapshot({ index: 60, term: 1, confState: CONF });
  rig.wal.saveSnapshot({ index: 90, term: 1, confState: CONF });
  assert.throws(() => rig.wal.saveSnapshot({ index: 1, term: 1, confState: null }), /config/);
  rig.saveNow({ term: 1, vote: 0n, commit: 80 }, [entryOf(101, 1, 10)]);
  rig.close();
  assert.deepEqual(
    validSnapshots(rig).map((s) => s.index),
    [0, 60],
  );
  const opened = rig.open({ index: 60, term: 1 });
  assert.equal(opened.snapshotFound, true);
  assert.deepEqual(
    opened.entries.map((e) => e.index),
    range(61, 101),
  );
  rig.close();
  assert.throws(() => rig.open({ index: 60, term: 2 }), refusal("snapshot-mismatch"));
});

test("a snapshot beyond the last entry names the next segment", () => {
  const rig = new LogRig({ wal: { segmentBytes: SEGMENT } });
  fill(rig, 1, 2);
  rig.wal.saveSnapshot({ index: 1000, term: 2, confState: CONF });
  rig.saveNow(null, [entryOf(1001, 2, SEGMENT)]);
  rig.wal.saveSnapshot({ index: 2000, term: 2, confState: CONF });
  rig.close();
  const opened = rig.open({ index: 1000, term: 2 });
  assert.deepEqual(opened.entries, [entryOf(1001, 2, SEGMENT)]);
  rig.wal.saveSnapshot({ index: 3000, term: 2, confState: CONF });
  const names = (): string[] => rig.disk.listSync(rig.dir).filter((n) => n.endsWith(".wal"));
  for (let term = 3; names().length < 3; term++) rig.saveNow({ term, vote: 0n, commit: 0 }, []);
  const firsts = names().map((n) => Number.parseInt(n.slice(17, 33), 16));
  assert.deepEqual(firsts, [0, 1002, 3001]);
});

test("release keeps what a restart needs, purge deletes only what was released", () => {
  const rig = new LogRig({ wal: { segmentBytes: SEGMENT } });
  fill(rig, 1, 300);
  const names = (): string[] => rig.disk.listSync(rig.dir).filter((n) => n.endsWith(".wal"));
  const all = names();
  const firsts = all.map((n) => Number.parseInt(n.slice(17, 33), 16));
  rig.wal.purge(1);
  rig.clock.runUntilIdle();
  assert.deepEqual(names(), all, "all locked");
  rig.wal.release(firsts[3]);
  rig.wal.purge(1);
  rig.clock.runUntilIdle();
  assert.deepEqual(names(), all.slice(2), "the segment before may hold the entry itself");
  rig.wal.release(firsts[3] + 1);
  rig.wal.purge(0);
  rig.clock.runUntilIdle();
  assert.deepEqual(names(), all.slice(2));
  rig.wal.purge(1);
  rig.clock.runUntilIdle();
  assert.deepEqual(names(), all.slice(3));
  rig.wal.release(1_000_000);
  rig.wal.purge(2);
  rig.clock.runUntilIdle();
  assert.deepEqual(names(), all.slice(-2));
  fill(rig, 301, 310);
  rig.crash("power");
  assert.throws(() => rig.open(), refusal("not-found"));
  assert.equal(rig.open({ index: firsts.at(-2)!, term: 1 }).entries.at(-1)!.index, 310);
});

test("starting: exists, missing, gaps, locked, foreign metadata, unknown record", () => {
  const rig = new LogRig({ wal: { segmentBytes: SEGMENT } });
  assert.equal(walExists(rig), true);
  assert.equal(walExists({ disk: rig.disk, dir: "/none" }), false);
  assert.throws(() => createWal(rig.walOptions(), RIG_METADATA), refusal("exists"));
  assert.throws(() => openWal(rig.walOptions(), { index: 0, term: 0 }), refusal("locked"));
  fill(rig, 1, 120);
  assert.equal(rig.close(), null);
  const names = rig.disk.listSync(rig.dir);
  const second = rig.readFile(names[1]);
  rig.disk.unlinkSync(`${rig.dir}/${names[1]}`);
  assert.throws(() => rig.open(), refusal("file-gap"));
  rig.writeFile(names[1], second);
  const first = rig.readFile(names[0]);
  rig.disk.unlinkSync(`${rig.dir}/${names[0]}`);
  assert.throws(() => rig.open(), refusal("not-found"));
  rig.writeFile(names[0], first);
  rig.writeFile("0.tmp", Uint8Array.of(1));
  rig.writeFile("note.txt", Uint8Array.of(1));
  assert.equal(rig.open().entries.length, 120);
  assert.equal(rig.disk.existsSync(`${rig.dir}/0.tmp`), false);
  rig.close();
  rig.writeFile(names[1], new Uint8Array(SEGMENT));
  assert.throws(() => rig.open(), refusal("corrupt"));
});

test("who creates is alone, and removes nobody's files", () => {
  const rig = new LogRig();
  rig.close();
  rig.disk.removeTreeSync(rig.dir);
  const other = rig.disk.openSync(`${rig.dir}.lock`, { write: true, create: true });
  rig.disk.tryLockSync(other, "record");
  assert.throws(() => createWal(rig.walOptions(), RIG_METADATA), refusal("locked"));
  rig.disk.closeSync(other);
  rig.disk.mkdirSync(rig.dir);
  rig.writeFile("thesis.txt", Uint8Array.of(1));
  assert.throws(() => createWal(rig.walOptions(), RIG_METADATA), refusal("exists"));
  assert.deepEqual(rig.readFile("thesis.txt"), Uint8Array.of(1));
  rig.disk.unlinkSync(`${rig.dir}/thesis.txt`);
  rig.wal = createWal(rig.walOptions(), RIG_METADATA);
});

test("flock stands in where the system has no record locks, not where a tool is missing", () => {
  const rig = new LogRig();
  rig.close();
  const { disk } = rig;
  const tryLock = disk.tryLockSync.bind(disk);
  const without = (code: string): void => {
    disk.tryLockSync = (file, kind) => {
      if (kind === "record") throw new DiskError(code, "segment", "lock");
      return tryLock(file, kind);
    };
  };
  without("ENOLCK");
  assert.throws(() => rig.open(), refusal("locked"));
  without("ENOTSUP");
  assert.equal(rig.open().entries.length, 0);
});

test("a creation that a crash interrupts is not seen, and starts over", () => {
  let created = 0;
  for (let after = 0; after < 12; after++) {
    const rig = new LogRig();
    rig.close();
    rig.disk.removeTreeSync(rig.dir);
    rig.disk.syncDirSync("/data/member");
    rig.disk.faults.add({ after, code: "EIO" });
    try {
      createWal(rig.walOptions(), RIG_METADATA);
      created++;
    } catch (error) {
      assert.match(String(error), /EIO/);
    }
    rig.disk.faults.clear();
    rig.crash("power");
    if (!walExists(rig)) createWal(rig.walOptions(), RIG_METADATA);
    else assert.equal(rig.open().entries.length, 0);
  }
  assert.ok(created > 0 && created < 6, `${created}`);
});
