import type { KvStore } from "../../src/mvcc/store/store.ts";
import { newSpan } from "../../src/base/span.ts";
import { decodeKeyValue } from "../../src/proto/gen/mvccpb.ts";

/** One request that changes keys, and what became of it as far as its client knows. */
export interface Write {
  /** Values are unique over a whole run, so they name the write. */
  readonly puts: readonly { readonly key: string; readonly value: string }[];
  readonly deletes: readonly string[];
  /** Revision of the acknowledgement, 0 while none came. */
  ackRevision: number;
  /** Revision at which it was found in the store, 0 before. */
  foundRevision: number;
}

/** What the server has, as its clients or its store can tell. */
export interface Shown {
  readonly currentRevision: number;
  changesAt(revision: number): readonly Change[];
}

/** One key changed at a revision. */
export interface Change {
  readonly key: string;
  /** null for a tombstone. */
  readonly value: string | null;
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** What clients did, checked against what a store has after a restart. */
export class History {
  readonly #byValue = new Map<string, Write>();
  readonly #acked = new Map<number, Write>();
  readonly #deleted = new Set<string>();
  /** What earlier incarnations showed to have been at each revision, as text. */
  readonly #seen = new Map<number, string>();
  acknowledged = 0;

  invoked(write: Write): void {
    for (const { value } of write.puts) this.#byValue.set(value, write);
    for (const key of write.deletes) this.#deleted.add(key);
  }

  acked(write: Write, revision: number, hasEffect: boolean): void {
    this.acknowledged += 1;
    write.ackRevision = revision;
    if (hasEffect) this.#acked.set(revision, write);
  }

  /**
   * Everything wrong from revision `from` on; empty when all acknowledged writes are there and
   * nothing else.
   */
  check(shownNow: Shown, from = 2): string[] {
    const problems: string[] = [];
    const last = shownNow.currentRevision;
    for (const [revision, write] of this.#acked) {
      if (revision > last)
        problems.push(`acknowledged revision ${revision} is lost: ${show(write)}`);
    }
    for (let revision = from; revision <= last; revision += 1) {
      const problem = this.#checkRevision(revision, shownNow.changesAt(revision));
      if (problem !== null) problems.push(problem);
    }
    return problems;
  }

  #checkRevision(revision: number, changes: readonly Change[]): string | null {
    if (changes.length === 0) return `revision ${revision} has no change`;
    const shown = JSON.stringify(changes);
    const seen = this.#seen.get(revision);
    const acked = this.#acked.get(revision);
    if (seen !== undefined && acked !== undefined && seen !== shown) {
      return `revision ${revision} was ${seen}, is ${shown}`;
    }
    this.#seen.set(revision, shown);
    if (acked !== undefined && !matches(acked, changes)) {
      return `revision ${revision} acknowledged ${show(acked)}, has ${shown}`;
    }
    return this.#checkOrigin(revision, changes);
  }

  /** Every change was asked for, as a whole and once. */
  #checkOrigin(revision: number, changes: readonly Change[]): string | null {
    const put = changes.find((change) => change.value !== null);
    if (put === undefined) {
      const invented = changes.find((change) => !this.#deleted.has(change.key));
      return invented === undefined
        ? null
        : `revision ${revision} deletes ${invented.key}, nobody did`;
    }
    const write = this.#byValue.get(put.value!);
    if (write === undefined) return `revision ${revision} puts ${put.value}, nobody did`;
    if (!matches(write, changes)) {
      return `revision ${revision} has a part of ${show(write)}: ${JSON.stringify(changes)}`;
    }
    if (write.foundRevision !== 0 && write.foundRevision !== revision && write.ackRevision !== 0) {
      return `${show(write)} is at ${write.foundRevision} and at ${revision}`;
    }
    write.foundRevision = revision;
    return null;
  }
}

function matches(write: Write, changes: readonly Change[]): boolean {
  const expected: Change[] = [
    ...write.puts,
    ...write.deletes.map((key): Change => ({ key, value: null })),
  ];
  return (
    expected.length === changes.length &&
    expected.every((change, at) => {
      const other = changes[at]!;
      return change.key === other.key && change.value === other.value;
    })
  );
}

/** A store of this process as `Shown`. */
export function shownByStore(store: KvStore): Shown {
  return {
    currentRevision: store.currentRevision,
    changesAt: (revision) => readChanges(store, revision),
  };
}

function readChanges(store: KvStore, revision: number): Change[] {
  const span = newSpan();
  const changes: Change[] = [];
  for (let sub = 0; ; sub += 1) {
    const kind = store.readChange(revision, sub, span);
    if (kind === null) return changes;
    const kv = decodeKeyValue(span.bytes, span.start, span.end);
    changes.push({ key: text(kv.key), value: kind === "put" ? text(kv.value) : null });
  }
}

function show(write: Write): string {
  return JSON.stringify({ puts: write.puts, deletes: write.deletes });
}
