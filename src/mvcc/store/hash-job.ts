import { crc32cUpdate } from "../../base/crc32c.ts";
import { newSpan } from "../../base/span.ts";
import type { BackendRoot, ChangeCursor } from "../../storage/backend/backend.ts";
import type { KeyIndex } from "../index/key-index.ts";
import { readKeyOf } from "../key-value.ts";
import { encodeRevision, KEY_BUCKET_NAME, workOf } from "./revision-key.ts";
import type { HashJob, RangeCursor, ReadView } from "./store.ts";

/** What a hash works on; it closes root and view. */
export interface HashJobParts {
  readonly index: KeyIndex;
  readonly root: BackendRoot;
  readonly view: ReadView;
  /** Open over all keys at the revision. */
  readonly live: RangeCursor;
  readonly compactRevision: number;
}

/** HashKV over a root of the backend (CMP7; formats-disk.md 11). */
export class RootHashJob implements HashJob {
  readonly compactRevision: number;
  readonly #parts: HashJobParts;
  readonly #changes: ChangeCursor;
  readonly #key = newSpan();
  #hash = crc32cUpdate(0, KEY_BUCKET_NAME, 0, KEY_BUCKET_NAME.length);
  #state: "looking" | "hashing" = "looking";
  /** The keep set of the revision is not known to have anything. */
  #isKeepSetEmpty = true;
  #isClosed = false;

  constructor(parts: HashJobParts) {
    this.#parts = parts;
    this.compactRevision = parts.compactRevision;
    this.#changes = parts.root.changes();
  }

  get hash(): number {
    return this.#hash;
  }

  get hashRevision(): number {
    return this.#parts.view.revision;
  }

  get isCompacted(): boolean {
    return this.#parts.view.isCancelled;
  }

  step(changesMax: number, nowMs: number): boolean {
    if (this.#isClosed || this.isCompacted) return true;
    this.#parts.view.touch(nowMs);
    if (this.#state === "looking") {
      this.#look(changesMax);
      return false;
    }
    for (let left = changesMax; left > 0; left -= workOf(this.#changes)) {
      if (this.#next()) continue;
      this.close();
      return true;
    }
    return false;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#parts.view.close();
    this.#parts.root.close();
  }

  /**
   * Whether the keep set has anything. The first live key is in it, unless its key was deleted and
   * put again by the very transaction of the revision: then the tombstone counts, and it is not.
   */
  #look(keysMax: number): void {
    const { live, index } = this.#parts;
    live.skipsLeft = keysMax;
    for (let i = 0; i < keysMax; i++) {
      if (!live.next()) {
        if (live.isPaused) return;
        this.#state = "hashing";
        return;
      }
      live.readKey(this.#key);
      const change = { main: live.modRevision, sub: live.sub };
      if (!index.isInHashSet(this.#key, this.hashRevision, change)) continue;
      this.#isKeepSetEmpty = false;
      this.#state = "hashing";
      return;
    }
  }

  #next(): boolean {
    const changes = this.#changes;
    if (!changes.next() || changes.main > this.hashRevision) return false;
    if (!this.#isIncluded()) return true;
    const key = encodeRevision(changes.main, changes.sub, changes.isTombstone);
    const { bytes, start, end } = changes.value;
    this.#hash = crc32cUpdate(crc32cUpdate(this.#hash, key, 0, key.length), bytes, start, end);
    return true;
  }

  #isIncluded(): boolean {
    const changes = this.#changes;
    const compacted = this.compactRevision;
    if (changes.main > compacted) return true;
    if (changes.main === compacted && changes.isTombstone) return false;
    if (this.#isKeepSetEmpty) return true;
    readKeyOf(changes.value, this.#key);
    return this.#parts.index.isInHashSet(this.#key, this.hashRevision, changes);
  }
}
