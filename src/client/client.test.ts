import assert from "node:assert/strict";
import { test } from "node:test";
import { decodePutRequest } from "../proto/gen/etcdserverpb.ts";
import { ErrorCode } from "../wire/h2/types.ts";
import { Client, ops } from "./index.ts";
import type { EtcdError } from "./index.ts";
import { FakeCluster } from "./testing/fake-cluster.ts";
import { answer, outcome, rig, silent, unavailable } from "./testing/rig.ts";

test("connects to every endpoint at once and spreads calls in turn", async () => {
  const { cluster, client } = await rig(3);
  assert.deepEqual(
    cluster.servers.map((server) => server.connects),
    [1, 1, 1],
  );
  const done = outcome(Promise.all(Array.from({ length: 9 }, () => client.kv.put("k", "v"))));
  await cluster.run();
  assert.equal(done.state, "done");
  const counts = cluster.servers.map(
    (server) => cluster.seen.filter((call) => call.server === server).length,
  );
  assert.deepEqual(counts, [3, 3, 3]);
  client.close();
});

test("requests of one tick leave in one write", async () => {
  const { cluster, client } = await rig();
  const [server] = cluster.servers;
  const before = server!.writes;
  const done = outcome(Promise.all(Array.from({ length: 50 }, () => client.kv.put("k", "v"))));
  await cluster.run();
  assert.equal(done.state, "done");
  assert.equal(cluster.seen.length, 50);
  assert.equal(server!.writes - before, 1);
  client.close();
});

test("a read that finds a member unavailable goes to the next", async () => {
  const { cluster, client } = await rig(3);
  cluster.servers[0]!.behaviour = unavailable;
  cluster.servers[1]!.behaviour = unavailable;
  const done = outcome(Promise.all(Array.from({ length: 6 }, () => client.kv.get("k"))));
  await cluster.advance(200);
  assert.equal(done.state, "done");
  client.close();
});

test("a write is not repeated after Unavailable", async () => {
  const { cluster, client } = await rig(3);
  for (const server of cluster.servers) server.behaviour = unavailable;
  const writes = [
    client.kv.put("k", "v"),
    client.kv.delete("k"),
    client.kv.txn().then(ops.put("k", "v")).commit(),
    client.kv.compact(5),
  ].map(outcome);
  await cluster.advance(1000);
  for (const write of writes) assert.equal(write.state, "NoLeader: etcdserver: no leader");
  assert.equal(cluster.seen.length, 4);
  client.close();
});

test("reads stop after the allowed attempts, with pauses per round over a majority", async () => {
  const { cluster, client } = await rig(3, { retriesMax: 10 });
  for (const server of cluster.servers) server.behaviour = unavailable;
  const notices: number[] = [];
  const read = outcome(client.kv.get("k"));
  await cluster.advance(24);
  assert.equal(cluster.seen.length, 2, "no pause while a majority was not asked");
  await cluster.advance(1);
  assert.equal(cluster.seen.length, 4);
  await cluster.advance(1000);
  assert.equal(cluster.seen.length, 10);
  assert.equal(read.state, "NoLeader: etcdserver: no leader");
  assert.deepEqual(notices, []);
  client.close();
});

test("errors other than Unavailable end a read at once", async () => {
  const { cluster, client } = await rig(3);
  const text = "etcdserver: mvcc: required revision has been compacted";
  for (const server of cluster.servers) {
    server.behaviour = ({ connection, streamId }) => connection.fail(streamId, 11, text);
  }
  const failed = client.kv.get("k", { revision: 1 }).then(
    () => assert.fail("answered"),
    (error: EtcdError) => error,
  );
  await cluster.run();
  const error = await failed;
  assert.equal(error.code, "Compacted");
  assert.equal(error.grpcCode, 11);
  assert.equal(error.isEtcd, true);
  assert.equal(cluster.seen.length, 1);
  client.close();
});

