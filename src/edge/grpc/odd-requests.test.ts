import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeConstantBlock } from "../../wire/h2/hpack/encoder.ts";
import { data, headers } from "../../wire/h2/testing/raw-frames.ts";
import { grpcBlock, grpcMessage } from "../testing/raw-client.ts";
import { DoorRig } from "../testing/rig.ts";
import { paths } from "../testing/stub-service.ts";

/** Odd heads and what etcd 3.7.1 answered to the same bytes. */
const oddHeads: readonly [name: string, block: Uint8Array, outcome: string][] = [
  [
    "bad timeout that is not UTF-8, before metadata that is good",
    grpcBlock(paths.range, ["grpc-timeout", "1\xff"], ["x-bin", "AA"]),
    '400 [] 13 malformed grpc-timeout: transport: timeout unit is not recognized: "1\\xff"',
  ],
  [
    "bad timeout before bad metadata: the last counts",
    grpcBlock(paths.range, ["grpc-timeout", "x"], ["x-bin", "AA=A"]),
    '400 [] 13 malformed binary metadata "AA=A" in header "x-bin": ' +
      "illegal base64 data at input byte 2",
  ],
  [
    "bad metadata before bad timeout",
    grpcBlock(paths.range, ["x-bin", "A"], ["grpc-timeout", "xx"]),
    '400 [] 13 malformed grpc-timeout: transport: timeout unit is not recognized: "xx"',
  ],
  ["path without slash", grpcBlock("a/b"), '[] 12 malformed method name: "a/b"'],
  ["path that is no UTF-8", grpcBlock("/\xe9/x"), "[] 12 unknown service %EF%BF%BD"],
];

test("odd heads get the words of grpc-go", () => {
  const rig = new DoorRig();
  const client = rig.client();
  oddHeads.forEach(([name, block, expected], i) => {
    const id = 2 * i + 1;
    client.send(headers(id, block, true));
    rig.settle();
    assert.equal(client.outcome(id), expected, name);
  });
  assert.deepEqual(rig.service.events, []);
  assert.equal(client.goaway, null);
});

test("what follows the message of a unary call is not looked at; no host is no fault", () => {
  const rig = new DoorRig();
  rig.service.onRequest = (_id, token, message) => rig.service.reply(token, message);
  const client = rig.client();
  const hostless = encodeConstantBlock([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", paths.range],
    ["content-type", "application/grpc"],
    ["x", " blanks around "],
  ]);
  const rests = [grpcMessage("b", 7), grpcMessage("b").slice(0, 5), new Uint8Array(20_000)];
  rests.forEach((rest, i) => {
    const id = 4 * i + 1;
    const first = grpcMessage("a");
    client.send(headers(id, hostless, false));
    client.send(data(id, new Uint8Array(Buffer.concat([first, rest.slice(0, 9000)])), true));
    client.send(headers(id + 2, hostless, false), data(id + 2, first, false));
    for (let at = 0; at < rest.length; at += 9000) {
      client.send(data(id + 2, rest.slice(at, at + 9000), false));
    }
    client.send(data(id + 2, [], true));
    rig.settle();
    assert.equal(client.outcome(id), "[a] 0", `rest ${i}`);
    assert.equal(client.outcome(id + 2), "[a] 0", `rest ${i} in frames of its own`);
  });
  assert.equal(rig.door.memoryUsedBytes, 0);
});
