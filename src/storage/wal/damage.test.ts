import assert from "node:assert/strict";
import { test } from "node:test";
import { LogRig, entryOf } from "../../sim/world/log-rig.ts";
import type { Entry } from "../../raft/types.ts";
import { WalError } from "./wal.ts";

const FIRST = "0000000000000000-0000000000000000.wal";

/** A small log, its records' ends, and its bytes up to the last one. */
function smallLog(): { rig: LogRig; bytes: Uint8Array; entries: Entry[]; sizeBytes: number } {
  const rig = new LogRig({ wal: { segmentBytes: 4096 } });
  const entries: Entry[] = [];
  for (let i = 1; i <= 12; i++) {
    entries.push(entryOf(i, 1, 20 + i * 7));
    rig.saveNow({ term: 1, vote: 3n, commit: i - 1 }, [entries.at(-1)!]);
  }
  rig.close();
  const bytes = rig.readFile(FIRST);
  const end = bytes.findLastIndex((b) => b !== 0) + 1;
  return { rig, bytes: bytes.subarray(0, end + 8 - (end % 8)), entries, sizeBytes: bytes.length };
}

/** Opens what `bytes` make of the log: the entries, or the refusal. */
function reopen(rig: LogRig, bytes: Uint8Array): readonly Entry[] | WalError {
  rig.writeFile(FIRST, bytes);
  try {
    const { entries } = rig.open();
    rig.close();
    return entries;
  } catch (error) {
    assert.ok(error instanceof WalError, String(error));
    return error;
  }
}

function assertPrefix(found: readonly Entry[], all: readonly Entry[], where: string): void {
  assert.deepEqual(found, all.slice(0, found.length), where);
}

test("every truncation leaves a prefix, with the tail's copy, or is refused", () => {
  const { rig, bytes, entries } = smallLog();
  const broken = `${rig.dir}/${FIRST}.broken`;
  const lengths = new Set<number>();
  for (let length = 0; length <= bytes.length; length++) {
    if (rig.disk.existsSync(broken)) rig.disk.unlinkSync(broken);
    const found = reopen(rig, bytes.subarray(0, length));
    if (found instanceof WalError) {
      assert.ok(length < 100, `refused at ${length}: ${found.message}`);
      continue;
    }
    assertPrefix(found, entries, `cut at ${length}`);
    lengths.add(found.length);
    if (rig.disk.existsSync(broken)) assert.equal(rig.readFile(`${FIRST}.broken`).length, length);
  }
  assert.equal(lengths.size, entries.length + 1);
});

/** Frames that were not synced before may be zero from any sector on. */
test("every torn write, sector by sector, removes only what was not synced", () => {
  const { rig, bytes, entries, sizeBytes } = smallLog();
  const sectors = Math.ceil(bytes.length / 512);
  let repairs = 0;
  for (let lost = 1; lost < 2 ** (sectors - 1); lost++) {
    const torn = new Uint8Array(sizeBytes);
    torn.set(bytes);
    // The first sector holds the head, which was synced.
    for (let s = 1; s < sectors; s++) {
      if ((lost >> (s - 1)) & 1) torn.fill(0, s * 512, s * 512 + 512);
    }
    const found = reopen(rig, torn);
    if (found instanceof WalError) assert.fail(`lost ${lost.toString(2)}: ${found.message}`);
    assertPrefix(found, entries, `lost ${lost.toString(2)}`);
    assert.ok(found.length < entries.length);
    repairs++;
    // What was behind the tear is gone for good: the log goes on cleanly.
    rig.open();
    rig.saveNow(null, [entryOf(found.length + 1, 2, 600)]);
    rig.close();
    assert.equal(rig.open().entries.length, found.length + 1);
    rig.close();
    rig.writeFile(FIRST, torn);
  }
  assert.ok(repairs >= 3);
});

/**
 * Entries here are dense, so no piece of a record is zero by itself: whatever is changed must be
 * found, or not change what is read. (A record with 512 zero bytes of its own would be taken for a
 * torn one when damaged in the last segment; so does etcd.)
 */
test("every flipped bit is refused or harmless", () => {
  const { rig, bytes, entries, sizeBytes } = smallLog();
  let refused = 0;
  let harmless = 0;
  for (let at = 0; at < bytes.length; at++) {
    const bit = at % 8;
    for (const mask of [1 << bit, 0xff, bytes[at]]) {
      const damaged = new Uint8Array(sizeBytes);
      damaged.set(bytes);
      if (mask === 0) continue;
      damaged[at] ^= mask;
      const found = reopen(rig, damaged);
      if (found instanceof WalError) {
        refused++;
        // A chain value that is taken over from a segment's first record shows at the second.
        const nearest = at < 16 ? 16 : at;
        assert.ok(found.offset <= nearest, `${found.message}: beyond the flip at ${at}`);
        assert.ok(found.file.endsWith(FIRST));
        continue;
      }
      harmless++;
      // A length word alone at the end of its sector, turned into zero, is what a lost sector
      // looks like: the log ends there.
      if (at % 512 >= 504 && mask === bytes[at]) {
        assertPrefix(found, entries, `zero at ${at}`);
        continue;
      }
      assert.deepEqual(found, entries, `flip ${mask} at ${at} changed what is read`);
    }
  }
  assert.ok(refused > harmless * 10, `${refused} refused, ${harmless} harmless`);
});

test("damage in an earlier segment is never repaired, even when it looks torn", () => {
  const rig = new LogRig({ wal: { segmentBytes: 4096 } });
  for (let i = 1; i <= 60; i++) rig.saveNow(null, [entryOf(i, 1, 700)]);
  rig.close();
  const bytes = rig.readFile(FIRST);
  for (const cut of [1000, bytes.length - 3]) {
    const found = reopen(rig, bytes.subarray(0, cut));
    assert.ok(found instanceof WalError && found.code === "corrupt", `cut at ${cut}`);
  }
  const zeroed = bytes.slice();
  zeroed.fill(0, 1024, 1536);
  const found = reopen(rig, zeroed);
  assert.ok(found instanceof WalError && found.code === "corrupt");
  assert.match(found.message, /at byte \d+\)\. Restore/);
});

test("a tear that swallowed committed entries is refused, not cut", () => {
  const wal = { segmentBytes: 4096, commitIsDurable: true };
  const rig = new LogRig({ wal });
  for (let i = 1; i <= 30; i++) {
    rig.saveNow({ term: 1, vote: 3n, commit: i - 1 }, [entryOf(i, 1, 60)]);
  }
  rig.close();
  const bytes = rig.readFile(FIRST);
  const sectors = Math.ceil((bytes.findLastIndex((b) => b !== 0) + 1) / 512);
  let refused = 0;
  for (let s = 1; s < sectors; s++) {
    const damaged = bytes.slice();
    damaged.fill(0, s * 512, s * 512 + 512);
    const found = reopen(rig, damaged);
    if (found instanceof WalError) {
      refused++;
      assert.match(found.message, /wal at byte \d+\)\. Restore/);
      assert.deepEqual(rig.readFile(FIRST), damaged, "left as it was found");
      continue;
    }
    // What nothing follows may have been under way.
    assert.equal(s, sectors - 1, `sector ${s}: ${found.length} entries`);
  }
  assert.ok(refused >= 4);
});
