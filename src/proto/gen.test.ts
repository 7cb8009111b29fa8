import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, hexOf, textBytes } from "./testing/hex.ts";
import * as authpb from "./gen/authpb.ts";
import * as etcdserverpb from "./gen/etcdserverpb.ts";
import * as leasepb from "./gen/leasepb.ts";
import * as mvccpb from "./gen/mvccpb.ts";
import * as raftpb from "./gen/raftpb.ts";
import * as snappb from "./gen/snappb.ts";
import * as walpb from "./gen/walpb.ts";

const A = 16673987396221252003n;
const B = 9328822495366536217n;
const empty = new Uint8Array(0);

const entryOne =
  "0801 1001 1801 225a 1000 18a3e3eee89be6f9b2e701 224b" +
  hexOf(textBytes('{"id":16673987396221252003,"peerURLs":["http://10.0.0.1:2380"],"name":"m1"}'));

test("entry with a bootstrap ConfChange, as in etcd's log", () => {
  const context = textBytes(
    '{"id":16673987396221252003,"peerURLs":["http://10.0.0.1:2380"],"name":"m1"}',
  );
  const change = { id: 0n, type: raftpb.ConfChangeType.ConfChangeAddNode, nodeId: A, context };
  const data = raftpb.encodeConfChangeToBytes(change);
  const entry = { type: raftpb.EntryType.EntryConfChange, term: 1, index: 1, data };
  assert.equal(hexOf(raftpb.encodeEntryToBytes(entry)), entryOne.replaceAll(" ", ""));
});

test("hard states and WAL records, as in etcd's log", () => {
  const hard = (term: number, vote: bigint, commit: number): string =>
    hexOf(raftpb.encodeHardStateToBytes({ term, vote, commit }));
  assert.equal(hard(1, 0n, 1), "08011801");
  assert.equal(hard(2, A, 2), "080210a3e3eee89be6f9b2e7011802");
  const record = (type: number, crc: number, data: Uint8Array): string =>
    hexOf(walpb.encodeRecordToBytes({ type, crc, data }));
  assert.equal(record(walpb.RecordType.Crc, 0, empty), "08041000");
  assert.equal(record(walpb.RecordType.Crc, 0xbb160497, empty), "0804109789d8d80b");
  const ids = { nodeID: A, clusterID: 5179136758342354276n };
  const metadata = etcdserverpb.encodeMetadataToBytes(ids);
  assert.equal(
    record(walpb.RecordType.Metadata, 0x2ce4b0fe, metadata),
    "080110fee192e7021a1508a3e3eee89be6f9b2e70110e48aa8a190aeffef47",
  );
  const head = walpb.encodeSnapshotToBytes({ index: 0, term: 0, confState: undefined });
  assert.equal(record(walpb.RecordType.Snap, 0x364a95aa, head), "080510aaabaab2031a0408001000");
  const confState = { ...raftpb.createConfState(), voters: [A] };
  assert.equal(
    hexOf(walpb.encodeSnapshotToBytes({ index: 2, term: 2, confState })),
    "080210021a0d08a3e3eee89be6f9b2e7012800",
  );
});

test("explicit zeros of etcd up to 3.6 and absent ones of 3.7 decode alike", () => {
  const old = bytesOf("080010021802");
  const now = bytesOf("10021802");
  const entry = { type: 0, term: 2, index: 2, data: empty };
  assert.deepEqual(raftpb.decodeEntry(old, 0, old.length), entry);
  assert.deepEqual(raftpb.decodeEntry(now, 0, now.length), entry);
});

test("the smallest .snap file", () => {
  const confState = { ...raftpb.createConfState(), voters: [A] };
  const metadata = { confState, index: 2, term: 2 };
  const data = raftpb.encodeSnapshotToBytes({ data: textBytes("{}"), metadata });
  assert.equal(
    hexOf(snappb.encodeSnapshotToBytes({ crc: 0x2d743e71, data })),
    "08f1fcd0eb0212190a027b7d12130a0d08a3e3eee89be6f9b2e701280010021802",
  );
});

test("log payloads", () => {
  const put = {
    ...etcdserverpb.createPutRequest(),
    key: textBytes("foo"),
    value: textBytes("bar"),
  };
  const header = { id: 12800243650940402433n, username: "", authRevision: 0 };
  const id = 0n;
  const v2 = empty;
  const encode = etcdserverpb.encodeInternalRaftRequestToBytes;
  const payload = encode({ id, v2, header, request: { case: "put", value: put } });
  assert.equal(hexOf(payload), "220a0a03666f6f1203626172a2060b0881f681e682b9e6d1b101");
  const alice = { id, v2, header: { ...header, username: "alice", authRevision: 7 } };
  assert.equal(
    hexOf(encode({ ...alice, request: undefined })),
    "a206140881f681e682b9e6d1b1011205616c6963651807",
  );
  const version = { case: "clusterVersionSet", value: { ver: "3.7.0" } } as const;
  assert.equal(
    hexOf(encode({ id, v2, header: { ...header, id: header.id + 1n }, request: version })),
    "a2060b0882f681e682b9e6d1b101a251070a05332e372e30",
  );
  const memberAttributes = { name: "m1", clientUrls: ["http://10.0.0.1:2379"] };
  const value = { memberID: A, memberAttributes };
  const publish = { case: "clusterMemberAttrSet", value } as const;
  assert.equal(
    hexOf(encode({ id, v2, header: { ...header, id: header.id + 5n }, request: publish })),
    "a2060b0886f681e682b9e6d1b101aa512708a3e3eee89be6f9b2e701121a0a026d311214" +
      "687474703a2f2f31302e302e302e313a32333739",
  );
  const downgrade = { case: "downgradeInfoSet", value: { enabled: true, ver: "3.6.0" } } as const;
  assert.equal(
    hexOf(encode({ id, v2, header: { ...header, id: header.id + 4n }, request: downgrade })),
    "a2060b0885f681e682b9e6d1b101b2510908011205332e362e30",
  );
});

