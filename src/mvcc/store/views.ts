import { VIEW_IDLE_MAX_MS, VIEW_PROGRESS_BYTES } from "./store.ts";
import type { ReadView } from "./store.ts";

/** The open views of a store: what physical compaction must wait for. */
export class Views {
  readonly #open = new Set<PinnedView>();

  /** `onCancel` is called when the view is cancelled, not when it is closed. */
  add(revision: number, nowMs: number, onCancel: () => void): ReadView {
    const view = new PinnedView(revision, nowMs, this.#open, onCancel);
    this.#open.add(view);
    return view;
  }

  /** Whether a view may still read what a compaction at `revision` removes. */
  hasBelow(revision: number): boolean {
    for (const view of this.#open) if (view.revision < revision) return true;
    return false;
  }

  /** Cancels those idle for too long; returns how many. */
  expire(nowMs: number): number {
    let count = 0;
    for (const view of this.#open) {
      if (nowMs - view.usedAtMs <= VIEW_IDLE_MAX_MS) continue;
      view.cancel();
      count += 1;
    }
    return count;
  }
}

class PinnedView implements ReadView {
  readonly revision: number;
  usedAtMs: number;
  readonly #open: Set<PinnedView>;
  readonly #onCancel: () => void;
  #isCancelled = false;
  /** Taken by the reader since the last touch. */
  #takenBytes = 0;

  constructor(revision: number, nowMs: number, open: Set<PinnedView>, onCancel: () => void) {
    this.revision = revision;
    this.usedAtMs = nowMs;
    this.#open = open;
    this.#onCancel = onCancel;
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  touch(nowMs: number): void {
    this.usedAtMs = nowMs;
    this.#takenBytes = 0;
  }

  taken(bytes: number, nowMs: number): void {
    this.#takenBytes += bytes;
    if (this.#takenBytes >= VIEW_PROGRESS_BYTES) this.touch(nowMs);
  }

  another(revision: number, nowMs: number): ReadView {
    const view = new PinnedView(revision, nowMs, this.#open, this.#onCancel);
    if (this.#isCancelled) view.cancel();
    else this.#open.add(view);
    return view;
  }

  close(): void {
    this.#open.delete(this);
  }

  cancel(): void {
    this.#isCancelled = true;
    this.close();
    this.#onCancel();
  }
}
