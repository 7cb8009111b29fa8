import { newSpan } from "../../base/span.ts";
import type { Backend, BackendReader, ChangeCursor } from "../../storage/backend/backend.ts";
import type { KeyIndex } from "../index/key-index.ts";
import { readKeyOf } from "../key-value.ts";
import { NEVER_COMPACTED } from "../types.ts";
import { decodeMain, encodeRevision, workOf } from "./revision-key.ts";
import { CompactedHashes, CompactionHash } from "./compaction-hash.ts";
import type { Views } from "./views.ts";

const META_SCHEDULED = asciiBytes("scheduledCompactRev");
const META_FINISHED = asciiBytes("finishedCompactRev");

function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** How far a key space was compacted; −1 when it never was. */
export interface CompactionMarks {
  /** Counts for reads. */
  readonly scheduled: number;
  /** Nothing is left to be removed up to it. */
  readonly finished: number;
}

/** What a backend says of it. */
export function readCompactionMarks(backend: BackendReader): CompactionMarks {
  const found = newSpan();
  const mark = (name: Uint8Array): number =>
    backend.get("meta", name, found) ? decodeMain(found) : NEVER_COMPACTED;
  const finished = mark(META_FINISHED);
  return { scheduled: Math.max(mark(META_SCHEDULED), finished), finished };
}

type Phase = "idle" | "index" | "storage";

/**
 * Compaction: a target that counts at once and work that follows in slices. First the index drops
 * changes, then the stored changes that it has no longer are deleted, in revision order. There is
 * no set of kept revisions: the index is asked. Both passes are idempotent, so that a restart,
 * which rebuilds the index from what is stored, may begin anew.
 *
 * Invariant C1: nothing is removed that a view open below the target's revision can see.
 * Invariant C2: `finishedCompactRev` is written after everything it speaks of was deleted, in the
 * same batch or a later one.
 */
export class Compaction {
  readonly #backend: Backend;
  readonly #index: KeyIndex;
  readonly #views: Views;
  readonly #changes: ChangeCursor;
  readonly #key = newSpan();
  #phase: Phase = "idle";
  #scheduled: number;
  #finished: number;
  /** What the work under way compacts at; `#scheduled` may be above it already. */
  #target = NEVER_COMPACTED;
  #removedBelow: number;
  #record = 0;
  /** What is computed on the way to `#hashedTarget`; null: nothing. */
  #hash: CompactionHash | null = null;
  #hashedTarget = NEVER_COMPACTED;
  /** As etcd remembers them: of compactions that were scheduled when none was under way. */
  readonly hashes = new CompactedHashes();

  /** `marks` are those of an earlier life; unfinished work goes on with `step`. */
  constructor(backend: Backend, index: KeyIndex, views: Views, marks: CompactionMarks) {
    this.#backend = backend;
    this.#index = index;
    this.#views = views;
    this.#changes = backend.changes();
    this.#finished = marks.finished;
    this.#scheduled = marks.scheduled;
    this.#removedBelow = marks.scheduled;
  }

  get scheduled(): number {
    return this.#scheduled;
  }

  get finished(): number {
    return this.#finished;
  }

  /** Physical removal has begun for revisions below it. */
  get removedBelow(): number {
    return this.#removedBelow;
  }

  /** Takes effect for reads; `revision` is above every earlier one. */
  schedule(revision: number): void {
    if (this.#scheduled === this.#finished) {
      this.#hash = new CompactionHash(this.#finished);
      this.#hashedTarget = revision;
    }
    this.#scheduled = revision;
    this.#backend.put("meta", META_SCHEDULED, encodeRevision(revision, 0, false));
  }

  step(keysMax: number): "idle" | "working" | "waiting" {
    if (this.#phase === "idle") {
      if (this.#scheduled === this.#finished) return "idle";
      // Others may be scheduled behind the one whose hash is wanted; it has a turn of its own.
      const target = this.#hash === null ? this.#scheduled : this.#hashedTarget;
      if (this.#views.hasBelow(target)) return "waiting";
      this.#begin(target);
    }
    if (this.#phase === "index") this.#compactIndex(keysMax);
    else this.#deleteStored(keysMax);
    return this.#phase === "idle" && this.#scheduled === this.#finished ? "idle" : "working";
  }

  #begin(target: number): void {
    this.#target = target;
    this.#removedBelow = this.#target;
    this.#phase = "index";
    this.#record = 1;
  }

  #compactIndex(keysMax: number): void {
    const { records } = this.#index;
    const stop = Math.min(this.#record + keysMax, records.top);
    for (; this.#record < stop; this.#record++) {
      if (records.keyLocation(this.#record) !== 0) this.#index.compact(this.#record, this.#target);
    }
    // Records that were added meanwhile hold nothing as old as the target.
    if (this.#record < records.top) return;
    this.#phase = "storage";
    this.#changes.seek(0, 0);
  }

  #deleteStored(changesMax: number): void {
    const changes = this.#changes;
    for (let left = changesMax; left > 0; left -= workOf(changes)) {
      if (!changes.next() || changes.main > this.#target) {
        this.#finish();
        return;
      }
      readKeyOf(changes.value, this.#key);
      const isKept = this.#index.has(this.#key, changes.main, changes.sub);
      this.#hash?.add(changes, isKept);
      if (!isKept) this.#backend.deleteChange(changes.main, changes.sub);
    }
  }

  #finish(): void {
    this.#phase = "idle";
    this.#finished = this.#target;
    if (this.#hash !== null) this.hashes.add(this.#hash.finish(this.#target));
    this.#hash = null;
    this.#backend.put("meta", META_FINISHED, encodeRevision(this.#target, 0, false));
  }
}