test("membership changes", () => {
  const encode = (id: bigint, type: number, text: string): string =>
    hexOf(
      raftpb.encodeConfChangeToBytes({
        id,
        type,
        nodeId: 8152040616050267509n,
        context: textBytes(text),
      }),
    );
  const first = 12800243650940402433n;
  const node = "18f5aaeed1fbb7f79071";
  assert.equal(encode(first + 7n, 1, ""), `0888f681e682b9e6d1b1011001${node}`);
  const promote = '{"id":8152040616050267509,"peerURLs":null,"isPromote":true}';
  assert.equal(
    encode(first + 6n, 0, promote),
    `0887f681e682b9e6d1b1011000${node}223b${hexOf(textBytes(promote))}`,
  );
});

test("values of the buckets", () => {
  const kv = {
    ...mvccpb.createKeyValue(),
    key: textBytes("a"),
    createRevision: 2,
    modRevision: 5,
    version: 3,
    value: textBytes("1"),
  };
  assert.equal(hexOf(mvccpb.encodeKeyValueToBytes(kv)), "0a0161100218052003" + "2a0131");
  const lease = { id: 0x1234n, ttl: 60, remainingTTL: 0 };
  assert.equal(hexOf(leasepb.encodeLeaseToBytes(lease)), "08b424103c");
  const alarm = { memberID: A, alarm: etcdserverpb.AlarmType.NOSPACE };
  assert.equal(hexOf(etcdserverpb.encodeAlarmMemberToBytes(alarm)), "08a3e3eee89be6f9b2e7011001");
  const alice = {
    name: textBytes("alice"),
    password: textBytes("$2a$10$xxx"),
    roles: ["r1"],
    options: authpb.createUserAddOptions(),
  };
  assert.equal(
    hexOf(authpb.encodeUserToBytes(alice)),
    "0a05616c696365120a243261243130247878781a0272312200",
  );
  const permission = {
    permType: authpb.PermissionType.READWRITE,
    key: textBytes("/a"),
    rangeEnd: textBytes("/b"),
  };
  const role = { name: textBytes("r1"), keyPermission: [permission] };
  assert.equal(hexOf(authpb.encodeRoleToBytes(role)), "0a027231120a080212022f611a022f62");
  const read = { ...authpb.createPermission(), key: textBytes("/a") };
  const reader = { ...role, keyPermission: [read] };
  assert.equal(hexOf(authpb.encodeRoleToBytes(reader)), "0a027231120412022f61");
});

test("lease questions between members", () => {
  const request = { leaseTimeToLiveRequest: { id: 0x1234n, keys: true } };
  assert.equal(hexOf(leasepb.encodeLeaseInternalRequestToBytes(request)), "0a0508b4241001");
  const leaseTimeToLiveResponse = {
    header: etcdserverpb.createResponseHeader(),
    id: 0x1234n,
    ttl: 41,
    grantedTTL: 60,
    keys: [textBytes("k1")],
  };
  assert.equal(
    hexOf(leasepb.encodeLeaseInternalResponseToBytes({ leaseTimeToLiveResponse })),
    "0a0d0a0010b4241829203c2a026b31",
  );
});

test("peer messages", () => {
  const data = bytesOf("220a0a03666f6f1203626172a2060b0881f681e682b9e6d1b101");
  const app = {
    ...raftpb.createMessage(),
    type: raftpb.MessageType.MsgApp,
    to: B,
    from: A,
    term: 2,
    logTerm: 2,
    index: 6,
    entries: [{ type: 0, term: 2, index: 7, data }],
    commit: 6,
  };
  const bytes = bytesOf(
    "0803 1099b8fb87a2d4a8bb8101 18a3e3eee89be6f9b2e701 2002 2802 3006 3a20 1002 1807 221a" +
      "220a0a03666f6f1203626172 a2060b0881f681e682b9e6d1b101 4006",
  );
  assert.equal(hexOf(raftpb.encodeMessageToBytes(app)), hexOf(bytes));
  assert.deepEqual(raftpb.decodeMessage(bytes, 0, bytes.length), app);
  const reject = {
    ...raftpb.createMessage(),
    type: raftpb.MessageType.MsgPreVoteResp,
    to: B,
    from: A,
    term: 2,
    reject: true,
  };
  assert.equal(
    hexOf(raftpb.encodeMessageToBytes(reject)),
    "08121099b8fb87a2d4a8bb810118a3e3eee89be6f9b2e70120025001",
  );
});
