import type { RequestError } from "../../apply/errors.ts";
import { durationText } from "../../base/units.ts";
import type { Clock, TimerHandle } from "../../platform/clock.ts";
import type { LogFields, Logger } from "../../platform/logger.ts";
import { WIRE_ERRORS } from "../errors.ts";
import { PeriodicPlan } from "./periodic-plan.ts";
import { RevisionPlan } from "./revision-plan.ts";

/** Automatic compaction (etcd: --auto-compaction-mode and -retention). Amounts are above 0. */
export type AutoCompaction =
  | { readonly mode: "off" }
  | { readonly mode: "periodic"; readonly retentionMs: number }
  | { readonly mode: "revision"; readonly retentionRevisions: number };

/** When to compact, and up to what. */
export interface CompactionPlan {
  /** Between two looks. */
  readonly intervalMs: number;
  /** For the log, as etcd names it. */
  readonly name: string;
  readonly fields: LogFields;
  /** Called at start and after each look, with the store's newest revision. */
  sample?(revision: number): void;
  /** The revision to compact to now; 0 for none. */
  due(nowMs: number, revision: number): number;
  /** A compaction to `revision` took place. */
  compacted(nowMs: number, revision: number): void;
}

/** What an AutoCompactor works with. */
export interface AutoCompactorOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly plan: CompactionPlan;
  /** The store's newest revision. */
  readonly revision: () => number;
  /** Members that do not lead look and sample too, so that they are ready when they do. */
  readonly isLeader: () => boolean;
  /** Compacts through the log as any client would; `done` follows, with why it failed or null. */
  readonly compact: (revision: number, done: (error: RequestError | null) => void) => void;
}

/** The plan of a configuration that is not off. `nowMs`: when the member starts (monotonic). */
export function planOf(
  config: Exclude<AutoCompaction, { mode: "off" }>,
  nowMs: number,
): CompactionPlan {
  return config.mode === "periodic"
    ? new PeriodicPlan(config.retentionMs, nowMs)
    : new RevisionPlan(config.retentionRevisions);
}

/** Looks at its plan now and then, and compacts what is due (storage.md 7). */
export class AutoCompactor {
  readonly #options: AutoCompactorOptions;
  #timer: TimerHandle | null = null;
  #isStopped = false;

  constructor(options: AutoCompactorOptions) {
    this.#options = options;
  }

  /** To be called once, when the log is applied: the first sample must be a true one. */
  start(): void {
    this.#rest();
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) this.#options.clock.cancelTimer(this.#timer);
  }

  #rest(): void {
    const { clock, plan, revision } = this.#options;
    plan.sample?.(revision());
    this.#timer = clock.startTimer(plan.intervalMs, this.#look);
  }

  readonly #look = (): void => {
    this.#timer = null;
    if (this.#isStopped) return;
    const { clock, plan, revision, isLeader } = this.#options;
    const due = isLeader() ? plan.due(clock.monotonicMs(), revision()) : 0;
    if (due === 0) this.#rest();
    else this.#compact(due);
  };

  #compact(revision: number): void {
    const { clock, logger, plan, compact } = this.#options;
    const { name, intervalMs } = plan;
    const fields = { revision, ...plan.fields };
    const startMs = clock.monotonicMs();
    logger.log("info", `starting auto ${name} compaction`, fields);
    compact(revision, (error) => {
      if (this.#isStopped) return;
      const nowMs = clock.monotonicMs();
      // Somebody else compacted as far: that is what was wanted.
      if (error === null || error === "compacted") {
        const took = durationText(nowMs - startMs);
        logger.log("info", `completed auto ${name} compaction`, { ...fields, took });
        plan.compacted(nowMs, revision);
      } else {
        logger.log("warn", `failed auto ${name} compaction`, {
          ...fields,
          "retry-interval": durationText(intervalMs),
          error: WIRE_ERRORS[error].message,
        });
      }
      this.#rest();
    });
  }
}
