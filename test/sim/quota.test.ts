import assert from "node:assert/strict";
import { test } from "node:test";
import { AlarmType } from "../../src/cluster/alarms.ts";
import { DISK_RESERVE_BYTES, DISK_RESERVE_PART } from "../../src/member/disk-reserve.ts";
import {
  type AlarmMember,
  createAlarmRequest,
  createCompactionRequest,
  createDeleteRangeRequest,
  createPutRequest,
  createRangeRequest,
  createTxnRequest,
  decodeAlarmResponse,
  decodeRangeResponse,
  decodeStatusResponse,
  encodeAlarmRequestToBytes,
  encodeCompactionRequestToBytes,
  encodeDeleteRangeRequestToBytes,
  encodePutRequestToBytes,
  encodeRangeRequestToBytes,
  encodeTxnRequestToBytes,
  type RequestOp,
  type StatusResponse,
} from "../../src/proto/gen/etcdserverpb.ts";
import { VirtualClock } from "../../src/sim/world/clock.ts";
import { VirtualDisk } from "../../src/sim/world/disk.ts";
import { type Outcome, SimMember } from "./sim-member.ts";

const READY_LIMIT_MS = 60_000;
const QUOTA_BYTES = 20_000_000;
const DATABASE = "data/member/snap/db";
/** A database file grows by so much at a time: 16 MiB. */
const FILE_STEP_BYTES = 16 * 1024 * 1024;
const NO_SPACE = { ok: false, code: 8, text: "etcdserver: mvcc: database space exceeded" };
const CORRUPT = { ok: false, code: 15, text: "etcdserver: corrupt cluster" };
const EVERYTHING = { key: Uint8Array.of(0), rangeEnd: Uint8Array.of(0) };
const ACTIVATE = 1;
const DEACTIVATE = 2;

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const fields = (key: string, valueBytes: number) => ({
  ...createPutRequest(),
  key: utf8(key),
  value: new Uint8Array(valueBytes),
});
const put = (key: string, valueBytes: number): Uint8Array =>
  encodePutRequestToBytes(fields(key, valueBytes));
const txn = (...ops: RequestOp["request"][]): Uint8Array =>
  encodeTxnRequestToBytes({ ...createTxnRequest(), success: ops.map((request) => ({ request })) });
const deletion = encodeDeleteRangeRequestToBytes({
  ...createDeleteRangeRequest(),
  ...EVERYTHING,
});
const alarm = (action: number, memberID: bigint, type: number): Uint8Array =>
  encodeAlarmRequestToBytes({ ...createAlarmRequest(), action, memberID, alarm: type });

class World {
  readonly clock = new VirtualClock();
  /** May be changed at any time: how long each operation of the disk takes from now on. */
  readonly latencyMs = { min: 0, max: 0 };
  member: SimMember;
  readonly #lookMs: number;
  #disk: VirtualDisk;

  /** With `lookMs` above 0 entries are applied in slices, as in a busy process. */
  constructor(lookMs = 0) {
    const { clock, latencyMs } = this;
    this.#lookMs = lookMs;
    this.#disk = new VirtualDisk({ clock, seed: 5, latencyMs });
    this.member = this.#start();
  }

  restart(): void {
    this.member.die();
    this.#disk = this.#disk.crash("kill");
    this.member = this.#start();
  }

  /** As `restart`; the state has to be made from the log again. */
  restartWithoutDatabase(): void {
    this.member.die();
    this.#disk = this.#disk.crash("kill");
    this.#disk.unlinkSync(DATABASE);
    this.member = this.#start();
  }

