import assert from "node:assert/strict";
import { test } from "node:test";
import { createPutRequest, encodePutRequestToBytes } from "../../src/proto/gen/etcdserverpb.ts";
import { VirtualClock } from "../../src/sim/world/clock.ts";
import { VirtualDisk } from "../../src/sim/world/disk.ts";
import { SimMember } from "./sim-member.ts";

const LIMIT_MS = 60_000;

function put(key: string): Uint8Array {
  const request = { ...createPutRequest(), key: new TextEncoder().encode(key) };
  return encodePutRequestToBytes(request);
}

test("an entry that failed behind its effect is not applied twice by the next start", () => {
  const clock = new VirtualClock();
  const disk = new VirtualDisk({ clock, seed: 5 });
  const fatal: Error[] = [];
  const start = (): SimMember => {
    const onFatal = (error: Error): void => void fatal.push(error);
    const member = new SimMember({ clock, disk, seed: 5, onFatal });
    assert.ok(clock.runUntil(() => member.core.isReady, LIMIT_MS));
    return member;
  };
  const close = (member: SimMember): void => {
    let isClosed = false;
    member.core.close(() => {
      isClosed = true;
    });
    assert.ok(clock.runUntil(() => isClosed, LIMIT_MS));
    member.die();
  };
  const member = start();
  let isDone = false;
  member.call("Put", put("a"), () => {
    isDone = true;
  });
  assert.ok(clock.runUntil(() => isDone, LIMIT_MS));
  // A bug in the way of the answer: the put is in the batch, its index is not.
  member.call("Put", put("b"), () => {
    throw new Error("a bug");
  });
  assert.ok(clock.runUntil(() => fatal.length > 0, LIMIT_MS));
  close(member);
  const second = start();
  assert.equal(second.core.store.currentRevision, 3);
  close(second);
});
