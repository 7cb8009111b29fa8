import { Prng } from "../../../src/base/prng.ts";
import { diskFault, type DiskFaultKind } from "../../../src/member/disk-fault.ts";
import { StartError } from "../../../src/member/start-error.ts";
import { DiskError } from "../../../src/platform/disk.ts";
import { VirtualClock } from "../../../src/sim/world/clock.ts";
import { type CrashMode, VirtualDisk } from "../../../src/sim/world/disk.ts";
import type { Fault } from "../../../src/sim/world/faults.ts";
import { Clients } from "../crash/clients.ts";
import { Ledger } from "../crash/ledger.ts";
import { SimMember } from "../sim-member.ts";

/** Virtual time after which a member that is not ready, or clients without answers, are stuck. */
const STUCK_MS = 600_000;
const CLIENTS = 6;
const ANSWERS = 40;
/** So small that a life cuts the log, takes snapshots of it and purges. */
const SHAPE = {
  snapshotCount: 12,
  walSegmentBytes: 4096,
  config: { maxWals: 2, maxSnapshots: 2 },
} as const;

/** How each code is to be told to the operator. */
const KINDS: Readonly<Record<string, DiskFaultKind>> = {
  ENOSPC: "no space",
  EDQUOT: "no space",
  EROFS: "read-only",
  EIO: "I/O error",
};

/** Where the disk fails in the life of a member, and how. */
export interface FaultRound {
  readonly seed: number;
  readonly fault: Fault;
  /** Starts with the fault before the disk is whole again. */
  readonly lives: number;
  /** How the processes end that the fault did not end. */
  readonly mode: CrashMode;
}

/** What a round found wrong. */
export interface FaultResult {
  readonly problems: readonly string[];
  /** Calls that failed. */
  readonly hits: number;
  /** Lives that the fault ended, and starts that it refused. */
  readonly ended: number;
  /** Lives that went on in spite of the fault. */
  readonly survived: number;
  readonly acknowledged: number;
}

/**
 * A member starts, works and ends while calls of its disk fail. It may go on where that is safe,
 * else it says what kind of fault it is and stops; once the disk is whole, everything that was
 * acknowledged is served, and writes are.
 */
export function runFaultRound(round: FaultRound): FaultResult {
  return new Round(round).run();
}

class Round {
  readonly #round: FaultRound;
  readonly #prng: Prng;
  readonly #clock = new VirtualClock();
  readonly #ledger = new Ledger();
  readonly #problems: string[] = [];
  #disk: VirtualDisk;
  #ended = 0;
  #survived = 0;

  constructor(round: FaultRound) {
    this.#round = round;
    this.#prng = new Prng(round.seed);
    const latencyMs = { min: 0.05, max: 10 };
    this.#disk = new VirtualDisk({ clock: this.#clock, seed: this.#prng.uint32(), latencyMs });
  }

  run(): FaultResult {
    const { fault, lives, mode } = this.#round;
    this.#disk.faults.add(fault);
    for (let life = 0; life < lives && this.#problems.length === 0; life += 1) {
      this.#live(false);
      this.#disk = this.#disk.crash(mode);
    }
    this.#disk.faults.clear();
    // Twice: what the first one writes must be readable as well.
    for (let life = 0; life < 2 && this.#problems.length === 0; life += 1) {
      this.#live(true);
      this.#disk = this.#disk.crash(mode);
    }
    const { acknowledged } = this.#ledger;
    const { hits } = this.#disk.faults;
    const [ended, survived] = [this.#ended, this.#survived];
    return { problems: this.#problems, hits, ended, survived, acknowledged };
  }

  #live(isWhole: boolean): void {
    let fatal: Error | null = null;
    let member: SimMember | null = null;
    try {
      member = this.#start((error) => (fatal ??= error));
    } catch (error) {
      fatal ??= error as Error;
    }
    try {
      if (member !== null) this.#work(member, () => fatal !== null);
    } catch (error) {
      // A read that fails while it runs ends the program, which tells it (docs/corruption.md).
      if (error instanceof DiskError) fatal ??= error;
      else this.#problems.push(`thrown, not told: ${String((error as Error).stack)}`);
    }
    member?.die();
    if (fatal === null) this.#survived += isWhole ? 0 : 1;
    else {
      this.#ended += 1;
      const problem = isWhole ? "a whole disk failed" : this.#misnamed(fatal);
      if (problem !== null) this.#problems.push(`${problem}: ${String(fatal)}`);
    }
  }

  #start(onFatal: (error: Error) => void): SimMember {
    const { snapshotCount, walSegmentBytes, config } = SHAPE;
    return new SimMember({
      clock: this.#clock,
      disk: this.#disk,
      seed: this.#prng.uint32(),
      snapshotCount,
      walSegmentBytes,
      config,
      onFatal,
    });
  }

  #work(member: SimMember, isFatal: () => boolean): void {
    const { core } = member;
    const ledger = this.#ledger;
    const until = (what: string, condition: () => boolean): void => {
      if (this.#clock.runUntil(() => isFatal() || condition(), STUCK_MS)) return;
      this.#problems.push(`${what}: neither done nor failed`);
    };
    until("start", () => core.isReady);
    if (isFatal()) return;
    const verdict = ledger.check(core.store);
    this.#problems.push(...verdict.problems);
    if (verdict.problems.length > 0) return;
    ledger.adopt(core.store, verdict);
    const target = ledger.acknowledged + ANSWERS;
    const isOver = (): boolean => ledger.acknowledged >= target || isFatal();
    new Clients({ member, ledger, prng: this.#prng, clients: CLIENTS, isOver }).start();
    until("load", isOver);
    let isClosed = false;
    core.close(() => (isClosed = true));
    if (!this.#clock.runUntil(() => isClosed, STUCK_MS)) {
      this.#problems.push("close does not end");
    }
  }

  /** What is wrong with the words for a fault; null when they say what it is. */
  #misnamed(error: Error): string | null {
    const cause = error instanceof StartError ? error.cause : error;
    const { code } = this.#round.fault;
    if (!(cause instanceof DiskError)) return "ended by another error";
    if (cause.code !== code) return `told as ${cause.code}`;
    const { kind, remedy } = diskFault(cause);
    if (kind !== KINDS[code] || remedy === "") return `told as ${kind}`;
    return error.message.includes(code) ? null : "the message does not name the fault";
  }
}