  #start(): SimMember {
    const { clock } = this;
    const member = new SimMember({
      clock,
      disk: this.#disk,
      seed: 5,
      quotaBackendBytes: QUOTA_BYTES,
      lookMs: this.#lookMs,
    });
    assert.ok(clock.runUntil(() => member.core.isReady, READY_LIMIT_MS));
    return member;
  }

  call(method: string, request: Uint8Array): Outcome {
    let outcome: Outcome | null = null;
    this.member.call(method, request, (result) => {
      outcome = result;
    });
    assert.ok(this.clock.runUntil(() => outcome !== null, READY_LIMIT_MS));
    return outcome!;
  }

  status(): StatusResponse {
    const outcome = this.call("Maintenance/Status", new Uint8Array(0));
    assert.ok(outcome.ok);
    return decodeStatusResponse(outcome.message, 0, outcome.message.length);
  }

  count(): number {
    const request = { ...createRangeRequest(), ...EVERYTHING, countOnly: true };
    const outcome = this.call("Range", encodeRangeRequestToBytes(request));
    assert.ok(outcome.ok);
    return decodeRangeResponse(outcome.message, 0, outcome.message.length).count;
  }

  alarm(action: number, memberId: bigint, type: number): AlarmMember[] {
    const outcome = this.call("Maintenance/Alarm", alarm(action, memberId, type));
    assert.ok(outcome.ok);
    return decodeAlarmResponse(outcome.message, 0, outcome.message.length).alarms;
  }

  /** Puts one after the other until one is refused; returns how many were not. */
  fill(): number {
    let puts = 0;
    while (this.call("Put", put(`k${puts}`, 100_000)).ok) puts += 1;
    return puts;
  }
}

test("what has no room is refused before it is proposed", () => {
  const world = new World();
  const { core } = world.member;
  const puts = world.fill();
  assert.ok(puts > 10, `${puts} puts`);
  assert.equal(world.count(), puts, "the refused one is not there");
  const { dbSize, errors } = world.status();
  const sizeMax = QUOTA_BYTES + FILE_STEP_BYTES;
  assert.ok(dbSize < sizeMax, `${dbSize} bytes`);
  assert.deepEqual(errors, [`memberID:${core.start.memberId} alarm:NOSPACE`]);
  assert.deepEqual(world.alarm(0, 0n, AlarmType.none), [
    { memberID: core.start.memberId, alarm: AlarmType.noSpace },
  ]);
});

test("a hundred refused at once raise one alarm, and hear of it after", () => {
  const world = new World();
  const { core } = world.member;
  world.fill();
  world.alarm(DEACTIVATE, core.start.memberId, AlarmType.noSpace);
  const indexBefore = core.group.node.lastIndex;
  const outcomes: Outcome[] = [];
  for (let each = 0; each < 100; each += 1) {
    world.member.call("Put", put("k", 200_000), (outcome) => {
      assert.ok(core.alarms.active(AlarmType.noSpace), "answered before the alarm");
      outcomes.push(outcome);
    });
  }
  assert.ok(world.clock.runUntil(() => outcomes.length === 100, READY_LIMIT_MS));
  for (const outcome of outcomes) assert.deepEqual(outcome, NO_SPACE);
  assert.equal(core.group.node.lastIndex, indexBefore + 1);
});

test("what was proposed in time and has no room is done, and refused", () => {
  const world = new World();
  const { core } = world.member;
  const outcomes: Outcome[] = [];
  for (let each = 0; each < 30; each += 1) {
    world.member.call("Put", put(`k${each}`, 1_000_000), (outcome) => {
      if (!outcome.ok) assert.ok(core.alarms.active(AlarmType.noSpace), "before the alarm");
      outcomes.push(outcome);
    });
  }
  assert.ok(world.clock.runUntil(() => outcomes.length === 30, READY_LIMIT_MS));
  const refused = outcomes.filter((outcome) => !outcome.ok);
  assert.ok(refused.length > 5 && refused.length < 25, `${refused.length} refused`);
  for (const outcome of refused) assert.deepEqual(outcome, NO_SPACE);
  assert.equal(world.count(), 30);
  assert.equal(core.store.currentRevision, 31);
});

test("while the alarm is raised only what makes room goes on", () => {
  const world = new World();
  const { core } = world.member;
  const { memberId } = core.start;
  world.call("Put", put("k", 10));
  assert.equal(world.alarm(ACTIVATE, memberId, AlarmType.noSpace).length, 1);
  assert.deepEqual(world.call("Put", put("k", 1)), NO_SPACE);
  const nested = { ...createTxnRequest(), failure: [] };
  nested.success = [{ request: { case: "requestPut", value: fields("k", 1) } }];
  assert.deepEqual(world.call("Txn", txn({ case: "requestTxn", value: nested })), NO_SPACE);
  const removal = { ...createDeleteRangeRequest(), key: utf8("absent") };
  assert.ok(world.call("Txn", txn({ case: "requestDeleteRange", value: removal })).ok);
  assert.ok(world.call("DeleteRange", deletion).ok);
  const compaction = { ...createCompactionRequest(), revision: core.store.currentRevision };
  assert.ok(world.call("Compact", encodeCompactionRequestToBytes(compaction)).ok);
  assert.deepEqual(world.alarm(DEACTIVATE, memberId + 1n, AlarmType.noSpace), []);
  assert.deepEqual(world.call("Put", put("k", 1)), NO_SPACE);
  assert.equal(world.alarm(DEACTIVATE, memberId, AlarmType.noSpace).length, 1);
  assert.ok(world.call("Put", put("k", 1)).ok);
});

