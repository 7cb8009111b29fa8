import { crc32cUpdate } from "../../base/crc32c.ts";
import type { ChangeCursor } from "../../storage/backend/backend.ts";
import { encodeRevision, KEY_BUCKET_NAME } from "./revision-key.ts";

/** How many are remembered, the newest: as many as etcd does. */
const HASHES_MAX = 10;

/** HashKV at the revision of a compaction, as it was before that. */
export interface CompactedHash {
  readonly hash: number;
  readonly hashRevision: number;
  /** Of the compaction before. */
  readonly compactRevision: number;
}

/**
 * HashKV of what a compaction visits, computed on its way (CMP7; formats-disk.md 11). What the
 * compaction before left is in it if it is kept, or if nothing at all is kept; which of the two
 * shows only later, so there are two sums until something is.
 */
export class CompactionHash {
  readonly #compactRevision: number;
  #kept = crc32cUpdate(0, KEY_BUCKET_NAME, 0, KEY_BUCKET_NAME.length);
  #all = this.#kept;
  #hasKept = false;

  /** `compactRevision`: of the compaction before. */
  constructor(compactRevision: number) {
    this.#compactRevision = compactRevision;
  }

  /** Takes the change that the cursor is on. `isKept`: it stays. */
  add(change: ChangeCursor, isKept: boolean): void {
    this.#hasKept ||= isKept;
    const { main, sub, isTombstone } = change;
    if (main === this.#compactRevision && isTombstone) return;
    const key = encodeRevision(main, sub, isTombstone);
    if (!this.#hasKept) this.#all = extend(this.#all, key, change);
    if (isKept || main > this.#compactRevision) this.#kept = extend(this.#kept, key, change);
  }

  finish(hashRevision: number): CompactedHash {
    const hash = this.#hasKept ? this.#kept : this.#all;
    return { hash, hashRevision, compactRevision: this.#compactRevision };
  }
}

/** The hashes of the last compactions: the same on all members, whatever was compacted since. */
export class CompactedHashes {
  readonly #hashes: CompactedHash[] = [];

  /** `hash` is of a later revision than all before. */
  add(hash: CompactedHash): void {
    this.#hashes.push(hash);
    if (this.#hashes.length > HASHES_MAX) this.#hashes.shift();
  }

  /** Null when no compaction of that revision is remembered. */
  at(revision: number): CompactedHash | null {
    return this.#hashes.find(({ hashRevision }) => hashRevision === revision) ?? null;
  }
}

function extend(sum: number, key: Uint8Array, { value }: ChangeCursor): number {
  return crc32cUpdate(crc32cUpdate(sum, key, 0, key.length), value.bytes, value.start, value.end);
}
