import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameType, readUint32 } from "../../wire/h2/frames.ts";
import { data, headers } from "../../wire/h2/testing/raw-frames.ts";
import { grpcBlock, grpcMessage, type RawClient } from "../testing/raw-client.ts";
import { DoorRig } from "../testing/rig.ts";
import { paths } from "../testing/stub-service.ts";
import { streamWindowBytes } from "./limits.ts";

/** What a client was allowed to send on a stream beside its first window. */
function creditOf({ frames }: RawClient, streamId: number): number {
  const updates = frames.filter(
    (frame) => frame.type === FrameType.windowUpdate && frame.streamId === streamId,
  );
  return updates.reduce((sum, { payload }) => sum + readUint32(payload, 0), 0);
}

test("a stream whose input is held gets no further window, others do", () => {
  const rig = new DoorRig();
  const { service } = rig;
  const client = rig.client();
  client.send(headers(1, grpcBlock(paths.watch), false));
  client.send(headers(3, grpcBlock(paths.watch), false));
  rig.settle();
  const [held = -1] = service.tokens;
  service.sink.holdInput!(held, true);
  const message = grpcMessage("m".repeat(9000));
  const count = 80;
  for (let i = 0; i < count; i += 1) client.send(data(1, message, false), data(3, message, false));
  rig.settle();
  const bytes = count * message.length;
  assert.ok(bytes < streamWindowBytes);
  assert.equal(creditOf(client, 1), 0);
  assert.ok(creditOf(client, 3) > bytes / 2);
  const handedOver = service.events.filter((event) => event.startsWith("message 0")).length;
  assert.equal(handedOver, count, "what has come is handed over");
  service.sink.holdInput!(held, false);
  rig.settle();
  assert.ok(creditOf(client, 1) > bytes / 2, "what was held is given back");
});