test("alarms are in the database: a start that replays nothing has them", () => {
  const world = new World();
  const alarms = (): string[] => world.status().errors;
  world.alarm(ACTIVATE, 7n, AlarmType.corrupt);
  world.alarm(ACTIVATE, 9n, AlarmType.noSpace);
  world.alarm(DEACTIVATE, 7n, AlarmType.corrupt);
  // A commit with data takes the index beyond the entries above.
  assert.ok(world.call("DeleteRange", deletion).ok);
  const compaction = { ...createCompactionRequest(), revision: 1 };
  assert.ok(world.call("Compact", encodeCompactionRequestToBytes(compaction)).ok);
  world.clock.runFor(1000);
  world.restart();
  assert.deepEqual(alarms(), ["memberID:9 alarm:NOSPACE"]);
  assert.deepEqual(world.call("Put", put("k", 1)), NO_SPACE);
});

test("writes over the quota that are replayed raise nothing", () => {
  // In slices, so that a start leads before it has applied its log.
  const world = new World(2);
  const { memberId } = world.member.core.start;
  let answers = 0;
  for (let each = 0; each < 30; each += 1) {
    world.member.call("Put", put(`k${each}`, 1_000_000), () => {
      answers += 1;
    });
  }
  assert.ok(world.clock.runUntil(() => answers === 30, READY_LIMIT_MS));
  assert.ok(world.call("DeleteRange", deletion).ok);
  const revision = world.member.core.store.currentRevision;
  const compaction = { ...createCompactionRequest(), revision, physical: true };
  assert.ok(world.call("Compact", encodeCompactionRequestToBytes(compaction)).ok);
  world.clock.runFor(10_000);
  assert.ok(world.call("Maintenance/Defragment", new Uint8Array(0)).ok);
  assert.equal(world.alarm(DEACTIVATE, memberId, AlarmType.noSpace).length, 1);
  world.restartWithoutDatabase();
  world.clock.runFor(10_000);
  assert.deepEqual(world.status().errors, []);
  assert.ok(world.call("Maintenance/Defragment", new Uint8Array(0)).ok);
  assert.ok(world.call("Put", put("k", 1)).ok);
});

test("while CORRUPT is raised nothing is changed, and it goes before NOSPACE", () => {
  const world = new World();
  world.call("Put", put("k", 10));
  // A member that does not exist, and the cluster as a whole: an alarm stops everybody.
  world.alarm(ACTIVATE, 12345n, AlarmType.noSpace);
  world.alarm(ACTIVATE, 0n, AlarmType.corrupt);
  assert.deepEqual(world.status().errors, ["memberID:12345 alarm:NOSPACE", "alarm:CORRUPT"]);
  const compaction = { ...createCompactionRequest(), revision: 2 };
  const removal = { ...createDeleteRangeRequest(), key: utf8("k") };
  const refused: [string, Uint8Array][] = [
    ["Put", put("k", 1)],
    ["DeleteRange", deletion],
    ["Compact", encodeCompactionRequestToBytes(compaction)],
    ["Txn", txn({ case: "requestDeleteRange", value: removal })],
  ];
  for (const [method, request] of refused) {
    assert.deepEqual(world.call(method, request), CORRUPT, method);
  }
  assert.equal(world.count(), 1);
  const range = { ...createRangeRequest(), key: utf8("k") };
  assert.ok(world.call("Txn", txn({ case: "requestRange", value: range })).ok);
  world.alarm(DEACTIVATE, 0n, AlarmType.corrupt);
  assert.deepEqual(world.call("Put", put("k", 1)), NO_SPACE);
  world.alarm(DEACTIVATE, 12345n, AlarmType.noSpace);
  assert.ok(world.call("Put", put("k", 1)).ok);
});

