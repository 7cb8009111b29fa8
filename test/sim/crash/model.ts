import { crc32cUpdate } from "../../../src/base/crc32c.ts";
import { createKeyValue, encodeKeyValueToBytes } from "../../../src/proto/gen/mvccpb.ts";

/** What one request asks for: puts in order, or the deletion of a range of keys. */
export interface Request {
  readonly puts: readonly { readonly key: string; readonly value: string }[];
  /** From `start` (inclusive) to `end` (exclusive); null when nothing is deleted. */
  readonly range: { readonly start: string; readonly end: string } | null;
}

/** One stored change, as etcd stores it. */
export interface StoredChange {
  readonly main: number;
  readonly sub: number;
  readonly key: string;
  /** null for a tombstone. */
  readonly value: string | null;
  readonly bytes: Uint8Array;
}

interface LiveKey {
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
}

const encoder = new TextEncoder();

/**
 * The key space told by its changes alone: a dumb twin of the store that never compacts. Revision
 * 1 is the empty one, as in etcd.
 */
export class Model {
  /** By revision; the first two have none. */
  readonly changes: StoredChange[][] = [[], []];
  /** Keys that are there, ordered when asked for. */
  readonly live = new Map<string, LiveKey>();

  get revision(): number {
    return this.changes.length - 1;
  }

  /** Keys and values that `request` would change, in the order of their sub-revisions. */
  effectOf(request: Request): { readonly key: string; readonly value: string | null }[] {
    const { puts, range } = request;
    if (range === null) return [...puts];
    return [...this.live.keys()]
      .filter((key) => key >= range.start && key < range.end)
      .toSorted()
      .map((key) => ({ key, value: null }));
  }

  /** Makes the next revision of what `request` does; false when it does nothing. */
  apply(request: Request): boolean {
    const effect = this.effectOf(request);
    if (effect.length === 0) return false;
    const main = this.changes.length;
    this.changes.push(effect.map(({ key, value }, sub) => this.#change(main, sub, key, value)));
    return true;
  }

  /**
   * HashKV at `revision` after a compaction at `compacted` (−1: none), computed from the definition
   * (formats-disk.md 11) and not from what is stored.
   */
  hash(revision: number, compacted: number): number {
    const kept = this.#keepSet(revision);
    const name = encoder.encode("key");
    let crc = crc32cUpdate(0, name, 0, name.length);
    for (const changes of this.changes.slice(0, revision + 1)) {
      for (const change of changes) {
        const { main, sub, bytes } = change;
        if (main <= compacted && kept.size > 0 && !kept.has(`${main}.${sub}`)) continue;
        if (main === compacted && change.value === null) continue;
        const key = revisionKey(change);
        crc = crc32cUpdate(crc, key, 0, key.length);
        crc = crc32cUpdate(crc, bytes, 0, bytes.length);
      }
    }
    return crc;
  }

  #change(main: number, sub: number, key: string, value: string | null): StoredChange {
    const kv = { ...createKeyValue(), key: encoder.encode(key) };
    if (value === null) {
      this.live.delete(key);
      return { main, sub, key, value, bytes: encodeKeyValueToBytes(kv) };
    }
    const before = this.live.get(key);
    const now = {
      createRevision: before?.createRevision ?? main,
      modRevision: main,
      version: (before?.version ?? 0) + 1,
    };
    this.live.set(key, now);
    const bytes = encodeKeyValueToBytes({ ...kv, ...now, value: encoder.encode(value) });
    return { main, sub, key, value, bytes };
  }

  /** Of each key the change that a read at `revision` would find, by `main.sub`. */
  #keepSet(revision: number): Set<string> {
    const newest = new Map<string, StoredChange>();
    for (const changes of this.changes.slice(0, revision + 1)) {
      for (const change of changes) newest.set(change.key, change);
    }
    const kept = [...newest.values()].filter(({ value }) => value !== null);
    return new Set(kept.map(({ main, sub }) => `${main}.${sub}`));
  }
}

function revisionKey({ main, sub, value }: StoredChange): Uint8Array {
  const bytes = new Uint8Array(value === null ? 18 : 17);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(main));
  bytes[8] = "_".charCodeAt(0);
  view.setBigUint64(9, BigInt(sub));
  if (value === null) bytes[17] = "t".charCodeAt(0);
  return bytes;
}
