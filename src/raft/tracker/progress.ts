import { assert } from "../../base/assert.ts";
import type { Inflights } from "./inflights.ts";

/** How a leader sends to a peer; numbers as in etcd. */
export const ProgressState = { probe: 0, replicate: 1, snapshot: 2 } as const;
export type ProgressState = (typeof ProgressState)[keyof typeof ProgressState];

const STATE_NAMES: readonly string[] = ["StateProbe", "StateReplicate", "StateSnapshot"];

/** What a new Progress starts from. */
export interface ProgressOptions {
  readonly id: bigint;
  readonly next: number;
  readonly isLearner: boolean;
  readonly inflights: Inflights;
}

/**
 * A peer's log as the leader knows it (raft.md 7). Invariant: match < next. In state probe one
 * message at a time asks where the logs part; in replicate messages follow each other without
 * waiting; in snapshot nothing is sent until the peer answers or the transfer is reported.
 */
export class Progress {
  readonly id: bigint;
  /** Highest index known to be durable there. */
  match = 0;
  /** Index of the next entry to send. */
  next: number;
  state: ProgressState = ProgressState.probe;
  /** Index of the snapshot under way, 0 without one. */
  pendingSnapshot = 0;
  /** Heard of since the last check of the quorum. */
  recentActive = true;
  /** True: no entries until something is heard. */
  isFlowPaused = false;
  isLearner: boolean;
  readonly inflights: Inflights;
  /** Highest commit index that was sent, or that the peer can infer. */
  #sentCommit = 0;

  constructor(options: ProgressOptions) {
    this.id = options.id;
    this.next = options.next;
    this.isLearner = options.isLearner;
    this.inflights = options.inflights;
  }

  /** A copy that shares the window: a configuration change keeps what is under way. */
  clone(): Progress {
    const { id, next, isLearner, inflights } = this;
    const copy = new Progress({ id, next, isLearner, inflights });
    copy.match = this.match;
    copy.state = this.state;
    copy.pendingSnapshot = this.pendingSnapshot;
    copy.recentActive = this.recentActive;
    copy.isFlowPaused = this.isFlowPaused;
    copy.#sentCommit = this.#sentCommit;
    return copy;
  }

  /** Nothing is known of the peer any more; the next entry to send is `next`. */
  reset(next: number): void {
    this.#enter(ProgressState.probe);
    this.match = 0;
    this.next = next;
    this.recentActive = false;
    this.#sentCommit = 0;
  }

  /** True when no entries may be sent. */
  get isPaused(): boolean {
    return this.state === ProgressState.snapshot || this.isFlowPaused;
  }

  /** Next is put behind what is known to be there: match, or a snapshot that was on its way. */
  becomeProbe(): void {
    const known = this.state === ProgressState.snapshot ? this.pendingSnapshot : 0;
    this.#enter(ProgressState.probe);
    this.next = Math.max(this.match, known) + 1;
    this.#forgetCommitBehindNext();
  }

  /** Sends without waiting, from match + 1 on. */
  becomeReplicate(): void {
    this.#enter(ProgressState.replicate);
    this.next = this.match + 1;
  }

  /** Waits for a snapshot up to `index`. */
  becomeSnapshot(index: number): void {
    this.#enter(ProgressState.snapshot);
    this.pendingSnapshot = index;
    this.next = index + 1;
    this.#sentCommit = index;
  }

  /** An append left with `count` entries of `bytes` payload. */
  sentEntries(count: number, bytes: number): void {
    assert(this.state !== ProgressState.snapshot, "sending append in unhandled state");
    if (this.state === ProgressState.probe) {
      if (count > 0) this.isFlowPaused = true;
      return;
    }
    if (count > 0) {
      this.next += count;
      this.inflights.add(this.next - 1, bytes);
    }
    // An empty append is no reason to resume: only an answer is.
    this.isFlowPaused = this.inflights.isFull;
  }

  /** Highest commit index that was sent, for inspection. */
  get commitSent(): number {
    return this.#sentCommit;
  }

  /** True when sending `commit` would let the peer commit more than what it was told so far. */
  canBumpCommit(commit: number): boolean {
    return commit > this.#sentCommit && this.#sentCommit < this.next - 1;
  }

  /** A message with this commit index left. */
  sentCommit(commit: number): void {
    this.#sentCommit = commit;
  }

  /** The peer holds everything up to `index`; false when that was known. */
  maybeUpdate(index: number): boolean {
    if (index <= this.match) return false;
    this.match = index;
    if (this.next <= index) this.next = index + 1;
    this.isFlowPaused = false;
    return true;
  }

  /**
   * The peer refused an append behind index `rejected` and holds at most `hint` of this log. False
   * when the answer is an old one.
   */
  maybeDecreaseTo(rejected: number, hint: number): boolean {
    if (this.state === ProgressState.replicate) {
      if (rejected <= this.match) return false;
      this.next = this.match + 1;
      this.#forgetCommitBehindNext();
      return true;
    }
    // A probe is answered before the next one leaves: any other index is of an earlier message.
    if (rejected !== this.next - 1) return false;
    this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1);
    this.#forgetCommitBehindNext();
    this.isFlowPaused = false;
    return true;
  }

  /** `StateProbe match=0 next=1 …`, as logs and golden files print it (raft.md B8). */
  toString(): string {
    let text = `${STATE_NAMES[this.state]} match=${this.match} next=${this.next}`;
    if (this.isLearner) text += " learner";
    if (this.isPaused) text += " paused";
    if (this.pendingSnapshot > 0) text += ` pendingSnap=${this.pendingSnapshot}`;
    if (!this.recentActive) text += " inactive";
    const { count, isFull } = this.inflights;
    if (count > 0) text += ` inflight=${count}${isFull ? "[full]" : ""}`;
    return text;
  }

  /** Commit indexes sent with entries that may be lost are lost with them. */
  #forgetCommitBehindNext(): void {
    if (this.#sentCommit > this.next - 1) this.#sentCommit = this.next - 1;
  }

  #enter(state: ProgressState): void {
    this.state = state;
    this.isFlowPaused = false;
    this.pendingSnapshot = 0;
    this.inflights.reset();
  }
}
