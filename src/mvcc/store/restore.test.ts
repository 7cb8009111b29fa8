import assert from "node:assert/strict";
import { test } from "node:test";
import { newSpan } from "../../base/span.ts";
import { createKeyValue, encodeKeyValueToBytes } from "../../proto/gen/mvccpb.ts";
import { openMemoryBackend } from "../../storage/backend/memory/memory-backend.ts";
import { openStore } from "./kv-store.ts";
import { encodeRevision } from "./revision-key.ts";
import type { KvStore } from "./store.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A stored change: main, sub, and the revision it says it is of; 0: it has no fields. */
type Change = readonly [main: number, sub: number, mod: number];

function opened(changes: readonly Change[], compacted = 0): KvStore {
  const backend = openMemoryBackend();
  for (const [main, sub, mod] of changes) {
    const kv = { ...createKeyValue(), key: utf8("k"), modRevision: mod };
    const bytes = mod === 0 ? new Uint8Array(0) : encodeKeyValueToBytes(kv);
    const room = newSpan();
    backend.appendChange({ main, sub, isTombstone: false }, bytes.length, room);
    if (bytes.length > 0) room.bytes.set(bytes, room.start);
  }
  const mark = encodeRevision(compacted, 0, false);
  if (compacted > 0) backend.put("meta", utf8("scheduledCompactRev"), mark);
  return openStore({ backend, hashSeed: 7 });
}

test("changes that contradict their revision are refused, holes only where compacted", () => {
  const sound = [
    [2, 0, 2],
    [3, 0, 3],
    [3, 1, 3],
  ] as const;
  assert.equal(opened(sound).currentRevision, 3);
  assert.throws(() => opened([...sound, [4, 0, 3]]), /stored change 4\.0 is of revision 3/);
  assert.throws(() => opened([...sound, [4, 1, 4]]), /stored change 4\.1 is without the one/);
  assert.throws(() => opened([...sound, [3, 3, 3]]), /stored change 3\.3 is without the one/);
  assert.throws(() => opened([...sound, [9, 0, 0]]), /stored change 9\.0 is of revision 0/);
  assert.equal(opened([...sound, [9, 0, 0]], 9).currentRevision, 9);
  assert.equal(opened([[3, 1, 3]], 3).currentRevision, 3);
  const holes = [
    [3, 1, 3],
    [9, 1, 9],
  ] as const;
  assert.equal(opened(holes, 9).currentRevision, 9);
  assert.throws(() => opened(holes, 8), /stored change 9\.1 is without the one/);
});