test("a write on a refused stream is made again: the server did nothing", async () => {
  const { cluster, client } = await rig();
  let refusals = 3;
  cluster.servers[0]!.behaviour = (call) => {
    if (refusals-- > 0) call.connection.reset(call.streamId, ErrorCode.refusedStream);
    else answer(call);
  };
  const done = outcome(client.kv.put("k", "v"));
  await cluster.advance(200);
  assert.equal(done.state, "done");
  assert.equal(cluster.seen.length, 4);
  client.close();
});

test("GOAWAY: writes it did not see move to a new connection, the others finish", async () => {
  const { cluster, client } = await rig();
  const server = cluster.servers[0]!;
  server.behaviour = silent;
  const [first, second] = [client.kv.put("a", "1"), client.kv.put("b", "2")].map(outcome);
  await cluster.run();
  const [callA] = cluster.seen;
  server.behaviour = answer;
  callA!.connection.goaway(callA!.streamId);
  await cluster.advance(50);
  assert.equal(second!.state, "done", "the unseen write was made again");
  assert.equal(first!.state, undefined, "the seen write still runs");
  answer(callA!);
  callA!.connection.flush();
  await cluster.advance(10);
  assert.equal(first!.state, "done");
  const keys = cluster.seen.map(({ message }) =>
    Buffer.from(decodePutRequest(message, 0, message.length).key).toString(),
  );
  assert.deepEqual(keys, ["a", "b", "b"]);
  assert.equal(server.connects, 2);
  assert.equal(cluster.openConnections, 1, "the old connection was closed when it was empty");
  client.close();
});

test("a lost connection fails a write in doubt and repeats a read", async () => {
  const { cluster, client } = await rig(2);
  for (const server of cluster.servers) server.behaviour = silent;
  const write = outcome(client.kv.put("k", "v"));
  const read = outcome(client.kv.get("k"));
  await cluster.run();
  assert.equal(cluster.seen.length, 2);
  for (const server of cluster.servers) {
    server.behaviour = answer;
    for (const connection of server.connections) connection.drop("ECONNRESET");
  }
  await cluster.advance(300);
  assert.match(write.state ?? "", /^Unavailable: connection to 10\.0\.0\.1:100\d: ECONNRESET$/);
  assert.equal(read.state, "done");
  client.close();
});

test("calls wait for a member to come up; a write that was never sent waits too", async () => {
  const cluster = new FakeCluster(1);
  cluster.servers[0]!.up = false;
  const client = new Client({ endpoints: cluster.endpoints, platform: cluster });
  const [write, read] = [client.kv.put("k", "v"), client.kv.get("k")].map(outcome);
  await cluster.advance(10_000);
  assert.equal(write!.state, undefined);
  assert.match(client.troubles(), /10\.0\.0\.1:1000: ECONNREFUSED/);
  const tries = cluster.servers[0]!.connects;
  assert.ok(tries > 4 && tries < 20, `${tries} attempts in 10 s`);
  cluster.servers[0]!.up = true;
  await cluster.advance(4000);
  assert.equal(write!.state, "done");
  assert.equal(read!.state, "done");
  client.close();
});

test("deadline: exact, sent to the server, and the stream is given up", async () => {
  const { cluster, client } = await rig(1, { timeoutMs: 5000 });
  cluster.servers[0]!.behaviour = silent;
  const short = outcome(client.kv.get("k", { timeoutMs: 250 }));
  const normal = outcome(client.kv.get("k"));
  await cluster.advance(249);
  assert.equal(short.state, undefined);
  await cluster.advance(1);
  assert.equal(short.state, "DeadlineExceeded: context deadline exceeded");
  assert.equal(normal.state, undefined);
  const [first, second] = cluster.seen;
  assert.equal(first!.headers.get("grpc-timeout"), "250000u");
  assert.equal(second!.headers.get("grpc-timeout"), "5000000u");
  assert.deepEqual(first!.connection.resets, [first!.streamId]);
  await cluster.advance(4750);
  assert.equal(normal.state, "DeadlineExceeded: context deadline exceeded");
  client.close();
});

