import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AlarmMember,
  decodeAlarmRequest,
  decodeAuthenticateRequest,
  encodeAlarmResponseToBytes,
  encodeAuthenticateResponseToBytes,
  encodeRangeResponseToBytes,
  encodeTxnResponseToBytes,
} from "../proto/gen/etcdserverpb.ts";
import { ErrorCode } from "../wire/h2/types.ts";
import { Client, compare, ops } from "./index.ts";
import { FakeCluster } from "./testing/fake-cluster.ts";
import type { SeenCall } from "./testing/fake-cluster.ts";
import { answer, outcome, rig } from "./testing/rig.ts";

test("password: a token is fetched before the first call and renewed when refused", async () => {
  const auth = { username: "alice", password: "secret" };
  const { cluster, client } = await rig(1, { auth });
  let valid = "t1";
  const logins: string[] = [];
  cluster.servers[0]!.behaviour = (call) => {
    const { connection, streamId, message } = call;
    if (call.path.endsWith("/Authenticate")) {
      const request = decodeAuthenticateRequest(message, 0, message.length);
      logins.push(`${request.name}:${request.password}`);
      const reply = { header: undefined, token: valid };
      connection.reply(streamId, encodeAuthenticateResponseToBytes(reply));
      return;
    }
    const token = call.headers.get("token");
    if (token === valid) answer(call);
    else if (token === undefined) connection.fail(streamId, 3, "etcdserver: user name is empty");
    else connection.fail(streamId, 16, "etcdserver: invalid auth token");
  };
  const first = outcome(Promise.all([client.kv.put("k", "v"), client.kv.put("k", "v")]));
  await cluster.advance(100);
  assert.equal(first.state, "done");
  assert.deepEqual(logins, ["alice:secret"], "one login for both");
  valid = "t2";
  const second = outcome(client.kv.put("k", "v"));
  await cluster.advance(100);
  assert.equal(second.state, "done");
  assert.equal(logins.length, 2);
  client.close();
});

test("all alarms are cleared one by one, as no server clears them at once", async () => {
  const { cluster, client } = await rig(1);
  const raised: AlarmMember[] = [
    { memberID: 2n ** 63n + 7n, alarm: 1 },
    { memberID: 0n, alarm: 2 },
  ];
  cluster.servers[0]!.behaviour = ({ connection, streamId, message }) => {
    const { action, memberID, alarm } = decodeAlarmRequest(message, 0, message.length);
    const isIt = (each: AlarmMember): boolean => each.memberID === memberID && each.alarm === alarm;
    const alarms = action === 0 ? [...raised] : raised.filter(isIt);
    if (action === 2) for (const each of alarms) raised.splice(raised.indexOf(each), 1);
    connection.reply(streamId, encodeAlarmResponseToBytes({ header: undefined, alarms }));
  };
  const cleared = outcome(client.maintenance.alarmDisarm({ memberID: 0n, alarm: 0 }));
  await cluster.advance(100);
  assert.equal(cleared.state, "done");
  assert.deepEqual(raised, []);
  assert.equal(cluster.seen.length, 3);
  client.close();
});

test("a token of the user's own is never replaced", async () => {
  const { cluster, client } = await rig(1, { token: "mine" });
  cluster.servers[0]!.behaviour = ({ connection, streamId }) =>
    connection.fail(streamId, 16, "etcdserver: invalid auth token");
  const call = outcome(client.kv.put("k", "v"));
  await cluster.advance(100);
  assert.equal(call.state, "InvalidAuthToken: etcdserver: invalid auth token");
  assert.equal(cluster.seen[0]!.headers.get("token"), "mine");
  client.close();
});

const ODD_ANSWERS: readonly [string, (call: SeenCall) => void, string][] = [
  [
    "percent",
    ({ connection, streamId }) => connection.fail(streamId, 2, "a%20%E2%98%83%zz"),
    "Unknown: a ☃%zz",
  ],
  [
    "HTTP 503",
    (c) => c.connection.answer(c.streamId, [[":status", "503"]], true),
    "Unavailable: answer without a gRPC status",
  ],
  [
    "HTTP 404 with a body",
    (c) =>
      c.connection.answer(
        c.streamId,
        [
          [":status", "404"],
          ["content-type", "text/html"],
        ],
        false,
      ),
    "Unimplemented: unexpected HTTP status code 404",
  ],
  [
    "another content type",
    (c) =>
      c.connection.answer(
        c.streamId,
        [
          [":status", "200"],
          ["content-type", "text/html"],
        ],
        false,
      ),
    'Unknown: received unexpected content-type "text/html"',
  ],
  [
    "ends without status",
    (c) =>
      c.connection.answer(
        c.streamId,
        [
          [":status", "200"],
          ["content-type", "application/grpc"],
        ],
        true,
      ),
    "Unknown: answer without a gRPC status",
  ],
  [
    "OK without message",
    (c) => c.connection.fail(c.streamId, 0, ""),
    "Internal: the server answered without a message",
  ],
  ["code out of range", (c) => c.connection.fail(c.streamId, 99, "x"), "Unknown: x"],
  [
    "reset by cancel",
    (c) => c.connection.reset(c.streamId, ErrorCode.cancel),
    "Canceled: stream terminated by RST_STREAM with error code 8",
  ],
  [
    "compressed",
    (c) => {
      c.connection.headersOnly(c.streamId);
      c.connection.send(c.streamId, new Uint8Array(3), 1);
    },
    "Internal: grpc: message is compressed without having been asked for",
  ],
  [
    "too large",
    (c) => {
      c.connection.headersOnly(c.streamId);
      c.connection.send(c.streamId, new Uint8Array(101));
    },
    "ResourceExhausted: grpc: received message larger than max (101 vs. 100)",
  ],
];

