import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { test } from "node:test";
import { Prng } from "../../base/prng.ts";
import { data, headers, windowUpdate } from "../../wire/h2/testing/raw-frames.ts";
import { grpcBlock, grpcMessage } from "../testing/raw-client.ts";
import { DoorRig } from "../testing/rig.ts";
import { paths } from "../testing/stub-service.ts";

const seed = Number(process.env["PIECES_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

/** A request as a client might send it, and the frames of it that are still to come. */
interface Sending {
  readonly id: number;
  readonly word: string;
  readonly packed: boolean;
  readonly frames: Uint8Array[];
}

function sending(prng: Prng, id: number): Sending {
  const word = `${id}-`.repeat(prng.between(1, 400)).slice(0, prng.between(1, 1500));
  const packed = prng.chance(0.3);
  const encoding = packed ? ([["grpc-encoding", "gzip"]] as const) : [];
  const message = packed ? grpcMessage(gzipSync(word), 1) : grpcMessage(word);
  const frames = [headers(id, grpcBlock(paths.range, ...encoding), false)];
  const endsApart = prng.chance(0.5);
  for (let at = 0; at < message.length;) {
    const end = prng.chance(0.5) ? message.length : prng.between(at, message.length);
    const isLast = end === message.length && !endsApart;
    frames.push(data(id, message.slice(at, end), isLast));
    at = end;
  }
  if (endsApart) frames.push(data(id, [], true));
  return { id, word, packed, frames };
}

/**
 * Clients of Java and JavaScript end a stream with an empty frame of its own, many streams share a
 * connection, and the network cuts it where it likes: a message may wait in the door while frames
 * of others come in pieces.
 */
test(`requests are served as sent, however frames are mixed and cut; seed ${seed}`, () => {
  const prng = new Prng(seed);
  const rig = new DoorRig();
  const served: string[] = [];
  rig.service.onRequest = (_id, token, message) => {
    served.push(message);
    rig.service.reply(token, message);
  };
  const client = rig.client();
  client.send(windowUpdate(0, 1 << 30));
  const open: Sending[] = [];
  const all: Sending[] = [];
  for (let round = 0; round < 4000; round++) {
    if (open.length < 8 && all.length < 500) {
      const next = sending(prng, 2 * all.length + 1);
      all.push(next);
      // Streams begin in order.
      client.send(next.frames.shift()!);
      open.push(next);
    }
    const one = open[prng.below(Math.max(1, open.length))];
    if (one === undefined) break;
    const frame = one.frames.shift()!;
    if (one.frames.length === 0) open.splice(open.indexOf(one), 1);
    const cut = prng.chance(0.7) ? prng.between(0, frame.length) : frame.length;
    client.send(frame.slice(0, cut));
    if (prng.chance(0.8)) rig.settle();
    client.send(frame.slice(cut));
    if (prng.chance(0.3)) rig.settle();
  }
  rig.settle();
  assert.equal(all.length, 500);
  assert.deepEqual(served.toSorted(), all.map(({ word }) => word).toSorted());
  for (const { id, word, packed } of all) {
    // Who packs requests gets packed replies; those were compared above.
    if (!packed) assert.equal(client.outcome(id), `[${word}] 0`, `stream ${id}`);
  }
});
