import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import type { Fault, FaultPoint } from "../../../src/sim/world/faults.ts";
import { type FaultRound, runFaultRound } from "./round.ts";
import { slowSyncProblems } from "./slow-sync.ts";

/** How a call fails; a failing write has arrived in part, a failing sync lies ever after. */
const CODES = ["ENOSPC", "EIO", "EROFS"] as const;
/** Calls that only read, and those that only some do, each numbered by itself. */
const OTHER_POINTS: readonly FaultPoint[] = ["open", "read", "lock", "sync", "rename", "unlink"];
/** How long it fails: once, for a while, until the operator helps. */
const TIMES = [1, 3, Number.POSITIVE_INFINITY] as const;
const SIZES = { ci: { seeds: 1, stride: 3 }, full: { seeds: 3, stride: 1 } } as const;
/** Restarts while it fails. */
const LIVES = 2;

/**
 * Every call of a member's disk fails in turn: once, for a while, or until the operator helps. No
 * space, read-only and I/O errors are told apart, nothing acknowledged is lost, and once the disk
 * is whole the member serves everything and takes writes.
 */
export async function run({ seed, size }: LongOptions): Promise<LongResult> {
  const { seeds, stride } = SIZES[size];
  const campaign = new Campaign();
  for (let at = 0; at < seeds; at += 1) {
    const first = size === "ci" ? seed % stride : 0;
    for (const op of [undefined, ...OTHER_POINTS]) {
      campaign.inTurn(seed + at, op, { first, stride, all: size === "full" });
    }
  }
  campaign.slowSyncs(seed);
  return campaign.finish();
}

/** Which calls of a kind fail. */
interface Turns {
  readonly first: number;
  readonly stride: number;
  /** Each call in every way, or in one way each. */
  readonly all: boolean;
}

class Campaign {
  readonly #failures: string[] = [];
  #rounds = 0;
  #hits = 0;
  #ended = 0;
  #survived = 0;
  #acknowledged = 0;

  /** Fails one call after the other, until a life does not get as far as the next. */
  inTurn(seed: number, op: FaultPoint | undefined, { first, stride, all }: Turns): void {
    for (let after = first, turn = 0; ; after += stride, turn += 1) {
      const ways = CODES.flatMap((code) => TIMES.map((times) => ({ code, times })));
      const chosen = all ? ways : [ways[turn % ways.length]!];
      let hits = 0;
      for (const way of chosen) hits += this.#fail(seed, { ...(op ? { op } : {}), after, ...way });
      if (hits === 0) return;
    }
  }

  slowSyncs(seed: number): void {
    this.#rounds += 1;
    for (const problem of slowSyncProblems(seed)) this.#failures.push(`slow syncs: ${problem}`);
  }

  finish(): LongResult {
    for (const failure of this.#failures.slice(0, 20)) process.stdout.write(`  ${failure}\n`);
    process.stdout.write(
      `faults: ${this.#rounds} rounds, ${this.#hits} calls failed, which ended ${this.#ended} ` +
        `lives or starts, ${this.#survived} not; ${this.#acknowledged} acknowledged requests\n`,
    );
    const failed = this.#failures.length;
    return { passed: this.#rounds - failed, failed };
  }

  #fail(seed: number, fault: Fault): number {
    const mode = ((fault.after ?? 0) + seed) % 2 === 0 ? "power" : "kill";
    const round: FaultRound = { seed, fault, lives: LIVES, mode };
    const result = attempt(round);
    this.#rounds += 1;
    this.#hits += result.hits;
    this.#ended += result.ended;
    this.#survived += result.survived;
    this.#acknowledged += result.acknowledged;
    const [problem] = result.problems;
    if (problem !== undefined) this.#failures.push(`${JSON.stringify(round)}: ${problem}`);
    return result.hits;
  }
}

function attempt(round: FaultRound): ReturnType<typeof runFaultRound> {
  try {
    return runFaultRound(round);
  } catch (error) {
    const problems = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
    return { problems, hits: 1, ended: 0, survived: 0, acknowledged: 0 };
  }
}