test("who has no room is told so even when the alarm cannot be raised", () => {
  const world = new World();
  const { core } = world.member;
  world.fill();
  world.alarm(DEACTIVATE, core.start.memberId, AlarmType.noSpace);
  Object.assign(world.latencyMs, { min: 30_000, max: 30_000 });
  const startMs = world.clock.monotonicMs();
  assert.deepEqual(world.call("Put", put("k", 200_000)), NO_SPACE);
  const tookMs = world.clock.monotonicMs() - startMs;
  assert.ok(tookMs >= 7000 && tookMs <= 7200, `${tookMs} ms`);
  assert.equal(core.alarms.active(AlarmType.noSpace), false);
});

test("calls that wait for the alarm when the member stops are told that they are refused", () => {
  const world = new World();
  const { core } = world.member;
  world.fill();
  world.alarm(DEACTIVATE, core.start.memberId, AlarmType.noSpace);
  Object.assign(world.latencyMs, { min: 3000, max: 3000 });
  const outcomes: Outcome[] = [];
  world.member.call("Put", put("k", 200_000), (outcome) => outcomes.push(outcome));
  world.clock.runFor(100);
  assert.deepEqual(outcomes, []);
  core.close(() => {});
  assert.deepEqual(outcomes, [NO_SPACE]);
});

/** A file system of `capacityBytes` fills up, of which the last `reserveBytes` are kept. */
function fillDisk(capacityBytes: number, reserveBytes: number): void {
  const clock = new VirtualClock();
  const ballastBytes = capacityBytes - reserveBytes - 20_000_000;
  const disk = new VirtualDisk({ clock, seed: 5, capacityBytes });
  const ballast = disk.openSync("ballast", { write: true, create: true });
  disk.allocateSync(ballast, ballastBytes);
  const fatal: Error[] = [];
  const onFatal = (error: Error): unknown => fatal.push(error);
  const options = { clock, disk, seed: 5, onFatal, quotaBackendBytes: -1 };
  const member = new SimMember({ ...options, walSegmentBytes: 1_000_000 });
  assert.ok(clock.runUntil(() => member.core.isReady, READY_LIMIT_MS));
  const call = (method: string, request: Uint8Array): Outcome => {
    let outcome: Outcome | null = null;
    member.call(method, request, (result) => {
      outcome = result;
    });
    assert.ok(clock.runUntil(() => outcome !== null, READY_LIMIT_MS));
    clock.runFor(100);
    return outcome!;
  };
  let puts = 0;
  let last = call("Put", put("k", 500_000));
  for (; last.ok && puts < 100; puts += 1) last = call("Put", put("k", 500_000));
  assert.deepEqual(last, NO_SPACE);
  assert.ok(puts > 1, `${puts} puts`);
  assert.ok(disk.freeBytesSync() > reserveBytes / 2, `${disk.freeBytesSync()} bytes free`);
  const { memberId } = member.core.start;
  assert.ok(member.core.alarms.has(memberId, AlarmType.noSpace));
  assert.ok(call("DeleteRange", deletion).ok);
  // Who disarms without making room gets the alarm back.
  const disarm = alarm(DEACTIVATE, memberId, AlarmType.noSpace);
  assert.ok(call("Maintenance/Alarm", disarm).ok);
  assert.deepEqual(call("Put", put("k", 1)), NO_SPACE);
  disk.closeSync(ballast);
  disk.unlinkSync("ballast");
  clock.runFor(200);
  assert.deepEqual(call("Put", put("k", 1)), NO_SPACE, "the alarm does not clear by itself");
  assert.ok(call("Maintenance/Alarm", disarm).ok);
  assert.ok(call("Put", put("k", 1)).ok);
  const metrics = member.metricsText();
  const commits = /^etcd_disk_backend_commit_duration_seconds_count (\d+)$/m.exec(metrics);
  assert.ok(Number(commits?.[1]) > 1, metrics);
  assert.deepEqual(fatal, []);
}

test("writes are refused before the disk is full, and go on when there is room again", () => {
  fillDisk(2 * DISK_RESERVE_PART * DISK_RESERVE_BYTES, DISK_RESERVE_BYTES);
});

test("a disk smaller than the reserve is served, but for a part of it", () => {
  const capacityBytes = 100 * 1024 * 1024;
  fillDisk(capacityBytes, capacityBytes / DISK_RESERVE_PART);
});
