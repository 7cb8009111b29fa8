import { Watcher, type WatchOwner, type WatchSpec } from "../../mvcc/watch/watcher.ts";
import { type WatchId, watchIdOf } from "./responses.ts";

/** What a client asked for beside the range. */
export interface WatcherOptions {
  readonly id: bigint;
  /** As asked; 0: what comes next. */
  readonly startRevision: number;
  readonly fragment: boolean;
  readonly progressNotify: boolean;
}

/** A watcher of a client's stream. */
export class StreamWatcher extends Watcher implements WatchId {
  readonly id: bigint;
  readonly high: number;
  readonly low: number;
  readonly startRevision: number;
  readonly fragment: boolean;
  readonly progressNotify: boolean;
  /** It had no event since the last time that it would have been told of progress. */
  isQuiet = true;

  constructor(owner: WatchOwner, spec: WatchSpec, options: WatcherOptions) {
    super(owner, spec);
    this.id = options.id;
    const { high, low } = watchIdOf(options.id);
    this.high = high;
    this.low = low;
    this.startRevision = options.startRevision;
    this.fragment = options.fragment;
    this.progressNotify = options.progressNotify;
  }
}
