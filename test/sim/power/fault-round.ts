import { Prng } from "../../../src/base/prng.ts";
import { DiskError } from "../../../src/platform/disk.ts";
import {
  createPutRequest,
  decodePutResponse,
  encodePutRequestToBytes,
} from "../../../src/proto/gen/etcdserverpb.ts";
import { StartError } from "../../../src/member/start-error.ts";
import { VirtualClock } from "../../../src/sim/world/clock.ts";
import { type CrashMode, VirtualDisk } from "../../../src/sim/world/disk.ts";
import type { Fault } from "../../../src/sim/world/faults.ts";
import { BoltError } from "../../../src/storage/backend/bolt-pages/error.ts";
import { WalError } from "../../../src/storage/wal/wal.ts";
import { History, shownByStore, type Write } from "../history.ts";
import { SimMember } from "../sim-member.ts";

const READY_LIMIT_MS = 60_000;
const KEYS = 20;
const CLIENTS = 8;
/** So small that a run cuts several segments. */
const SEGMENT_BYTES = 4096;
const VALUE_BYTES = 200;
/** So few that each life takes snapshots of the log. */
const SNAPSHOT_COUNT = 15;
/** Incarnations with the fault armed, before it is cleared. */
const LIVES = 3;

/** Where in a run the disk fails, and what happens around it. */
export interface FaultRound {
  readonly seed: number;
  readonly fault: Fault;
  /** How each process ends. */
  readonly mode: CrashMode;
  readonly acks: number;
  /** Steps of the world after close was asked for; then the process is killed. */
  readonly closeSteps: number;
}

/** What a round found wrong, and whether the fault was met at all. */
export interface FaultResult {
  readonly problems: readonly string[];
  readonly acknowledged: number;
  /** Starts and lives that the fault ended. */
  readonly hits: number;
}

interface Life {
  readonly clock: VirtualClock;
  readonly history: History;
  readonly prng: Prng;
  readonly problems: string[];
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/**
 * A member starts, works, closes and starts again while its disk fails at one call; then the disk
 * is whole again. All that was acknowledged must be there, nothing that nobody wrote, and every
 * close that had the time must have ended.
 */
export function runFaultRound(round: FaultRound): FaultResult {
  const prng = new Prng(round.seed);
  const clock = new VirtualClock();
  const life: Life = { clock, prng, history: new History(), problems: [] };
  let disk = new VirtualDisk({ clock, seed: prng.uint32(), latencyMs: { min: 0.05, max: 2 } });
  disk.faults.add(round.fault);
  let hits = 0;
  for (let at = 0; at <= LIVES; at += 1) {
    const isWhole = at === LIVES;
    if (isWhole) disk.faults.clear();
    // The wall clock goes back: request ids must not need it to rise.
    clock.jumpWall(-3_600_000);
    const fatal: Error[] = [];
    const member = start(life, disk, { fatal, isWhole });
    if (member === null) hits += 1;
    else {
      live(life, member, fatal, round, isWhole);
      if (fatal.length > 0) hits += 1;
      member.die();
    }
    if (life.problems.length > 0) break;
    disk = disk.crash(round.mode);
  }
  return { problems: life.problems, acknowledged: life.history.acknowledged, hits };
}

interface Start {
  readonly fatal: Error[];
  readonly isWhole: boolean;
}

function start(life: Life, disk: VirtualDisk, options: Start): SimMember | null {
  const { fatal, isWhole } = options;
  try {
    return new SimMember({
      clock: life.clock,
      disk,
      seed: life.prng.uint32(),
      onFatal: (error) => fatal.push(error),
      walSegmentBytes: SEGMENT_BYTES,
      snapshotCount: SNAPSHOT_COUNT,
      lookMs: 0.01,
    });
  } catch (error) {
    const isExpected = [DiskError, StartError, WalError, BoltError].some(
      (kind) => error instanceof kind,
    );
    if (isWhole || !isExpected) life.problems.push(`start: ${String(error)}`);
    // What a failed start leaves locked, its process takes along.
    return null;
  }
}

function live(
  life: Life,
  member: SimMember,
  fatal: readonly Error[],
  round: FaultRound,
  isWhole: boolean,
): void {
  const { clock, history, problems } = life;
  clock.runUntil(() => member.core.isReady || fatal.length > 0, READY_LIMIT_MS);
  if (fatal.length === 0) {
    if (!member.core.isReady) problems.push("not ready, and no fault told");
    problems.push(...history.check(shownByStore(member.core.store)));
    if (member.core.membership.list().length !== 1) problems.push("the member list is lost");
    load(life, member, fatal, round);
  }
  if (isWhole && fatal.length > 0) problems.push(`a whole disk failed: ${fatal[0]!.message}`);
  close(life, member, round, fatal);
}

function load(life: Life, member: SimMember, fatal: readonly Error[], round: FaultRound): void {
  const { clock, history } = life;
  const target = history.acknowledged + round.acks;
  for (let client = 0; client < CLIENTS; client += 1) issue(life, member);
  const isOver = (): boolean => history.acknowledged >= target || fatal.length > 0;
  if (!clock.runUntil(isOver, READY_LIMIT_MS)) {
    life.problems.push("neither acknowledged nor failed");
  }
}

function issue(life: Life, member: SimMember): void {
  const { prng, history } = life;
  const key = `k${prng.below(KEYS)}`;
  const value = `${prng.uint32()}-`.padEnd(VALUE_BYTES, "x");
  const write: Write = { puts: [{ key, value }], deletes: [], ackRevision: 0, foundRevision: 0 };
  history.invoked(write);
  const request = { ...createPutRequest(), key: utf8(key), value: utf8(value) };
  member.call("Put", encodePutRequestToBytes(request), (outcome) => {
    if (!outcome.ok) return;
    const { header } = decodePutResponse(outcome.message, 0, outcome.message.length);
    history.acked(write, header!.revision, true);
    issue(life, member);
  });
}

/** Closes amid the load; the process may be killed before that is through. */
function close(life: Life, member: SimMember, round: FaultRound, fatal: readonly Error[]): void {
  const { clock, problems } = life;
  let closed = false;
  member.core.close(() => {
    closed = true;
  });
  if (round.closeSteps < Number.POSITIVE_INFINITY) {
    for (let step = 0; step < round.closeSteps; step += 1) clock.step();
    return;
  }
  clock.runUntil(() => closed, READY_LIMIT_MS);
  if (!closed) problems.push(`close does not end (${fatal[0]?.message ?? "no fault told"})`);
}
