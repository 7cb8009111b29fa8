import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createDeleteRangeRequest,
  createPutRequest,
  createTxnRequest,
  encodeCompactionRequestToBytes,
  encodeDeleteRangeRequestToBytes,
  encodeTxnRequestToBytes,
} from "../../src/proto/gen/etcdserverpb.ts";
import { VirtualClock } from "../../src/sim/world/clock.ts";
import { VirtualDisk } from "../../src/sim/world/disk.ts";
import { SimMember } from "./sim-member.ts";

const SEED = 20261121;
const ROUNDS = 40;
const KEYS = 1000;
/** Of a piece of memory that keys are in, one key of a round survives. */
const KEY_BYTES = 1000;
const CALL_MS = 60_000;
/** docs/mvcc.md: 4 MiB may be wasted; numbers, hash and the piece in use have about 8 MiB. */
const INDEX_BYTES_MAX = 13 * 1024 * 1024;

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

test(`the index of a running member gives up the memory of removed keys (seed ${SEED})`, () => {
  const clock = new VirtualClock();
  const member = new SimMember({ clock, disk: new VirtualDisk({ clock, seed: SEED }), seed: SEED });
  clock.runUntil(() => member.core.isReady, CALL_MS);
  const call = (method: string, request: Uint8Array): void => {
    let isDone = false;
    member.call(method, request, (outcome) => {
      assert.equal(outcome.ok, true, method);
      isDone = true;
    });
    clock.runUntil(() => isDone, CALL_MS);
  };
  const { store } = member.core;
  for (let round = 0; round < ROUNDS; round++) {
    const prefix = `r${String(round).padStart(3, "0")}/`;
    const name = (i: number): Uint8Array =>
      utf8((prefix + String(i).padStart(5, "0")).padEnd(KEY_BYTES, "k"));
    for (let i = 0; i < KEYS; i += 100) {
      const success = Array.from({ length: 100 }, (_, j) => ({
        request: {
          case: "requestPut" as const,
          value: { ...createPutRequest(), key: name(i + j), value: utf8("v") },
        },
      }));
      call("Txn", encodeTxnRequestToBytes({ ...createTxnRequest(), success }));
    }
    const rest = { key: name(1), rangeEnd: utf8(`r${String(round).padStart(3, "0")}0`) };
    const request = { ...createDeleteRangeRequest(), ...rest };
    call("DeleteRange", encodeDeleteRangeRequestToBytes(request));
    const compaction = { revision: store.currentRevision, physical: true };
    call("Compact", encodeCompactionRequestToBytes(compaction));
  }
  clock.runFor(60_000);
  assert.equal(store.keyCount, ROUNDS);
  assert.ok(store.indexBytes < INDEX_BYTES_MAX, `the index has ${store.indexBytes} bytes`);
});
