import { Prng } from "../../../src/base/prng.ts";
import type { Disk, DiskDone, DiskOp } from "../../../src/platform/disk.ts";
import {
  createDeleteRangeRequest,
  createPutRequest,
  createTxnRequest,
  decodeDeleteRangeResponse,
  decodePutResponse,
  decodeTxnResponse,
  encodeDeleteRangeRequestToBytes,
  encodePutRequestToBytes,
  encodeTxnRequestToBytes,
} from "../../../src/proto/gen/etcdserverpb.ts";
import { VirtualClock } from "../../../src/sim/world/clock.ts";
import { type CrashMode, VirtualDisk } from "../../../src/sim/world/disk.ts";
import { SimMember } from "../sim-member.ts";
import { History, shownByStore, type Write } from "../history.ts";

const KEYS = 50;
const CLIENTS = 64;
/** Virtual time after which a member that is not ready is stuck. */
const READY_LIMIT_MS = 60_000;
const LOAD_LIMIT_MS = 600_000;
/** So few and so small that each life cuts the log, takes snapshots of it and removes segments. */
const SNAPSHOT_COUNT = 150;
const SEGMENT_BYTES = 16 * 1024;

export interface PowerOptions {
  readonly seed: number;
  readonly crashes: number;
  /** Acknowledged writes before the crash, at least and at most. */
  readonly acksMin: number;
  readonly acksMax: number;
  /** How processes end. */
  readonly modes: readonly CrashMode[];
  /** For planted faults: what stands between the member and the disk. */
  readonly wrapDisk?: (disk: VirtualDisk) => Disk;
}

export interface PowerResult {
  readonly crashes: number;
  readonly acknowledged: number;
  readonly problems: readonly string[];
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/**
 * One world: a member under load that crashes again and again on one disk. After each restart all
 * acknowledged writes must be there, at their revisions, and nothing nobody asked for.
 */
export function runPowerWorld(options: PowerOptions): PowerResult {
  const prng = new Prng(options.seed);
  const clock = new VirtualClock();
  const history = new History();
  // A disk so slow that the database is committed several times before the crash.
  const latencyMs = { min: 0.05, max: 30 };
  let disk = new VirtualDisk({ clock, seed: prng.uint32(), latencyMs });
  for (let crash = 0; ; crash += 1) {
    const problems: string[] = [];
    const member = openMember(options, clock, disk, prng, problems);
    if (member !== null) {
      if (!clock.runUntil(() => member.core.isReady, READY_LIMIT_MS)) {
        problems.push("the member did not become ready");
      } else {
        problems.push(...history.check(shownByStore(member.core.store)));
      }
    }
    if (problems.length > 0 || member === null || crash === options.crashes) {
      return { crashes: crash, acknowledged: history.acknowledged, problems };
    }
    runLoad(options, { clock, member, history, prng });
    member.die();
    disk = disk.crash(options.modes[prng.below(options.modes.length)]!);
  }
}

function openMember(
  options: PowerOptions,
  clock: VirtualClock,
  disk: VirtualDisk,
  prng: Prng,
  problems: string[],
): SimMember | null {
  try {
    const seen = options.wrapDisk?.(disk) ?? disk;
    return new SimMember({
      clock,
      disk: seen,
      seed: prng.uint32(),
      snapshotCount: SNAPSHOT_COUNT,
      walSegmentBytes: SEGMENT_BYTES,
    });
  } catch (error) {
    problems.push(`the member does not open its log: ${String(error)}`);
    return null;
  }
}

interface Load {
  readonly clock: VirtualClock;
  readonly member: SimMember;
  readonly history: History;
  readonly prng: Prng;
}

function runLoad(options: PowerOptions, load: Load): void {
  const { clock, history, prng } = load;
  const before = history.acknowledged;
  const acks = options.acksMin + prng.below(options.acksMax - options.acksMin + 1);
  for (let client = 0; client < CLIENTS; client += 1) issue(load, client * 1_000_003 + before);
  clock.runUntil(() => history.acknowledged - before >= acks, LOAD_LIMIT_MS);
  // And then some steps, so that the crash falls anywhere into the work of the disk.
  for (let steps = prng.below(40); steps > 0; steps -= 1) clock.step();
}

/** Issues a write, and the next one when it is acknowledged. */
function issue(load: Load, number: number): void {
  const { prng } = load;
  const key = `k${prng.below(KEYS)}`;
  const kind = prng.below(10);
  if (kind < 7) putOne(load, number, key);
  else if (kind < 9) putTwo(load, number, key);
  else deleteOne(load, number, key);
}

function putOne(load: Load, number: number, key: string): void {
  const value = `v${number}-${load.prng.uint32()}`;
  const write: Write = { puts: [{ key, value }], deletes: [], ackRevision: 0, foundRevision: 0 };
  load.history.invoked(write);
  const request = { ...createPutRequest(), key: utf8(key), value: utf8(value) };
  load.member.call("Put", encodePutRequestToBytes(request), (outcome) => {
    if (!outcome.ok) return;
    const { header } = decodePutResponse(outcome.message, 0, outcome.message.length);
    load.history.acked(write, header!.revision, true);
    issue(load, number + 1);
  });
}

function putTwo(load: Load, number: number, key: string): void {
  const puts = [
    { key, value: `v${number}-a${load.prng.uint32()}` },
    { key: `${key}-second`, value: `v${number}-b${load.prng.uint32()}` },
  ];
  const write: Write = { puts, deletes: [], ackRevision: 0, foundRevision: 0 };
  load.history.invoked(write);
  const success = puts.map(({ key: k, value }) => ({
    request: {
      case: "requestPut" as const,
      value: { ...createPutRequest(), key: utf8(k), value: utf8(value) },
    },
  }));
  const request = encodeTxnRequestToBytes({ ...createTxnRequest(), success });
  load.member.call("Txn", request, (outcome) => {
    if (!outcome.ok) return;
    const { header } = decodeTxnResponse(outcome.message, 0, outcome.message.length);
    load.history.acked(write, header!.revision, true);
    issue(load, number + 1);
  });
}

function deleteOne(load: Load, number: number, key: string): void {
  const write: Write = { puts: [], deletes: [key], ackRevision: 0, foundRevision: 0 };
  load.history.invoked(write);
  const request = { ...createDeleteRangeRequest(), key: utf8(key) };
  load.member.call("DeleteRange", encodeDeleteRangeRequestToBytes(request), (outcome) => {
    if (!outcome.ok) return;
    const { header, deleted } = decodeDeleteRangeResponse(
      outcome.message,
      0,
      outcome.message.length,
    );
    load.history.acked(write, header!.revision, deleted > 0);
    issue(load, number + 1);
  });
}

/** A disk that says it synced and did not: the fault that the power suite exists to find. */
export function withoutSync(disk: VirtualDisk): Disk {
  return new Proxy<Disk>(disk, {
    get(target, name) {
      if (name === "submit") {
        return (ops: readonly DiskOp[], done: DiskDone) =>
          target.submit(
            ops.filter((op) => op.op !== "sync"),
            done,
          );
      }
      if (name === "syncSync") return () => {};
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
