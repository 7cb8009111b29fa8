import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createPutRequest,
  createRangeRequest,
  decodeRangeResponse,
  encodePutRequestToBytes,
  encodeRangeRequestToBytes,
} from "../../src/proto/gen/etcdserverpb.ts";
import { VirtualClock } from "../../src/sim/world/clock.ts";
import { VirtualDisk } from "../../src/sim/world/disk.ts";
import { SimMember } from "./sim-member.ts";

const READY_LIMIT_MS = 60_000;
const key = new TextEncoder().encode("k");

for (const valueBytes of [20, 1_000_000]) {
  test(`puts that keep a value of ${valueBytes} bytes keep it, however many`, () => {
    const clock = new VirtualClock();
    const disk = new VirtualDisk({ clock, seed: 5 });
    const member = new SimMember({ clock, disk, seed: 5 });
    assert.ok(clock.runUntil(() => member.core.isReady, READY_LIMIT_MS));
    const value = Uint8Array.from({ length: valueBytes }, (_, i) => (i * 13) % 251);
    let answered = 0;
    const put = (fields: object): void => {
      const request = encodePutRequestToBytes({ ...createPutRequest(), key, ...fields });
      member.call("Put", request, (outcome) => {
        assert.ok(outcome.ok);
        answered += 1;
      });
    };
    put({ value });
    const range = encodeRangeRequestToBytes({ ...createRangeRequest(), key });
    // Version and revision pass 127 and 16383: what stands in front of the value gets longer.
    const writes = valueBytes > 100_000 ? 200 : 17_000;
    for (let write = 1; write < writes; write += 1) {
      put({ ignoreValue: true });
      if (write % 50 > 0) continue;
      assert.ok(clock.runUntil(() => answered > write, READY_LIMIT_MS));
      let found: Uint8Array | null = null;
      member.call("Range", range, (outcome) => {
        assert.ok(outcome.ok);
        found = decodeRangeResponse(outcome.message, 0, outcome.message.length).kvs[0]!.value;
      });
      assert.ok(clock.runUntil(() => found !== null, READY_LIMIT_MS));
      assert.ok(Buffer.from(found!).equals(value), `after ${write} writes`);
    }
  });
}
