import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, textBytes } from "../../proto/testing/hex.ts";
import type { Backend, PlainBucket } from "../backend/backend.ts";
import { openMemoryBackend } from "../backend/memory/memory-backend.ts";
import { writeAlarm } from "./alarms.ts";
import { writeClusterVersion, writeDowngrade } from "./cluster-info.ts";
import { writeConfState } from "./conf-state.ts";
import { writeConsistentIndex } from "./consistent-index.ts";
import { SchemaError } from "./error.ts";
import { removeMember, writeMember } from "./members.ts";
import { readSchema, requireServed } from "./open-schema.ts";

function put(backend: Backend, bucket: PlainBucket, key: string, hex: string): void {
  backend.put(bucket, textBytes(key), bytesOf(hex));
}

const EMPTY = {
  consistentIndex: 0,
  term: 0,
  confState: null,
  members: [],
  removed: [],
  clusterVersion: null,
  downgrade: null,
  alarms: [],
  storageVersion: { version: null, isWritten: false },
  hasAuth: false,
  leaseCount: 0,
};

test("a new database says nothing, and may be opened", () => {
  const state = readSchema(openMemoryBackend());
  assert.deepEqual(state, EMPTY);
  requireServed(state, { auth: false, leases: false });
});

test("everything that was written is read, of a root as well", () => {
  const backend = openMemoryBackend();
  const member = { id: 0xeb24df917c9c151n, name: "a", peerUrls: ["p"], clientUrls: ["c"] };
  const confState = {
    voters: [member.id],
    learners: [],
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
  const [downgrade, alarm] = [
    { isEnabled: false, targetVersion: "" },
    { memberId: 5n, type: 1 },
  ];
  writeConsistentIndex(backend, { index: 23, term: 2 });
  writeConfState(backend, confState);
  writeMember(backend, { ...member, isLearner: false });
  removeMember(backend, 2n ** 64n - 1n);
  writeClusterVersion(backend, "3.6.0");
  writeDowngrade(backend, downgrade);
  writeAlarm(backend, alarm);
  put(backend, "meta", "storageVersion", Buffer.from("3.6.0").toString("hex"));
  put(backend, "lease", "12345678", "08b424103c");
  put(backend, "lease", "12345679", "08b524103c");
  const expected = {
    consistentIndex: 23,
    term: 2,
    confState,
    members: [{ ...member, isLearner: false }],
    removed: [2n ** 64n - 1n],
    clusterVersion: "3.6.0",
    downgrade,
    alarms: [alarm],
    storageVersion: { version: { major: 3, minor: 6 }, isWritten: true },
    hasAuth: false,
    leaseCount: 2,
  };
  assert.deepEqual(readSchema(backend), expected);
  const root = backend.openRoot();
  removeMember(backend, member.id);
  assert.deepEqual(readSchema(root), expected);
  root.close();
});

test("a version that Skein does not know is refused before anything else is looked at", () => {
  const cases: [string, string][] = [
    ["3.8.0", `version "3.8.0" is not supported`],
    ["4.0.0", "changing major storage version is not supported"],
  ];
  for (const [version, problem] of cases) {
    const backend = openMemoryBackend();
    put(backend, "members", "of another form", "00");
    put(backend, "meta", "storageVersion", Buffer.from(version).toString("hex"));
    assert.throws(
      () => readSchema(backend),
      (error) => {
        assert.ok(error instanceof SchemaError);
        assert.deepEqual(
          [error.bucket, error.key, error.problem],
          ["meta", "storageVersion", problem],
        );
        assert.match(error.remedy, /the version that wrote it/u);
        return true;
      },
    );
  }
});

test("authentication is there when it is on, or has users or roles", () => {
  const cases: [PlainBucket, string, string, boolean][] = [
    ["auth", "authEnabled", "01", true],
    ["auth", "authEnabled", "00", false],
    ["auth", "authRevision", "0000000000000001", false],
    // The dummy user and the role of formats-disk.md 3.
    [
      "authUsers",
      "alice",
      "0a05616c696365 120a24326124313024787878 1a027231 2200".replaceAll(" ", ""),
      true,
    ],
    ["authRoles", "r1", "0a027231120412022f61", true],
  ];
  for (const [bucket, key, hex, expected] of cases) {
    const backend = openMemoryBackend();
    put(backend, bucket, key, hex);
    const state = readSchema(backend);
    assert.equal(state.hasAuth, expected, `${bucket} ${key} ${hex}`);
    requireServed(state, { auth: true, leases: false });
    const unserved = (): void => requireServed(state, { auth: false, leases: true });
    if (expected) assert.throws(unserved, { name: "SchemaError", bucket: "auth" });
    else unserved();
  }
  for (const hex of ["", "02", "0100", "31"]) {
    const backend = openMemoryBackend();
    put(backend, "auth", "authEnabled", hex);
    assert.throws(() => readSchema(backend), { name: "SchemaError", key: "authEnabled" });
  }
});

test("leases that are not served are refused with their number", () => {
  const backend = openMemoryBackend();
  const served = { auth: false, leases: false };
  put(backend, "lease", "12345678", "08b424103c");
  const one = readSchema(backend);
  assert.throws(() => requireServed(one, served), /there is one lease, .*\(bucket lease\)/u);
  put(backend, "lease", "22345678", "08b424103c");
  assert.throws(() => requireServed(readSchema(backend), served), /there are 2 leases, /u);
  requireServed(one, { auth: false, leases: true });
});

test("what is damaged anywhere is refused by its place", () => {
  const cases: [PlainBucket, string][] = [
    ["meta", "consistent_index"],
    ["meta", "confState"],
    ["members", "zz"],
    ["members_removed", "zz"],
    ["cluster", "clusterVersion"],
    ["cluster", "downgrade"],
    ["alarm", "zz"],
    ["auth", "authEnabled"],
  ];
  for (const [bucket, key] of cases) {
    const backend = openMemoryBackend();
    put(backend, bucket, key, "ff");
    assert.throws(() => readSchema(backend), { name: "SchemaError", bucket, key });
  }
});
