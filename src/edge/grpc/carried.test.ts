import assert from "node:assert/strict";
import { test } from "node:test";
import { data, headers } from "../../wire/h2/testing/raw-frames.ts";
import { grpcBlock, grpcMessage } from "../testing/raw-client.ts";
import { DoorRig } from "../testing/rig.ts";
import { paths } from "../testing/stub-service.ts";

/**
 * Clients of Java and JavaScript end a stream with an empty frame of its own, and a socket cuts
 * frames where it likes: a message may wait in the door while other frames come in pieces.
 */
test("a message that waits for the end of its stream stays as it was sent", () => {
  const rig = new DoorRig();
  rig.service.onRequest = (_id, token, message) => rig.service.reply(token, message);
  const client = rig.client();
  const inPieces = (frame: Uint8Array): void => {
    client.send(frame.slice(0, 20));
    rig.settle();
    client.send(frame.slice(20));
    rig.settle();
  };
  const words = ["first".repeat(9), "other".repeat(9), "third".repeat(9)];
  words.forEach((word, i) => {
    const id = 2 * i + 1;
    client.send(headers(id, grpcBlock(paths.range), false));
    rig.settle();
    inPieces(data(id, grpcMessage(word), false));
  });
  words.forEach((word, i) => {
    const id = 2 * i + 1;
    client.send(data(id, [], true));
    rig.settle();
    assert.equal(client.outcome(id), `[${word}] 0`);
  });
});
