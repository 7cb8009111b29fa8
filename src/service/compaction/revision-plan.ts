import type { LogFields } from "../../platform/logger.ts";
import type { CompactionPlan } from "./auto-compactor.ts";

/** etcd's, not configurable. */
const INTERVAL_MS = 300_000;

/** Keeps the newest revisions: every five minutes compacts to `retention` below the newest. */
export class RevisionPlan implements CompactionPlan {
  readonly name = "revision";
  readonly intervalMs = INTERVAL_MS;
  readonly fields: LogFields;
  readonly #retention: number;
  #lastRevision = 0;

  constructor(retention: number) {
    this.#retention = retention;
    this.fields = { "revision-compaction-retention": retention };
  }

  due(_nowMs: number, revision: number): number {
    const wanted = revision - this.#retention;
    return wanted <= 0 || wanted === this.#lastRevision ? 0 : wanted;
  }

  compacted(_nowMs: number, revision: number): void {
    this.#lastRevision = revision;
  }
}