test("deadline counts over retries and waiting", async () => {
  const { cluster, client } = await rig(3);
  for (const server of cluster.servers) server.behaviour = unavailable;
  const read = outcome(client.kv.get("k", { timeoutMs: 90 }));
  await cluster.advance(89);
  assert.equal(read.state, undefined);
  await cluster.advance(1);
  assert.equal(read.state, "DeadlineExceeded: context deadline exceeded");
  client.close();
});

test("an abort signal ends the call and tells the server", async () => {
  const { cluster, client } = await rig();
  cluster.servers[0]!.behaviour = silent;
  const abort = new AbortController();
  const call = outcome(client.kv.put("k", "v", { signal: abort.signal }));
  await cluster.run();
  abort.abort();
  await cluster.run();
  assert.equal(call.state, "Canceled: context canceled");
  assert.deepEqual(cluster.seen[0]!.connection.resets, [1]);
  const late = outcome(client.kv.put("k", "v", { signal: abort.signal }));
  await cluster.run();
  assert.equal(late.state, "Canceled: context canceled");
  assert.equal(cluster.seen.length, 1);
  client.close();
});

test("close ends everything and leaves nothing pending", async () => {
  const cluster = new FakeCluster(3);
  cluster.servers[2]!.up = false;
  const client = new Client({
    endpoints: cluster.endpoints,
    platform: cluster,
    timeoutMs: 60_000,
    keepalive: { timeMs: 10_000, timeoutMs: 5000, withoutStream: true },
  });
  await cluster.run();
  for (const server of cluster.servers) server.behaviour = silent;
  const calls = Array.from({ length: 6 }, () => outcome(client.kv.get("k")));
  const stream = outcome(
    (async () => {
      for await (const _ of client.kv.rangeStream("k"));
    })(),
  );
  await cluster.run();
  client.close();
  await cluster.run();
  for (const call of [...calls, stream]) assert.equal(call.state, "Canceled: client is closed");
  assert.equal(cluster.pending, 0);
  assert.equal(cluster.openConnections, 0);
  const late = outcome(client.kv.get("k"));
  await cluster.run();
  assert.equal(late.state, "Canceled: client is closed");
});

test("a server that falls silent is found out by pings", async () => {
  const keepalive = { timeMs: 10_000, timeoutMs: 5000, withoutStream: false };
  const { cluster, client } = await rig(1, { keepalive });
  cluster.servers[0]!.behaviour = silent;
  const write = outcome(client.kv.put("k", "v"));
  await cluster.run();
  await cluster.advance(60_000);
  assert.equal(write.state, undefined, "pings are answered: the call goes on");
  cluster.servers[0]!.frozen = true;
  await cluster.advance(20_000);
  assert.match(write.state ?? "", /^Unavailable: /);
  client.close();
});

test("a server that takes connections and says nothing is tried anew", async () => {
  const cluster = new FakeCluster(1);
  const server = cluster.servers[0]!;
  server.frozen = true;
  const client = new Client({
    endpoints: cluster.endpoints,
    platform: cluster,
    connectTimeoutMs: 1000,
  });
  await cluster.advance(3000);
  assert.ok(server.connects >= 2);
  server.frozen = false;
  const done = outcome(client.kv.get("k"));
  await cluster.advance(3000);
  assert.equal(done.state, "done");
  client.close();
});

test("more calls than the server allows streams wait for their turn", async () => {
  const cluster = new FakeCluster(1);
  const server = cluster.servers[0]!;
  server.maxConcurrentStreams = 2;
  server.behaviour = silent;
  const client = new Client({ endpoints: cluster.endpoints, platform: cluster });
  await cluster.run();
  const calls = Array.from({ length: 5 }, () => outcome(client.kv.put("k", "v")));
  await cluster.run();
  assert.equal(cluster.seen.length, 2);
  server.behaviour = answer;
  for (const call of [...cluster.seen]) {
    answer(call);
    call.connection.flush();
  }
  await cluster.advance(1);
  for (const call of calls) assert.equal(call.state, "done");
  client.close();
});
