import type { Prng } from "../../../src/base/prng.ts";
import type { Disk } from "../../../src/platform/disk.ts";
import { VirtualClock } from "../../../src/sim/world/clock.ts";
import { type CrashMode, VirtualDisk } from "../../../src/sim/world/disk.ts";
import { SimMember } from "../sim-member.ts";
import { Clients } from "./clients.ts";
import type { Ledger } from "./ledger.ts";

/** Virtual time after which a member that is not ready, or clients without answers, are stuck. */
const STUCK_MS = 600_000;

/**
 * The longest operation of a disk, which differs from world to world: what happens in order on a
 * fast disk by chance does not on one where a commit takes longer than the time between two.
 */
const SLOWEST_MS = [2, 15, 80];

const BURST_ANSWERS_MAX = 50;
/** Some ticks, so that what is due is begun while nobody asks for anything. */
const PAUSE_MS = 350;

/** How a member of this campaign is set up: so small that everything happens all the time. */
export interface Shape {
  readonly snapshotCount: number;
  readonly walSegmentBytes: number;
  /** Segments and snapshot files that are kept. */
  readonly filesMax: number;
  readonly clients: number;
}

/** What every world of the campaign shares. */
export interface LifeOptions {
  readonly shape: Shape;
  /** For planted faults: what stands between the member and its disk. */
  readonly wrapDisk?: ((disk: VirtualDisk) => Disk) | undefined;
}

/** Where a process is to crash. */
export interface CrashPlan {
  /** Steps of the disk that change something and are let through first. */
  readonly after: number;
  readonly mode: CrashMode;
  readonly seed: number;
}

/** A device with the clock of its world. */
export interface World {
  readonly clock: VirtualClock;
  readonly disk: VirtualDisk;
}

/** What a process left when it crashed; the step is the one that did not happen. */
export interface Crashed extends World {
  readonly ledger: Ledger;
  readonly step: string;
}

/** How clients work. */
export interface LoadOptions {
  /** Ends it early. */
  readonly isOver?: () => boolean;
  /** Whether they compact; default true. */
  readonly compact?: boolean;
  /** Size of most values. */
  readonly valueBytesMax?: number;
}

/** Told before each step of a disk that changes something. */
export type BeforeChange = (step: string) => void;

/** A world with an empty device. */
export function newWorld(seed: number, beforeChange: BeforeChange): World {
  const clock = new VirtualClock();
  const latencyMs = { min: 0.05, max: SLOWEST_MS[seed % SLOWEST_MS.length]! };
  const disk = new VirtualDisk({
    clock,
    seed,
    latencyMs,
    beforeChange: (op, path) => beforeChange(`${op} ${path}`),
  });
  return { clock, disk };
}

/** The world in which the process of `disk` crashes now. */
export function crashNow(
  disk: VirtualDisk,
  plan: Pick<CrashPlan, "mode" | "seed">,
  beforeChange: BeforeChange = () => {},
): World {
  const clock = new VirtualClock();
  const { mode, seed } = plan;
  const hook = (op: string, path: string): void => beforeChange(`${op} ${path}`);
  return { clock, disk: disk.fork(mode, { clock, seed, beforeChange: hook }) };
}

/** One process of a member with a database file. */
export class Life {
  readonly member: SimMember;
  readonly world: World;
  readonly ledger: Ledger;
  readonly problems: string[] = [];
  readonly #options: LifeOptions;

  /** @throws whatever a start throws. */
  constructor(world: World, ledger: Ledger, seed: number, options: LifeOptions) {
    const { shape, wrapDisk } = options;
    const { snapshotCount, walSegmentBytes, filesMax } = shape;
    this.world = world;
    this.ledger = ledger;
    this.#options = options;
    this.member = new SimMember({
      clock: world.clock,
      disk: wrapDisk?.(world.disk) ?? world.disk,
      seed,
      snapshotCount,
      walSegmentBytes,
      config: { maxWals: filesMax, maxSnapshots: filesMax },
      onFatal: (error) => this.problems.push(`the member stopped: ${error.message}`),
    });
  }

  /**
   * Waits until it serves, and compares what it serves; the clients' knowledge is then adopted.
   * `atLeast`: the newest revision that must be there, if not all that was acknowledged.
   */
  verify(atLeast?: number): void {
    const { core } = this.member;
    if (!this.world.clock.runUntil(() => core.isReady || this.isOver, STUCK_MS)) {
      this.problems.push("the member did not become ready");
    }
    if (this.isOver) return;
    const verdict = this.ledger.check(core.store, atLeast);
    this.problems.push(...verdict.problems);
    this.ledger.adopt(core.store, verdict);
  }

  get isOver(): boolean {
    return this.problems.length > 0;
  }

  /** Clients work until so many more requests are answered, or `isOver` says so. */
  load(prng: Prng, answers: number, { isOver = () => false, ...how }: LoadOptions = {}): void {
    const target = this.ledger.acknowledged + answers;
    const isEnough = (): boolean => this.ledger.acknowledged >= target || this.isOver || isOver();
    const { clients } = this.#options.shape;
    const { member, ledger } = this;
    new Clients({ member, ledger, prng, clients, ...how, isOver: isEnough }).start();
    if (!this.world.clock.runUntil(isEnough, STUCK_MS)) this.problems.push("no more answers");
  }

  /** As `load`, with pauses in which commits and snapshots of the log are the only work. */
  loadInBursts(prng: Prng, answers: number, isOver: () => boolean = () => false): void {
    const target = this.ledger.acknowledged + answers;
    while (this.ledger.acknowledged < target && !this.isOver && !isOver()) {
      this.loadBurst(prng, isOver);
    }
  }

  /** Some requests, then a pause. */
  loadBurst(prng: Prng, isOver: () => boolean = () => false): void {
    this.load(prng, 5 + prng.below(BURST_ANSWERS_MAX), { isOver });
    if (!isOver()) this.world.clock.runFor(PAUSE_MS);
  }

  /** Ends orderly. */
  close(isOver: () => boolean = () => false): void {
    let isClosed = false;
    this.member.core.close((error) => {
      isClosed = true;
      if (error !== null) this.problems.push(`close: ${error.message}`);
    });
    const isEnough = (): boolean => isClosed || this.isOver || isOver();
    if (!this.world.clock.runUntil(isEnough, STUCK_MS)) this.problems.push("close does not end");
    this.member.die();
  }
}