test("messages of the status are decoded, odd answers become gRPC's codes", async () => {
  for (const [name, behaviour, wanted] of ODD_ANSWERS) {
    const { cluster, client } = await rig(1, { maxReceiveBytes: 100 });
    cluster.servers[0]!.behaviour = behaviour;
    const call = outcome(client.kv.put("k", "v"));
    await cluster.advance(10);
    assert.equal(call.state, wanted, name);
    client.close();
  }
});

test("a request over the limit is refused without being sent", async () => {
  const { cluster, client } = await rig(1, { maxSendBytes: 100 });
  const call = outcome(client.kv.put("k", "v".repeat(200)));
  await cluster.run();
  assert.match(call.state ?? "", /^ResourceExhausted: trying to send message larger than max/);
  assert.equal(cluster.seen.length, 0);
  client.close();
});

test("answers come through whatever way they are cut", async () => {
  const kvs = Array.from({ length: 40 }, (_, i) => ({
    key: Buffer.from(`key-${i}`),
    value: Buffer.alloc(i * 7, i),
    createRevision: i + 2,
    modRevision: i + 3,
    version: 1,
    lease: i === 3 ? -(2n ** 63n) : 0n,
  }));
  const header = { clusterId: 2n ** 64n - 1n, memberId: 5n, revision: 2 ** 50, raftTerm: 3 };
  const reply = encodeRangeResponseToBytes({ header, kvs, more: true, count: 99 });
  for (const pieceBytes of [1, 2, 3, 7, 100, 65_536]) {
    const { cluster, client } = await rig();
    const server = cluster.servers[0]!;
    server.pieceBytes = pieceBytes;
    server.behaviour = ({ connection, streamId }) => connection.reply(streamId, reply);
    const read = client.kv.range("", { prefix: true });
    await cluster.run();
    const result = await read;
    assert.equal(result.kvs.length, 40);
    assert.equal(result.kvs[3]!.lease, -(2n ** 63n));
    assert.deepEqual(Buffer.from(result.kvs[39]!.value), Buffer.alloc(39 * 7, 39));
    assert.deepEqual({ ...result.header }, header);
    assert.equal(result.more, true);
    assert.equal(result.count, 99);
    client.close();
  }
});

test("transactions: branches, nested ones and their answers", async () => {
  const { cluster, client } = await rig();
  cluster.servers[0]!.behaviour = ({ connection, streamId }) =>
    connection.reply(
      streamId,
      encodeTxnResponseToBytes({
        header: undefined,
        succeeded: true,
        responses: [
          { response: { case: "responsePut", value: { header: undefined, prevKv: undefined } } },
          {
            response: {
              case: "responseTxn",
              value: { header: undefined, succeeded: false, responses: [] },
            },
          },
          { response: undefined },
        ],
      }),
    );
  const nested = client.kv.txn().then(ops.get("x")).parts();
  const commit = client.kv
    .txn()
    .if(compare.version("k", ">", 0), compare.withRange(compare.lease("k", "=", 0n), "l"))
    .then(ops.put("k", "v"), ops.txn(nested))
    .else(ops.delete("k", { prefix: true }))
    .commit();
  await cluster.run();
  const result = await commit;
  assert.equal(result.succeeded, true);
  assert.deepEqual(
    result.responses.map((each) => each.kind),
    ["put", "txn", "unknown"],
  );
  await assert.rejects(
    async () => await (client.kv.txn() as unknown as Promise<unknown>),
    TypeError,
  );
  client.close();
});

test("bad options are refused at once", () => {
  const platform = new FakeCluster(1);
  assert.throws(() => new Client({ endpoints: [], platform }), RangeError);
  for (const endpoint of ["host:99999", "host:port", "a b:1:2"]) {
    assert.throws(() => new Client({ endpoints: [endpoint], platform }), RangeError, endpoint);
  }
});
