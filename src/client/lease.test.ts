import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createLeaseGrantResponse,
  createLeaseKeepAliveResponse,
  decodeLeaseKeepAliveRequest,
  decodePutRequest,
  encodeLeaseGrantResponseToBytes,
  encodeLeaseKeepAliveResponseToBytes,
} from "../proto/gen/etcdserverpb.ts";
import type { FakeCluster, SeenCall } from "./testing/fake-cluster.ts";
import { answer, outcome, rig, silent, unavailable } from "./testing/rig.ts";

const LEASE = "/etcdserverpb.Lease/";
const ID = -(2n ** 63n);

/** A member with one lease of 6 s. `ttl`: what keep-alives are answered with. */
function member(ttl: () => number): (call: SeenCall) => void {
  return (call) => {
    const { connection, streamId, path, message } = call;
    if (path === `${LEASE}LeaseGrant`) {
      const granted = { ...createLeaseGrantResponse(), id: ID, ttl: 6 };
      connection.reply(streamId, encodeLeaseGrantResponseToBytes(granted));
    } else if (path === `${LEASE}LeaseKeepAlive`) {
      const { id } = decodeLeaseKeepAliveRequest(message, 0, message.length);
      const kept = { ...createLeaseKeepAliveResponse(), id, ttl: ttl() };
      connection.reply(streamId, encodeLeaseKeepAliveResponseToBytes(kept));
    } else answer(call);
  };
}

function keepAlives(cluster: FakeCluster): number {
  return cluster.seen.filter(({ path }) => path === `${LEASE}LeaseKeepAlive`).length;
}

test("a lease that is kept is renewed three times in its time, until it is released", async () => {
  const { cluster, client } = await rig();
  cluster.servers[0]!.behaviour = member(() => 6);
  const keeping = client.lease.keep(5);
  await cluster.run();
  const lease = await keeping;
  assert.equal(lease.id, ID);
  assert.equal(lease.ttl, 6);
  await cluster.advance(60_000);
  const renewed = keepAlives(cluster);
  assert.ok(renewed >= 29 && renewed <= 31, `${renewed} renewals in a minute`);
  assert.equal(lease.lost, null);
  lease.release();
  await cluster.advance(60_000);
  assert.equal(keepAlives(cluster), renewed);
  client.close();
});

test("a lease that the server does not know any more is lost, told once", async () => {
  const { cluster, client } = await rig();
  let ttl = 6;
  cluster.servers[0]!.behaviour = member(() => ttl);
  const keeping = client.lease.keep(5);
  await cluster.run();
  const lease = await keeping;
  const told: string[] = [];
  lease.on("lost", ({ code }) => told.push(code));
  await cluster.advance(10_000);
  ttl = 0;
  await cluster.advance(20_000);
  assert.deepEqual(told, ["LeaseNotFound"]);
  lease.on("lost", ({ code }) => told.push(`later ${code}`));
  assert.deepEqual(told, ["LeaseNotFound", "later LeaseNotFound"]);
  client.close();
});

test("a member that does not answer: lost when its time may be over, not before", async () => {
  for (const behaviour of [silent, unavailable]) {
    const { cluster, client } = await rig();
    cluster.servers[0]!.behaviour = member(() => 6);
    const keeping = client.lease.keep(5);
    await cluster.run();
    const lease = await keeping;
    cluster.servers[0]!.behaviour = behaviour;
    await cluster.advance(5500);
    assert.equal(lease.lost, null);
    await cluster.advance(600);
    assert.notEqual(lease.lost, null);
    client.close();
  }
});

test("a member that is silent, or slow, loses no lease that another one renews", async () => {
  const { cluster, client } = await rig(2);
  const renews = member(() => 6);
  for (const server of cluster.servers) server.behaviour = renews;
  const keeping = client.lease.keep(6);
  await cluster.run();
  const lease = await keeping;
  cluster.servers[0]!.behaviour = silent;
  await cluster.advance(60_000);
  assert.equal(lease.lost, null, "one is silent");
  for (const server of cluster.servers) {
    server.behaviour = (call) => void cluster.startTimer(1800, () => renews(call));
  }
  await cluster.advance(60_000);
  assert.equal(lease.lost, null, "both are slow");
  lease.release();
  client.close();
});

test("a listener that throws keeps no other from hearing that the lease is lost", async () => {
  const { cluster, client } = await rig();
  let ttl = 6;
  cluster.servers[0]!.behaviour = member(() => ttl);
  const keeping = client.lease.keep(5);
  await cluster.run();
  const lease = await keeping;
  const told: string[] = [];
  const fault = new Error("of the listener");
  lease.on("lost", () => {
    throw fault;
  });
  lease.on("lost", ({ code }) => told.push(code));
  ttl = 0;
  // It comes out of the event loop, as from any other callback, and out of no promise.
  await assert.rejects(cluster.advance(3000), fault);
  await cluster.advance(1000);
  assert.deepEqual(told, ["LeaseNotFound"]);
  client.close();
});

test("put with a ttl has a lease of its own, which goes when the put is refused", async () => {
  const { cluster, client } = await rig();
  const grants = member(() => 6);
  cluster.servers[0]!.behaviour = grants;
  const put = outcome(client.kv.put("k", "v", { ttl: 5 }));
  await cluster.run();
  assert.equal(put.state, "done");
  const seen = cluster.seen.find(({ path }) => path.endsWith("/Put"))!.message;
  assert.equal(decodePutRequest(seen, 0, seen.length).lease, ID);
  cluster.servers[0]!.behaviour = (call) => {
    if (call.path.endsWith("/Put")) call.connection.fail(call.streamId, 8, "etcdserver: no");
    else grants(call);
  };
  const refused = outcome(client.kv.put("k", "v", { ttl: 5 }));
  await cluster.run();
  assert.match(refused.state!, /etcdserver: no/);
  assert.equal(cluster.seen.at(-1)!.path, `${LEASE}LeaseRevoke`);
  const both = outcome(client.kv.put("k", "v", { ttl: 5, lease: 3n }));
  await cluster.run();
  assert.match(both.state!, /a lease and a ttl/);
  client.close();
});
