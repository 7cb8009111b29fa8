import { durationText } from "../../base/units.ts";
import type { LogFields } from "../../platform/logger.ts";
import type { CompactionPlan } from "./auto-compactor.ts";

/** Longer periods are compacted so often all the same. */
const INTERVAL_MS_MAX = 3_600_000;
/** Samples, and attempts, in one interval. */
const SAMPLES_PER_INTERVAL = 10;
/** etcd reckons in nanoseconds and cuts what is left of a division. */
const NS_PER_MS = 1e6;
/** A timer cannot be finer; etcd with a period below 10 ns does not start. */
const INTERVAL_MS_MIN = 1;

/**
 * Keeps the history of a period: remembers the revision at ten moments of every interval, and
 * compacts to the one that is a period old. The first time after a period, then each interval (the
 * period, at most an hour); what did not succeed is tried again at the next sample.
 */
export class PeriodicPlan implements CompactionPlan {
  readonly name = "periodic";
  readonly intervalMs: number;
  readonly fields: LogFields;
  readonly #samplesMax: number;
  /** Oldest first; with all of them, the first is a period old. */
  readonly #samples: number[] = [];
  /** Of the next compaction after the last one that succeeded. */
  #waitMs: number;
  readonly #compactEveryMs: number;
  #lastMs: number;
  #lastRevision = 0;

  constructor(periodMs: number, nowMs: number) {
    this.#waitMs = periodMs;
    this.#compactEveryMs = Math.min(periodMs, INTERVAL_MS_MAX);
    const periodNs = Math.round(periodMs * NS_PER_MS);
    const everyNs = Math.min(periodNs, INTERVAL_MS_MAX * NS_PER_MS);
    const sampleNs = Math.max(Math.floor(everyNs / SAMPLES_PER_INTERVAL), 1);
    this.intervalMs = Math.max(sampleNs / NS_PER_MS, INTERVAL_MS_MIN);
    this.#samplesMax = Math.floor(periodNs / sampleNs) + 1;
    this.#lastMs = nowMs;
    this.fields = { "compact-period": durationText(periodMs) };
  }

  sample(revision: number): void {
    this.#samples.push(revision);
    if (this.#samples.length > this.#samplesMax) this.#samples.shift();
  }

  due(nowMs: number): number {
    const oldest = this.#samples[0]!;
    if (nowMs - this.#lastMs < this.#waitMs || oldest === this.#lastRevision) return 0;
    // The full period is waited for once, whether or not the compaction then succeeds.
    this.#waitMs = this.#compactEveryMs;
    return oldest;
  }

  compacted(nowMs: number, revision: number): void {
    this.#lastMs = nowMs;
    this.#lastRevision = revision;
  }
}
