import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Alarms, AlarmType } from "./alarms.ts";
import { clusterId, memberId } from "./identity.ts";
import { decodeMemberContext, encodeMemberContext, Membership } from "./membership.ts";

const crypto = {
  sha1: (bytes: Uint8Array): Uint8Array => createHash("sha1").update(bytes).digest(),
};

test("ids are etcd's for the same URLs and token (formats-disk.md 1)", () => {
  const a = memberId(crypto, ["http://10.0.0.1:2380"], "tok-1");
  const b = memberId(crypto, ["http://10.0.0.2:2381", "http://10.0.0.2:2380"], "tok-1");
  assert.equal(a.toString(16), "e765e731bd1bb1a3");
  assert.equal(b.toString(16), "8176a2a220fedc19");
  assert.equal(clusterId(crypto, [a, b]).toString(16), "47dffd71042a0564");
  assert.equal(clusterId(crypto, [b, a]).toString(16), "47dffd71042a0564");
});

test("a member's context keeps all digits of its id, and escapes as Go does", () => {
  const member = {
    id: 16_673_987_396_221_252_003n,
    name: "m<1>&",
    peerUrls: ["http://10.0.0.1:2380"],
    clientUrls: [],
    isLearner: false,
  };
  const context = encodeMemberContext(member);
  assert.equal(
    new TextDecoder().decode(context),
    '{"id":16673987396221252003,"peerURLs":["http://10.0.0.1:2380"],' +
      '"name":"m\\u003c1\\u003e\\u0026"}',
  );
  assert.deepEqual(decodeMemberContext(context), member);
  assert.equal(decodeMemberContext(new TextEncoder().encode("nonsense")), null);
  assert.equal(decodeMemberContext(new TextEncoder().encode('{"id":1')), null);
});

test("members are listed by id; only known ones publish", () => {
  const membership = new Membership();
  const member = { name: "", peerUrls: [], clientUrls: [], isLearner: false };
  membership.add({ ...member, id: 2n ** 63n });
  membership.add({ ...member, id: 5n });
  membership.publish(5n, "five", ["http://c"]);
  membership.publish(6n, "six", []);
  assert.deepEqual(
    membership.list().map(({ id, name }) => [id, name]),
    [
      [5n, "five"],
      [2n ** 63n, ""],
    ],
  );
});

test("alarms: raised once, cleared by the exact pair, listed by type (M4)", () => {
  const alarms = new Alarms();
  assert.equal(alarms.active(AlarmType.noSpace), false);
  alarms.activate(1n, AlarmType.noSpace);
  alarms.activate(1n, AlarmType.noSpace);
  alarms.activate(2n, AlarmType.corrupt);
  assert.equal(alarms.list(AlarmType.none).length, 2);
  assert.deepEqual(alarms.list(AlarmType.corrupt), [{ memberId: 2n, type: AlarmType.corrupt }]);
  assert.equal(alarms.deactivate(2n, AlarmType.noSpace), undefined);
  assert.deepEqual(alarms.deactivate(1n, AlarmType.noSpace), { memberId: 1n, type: 1 });
  assert.equal(alarms.active(AlarmType.noSpace), false);
  assert.equal(alarms.active(AlarmType.corrupt), true);
});

test("alarms that were cleared are still known as seen, for the metrics that showed them", () => {
  const alarms = new Alarms();
  alarms.activate(7n, AlarmType.noSpace);
  alarms.activate(7n, AlarmType.noSpace);
  alarms.activate(8n, AlarmType.corrupt);
  alarms.deactivate(7n, AlarmType.noSpace);
  const seen = [...alarms.seen()].map(({ memberId, type }) => [memberId, type]);
  assert.deepEqual(seen, [
    [7n, AlarmType.noSpace],
    [8n, AlarmType.corrupt],
  ]);
  assert.equal(alarms.has(7n, AlarmType.noSpace), false);
});
