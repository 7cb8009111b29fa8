import { copyOfSpan, newSpan } from "../../../src/base/span.ts";
import type { KvStore } from "../../../src/mvcc/store/store.ts";
import { decodeKeyValue } from "../../../src/proto/gen/mvccpb.ts";
import { Model, type Request, type StoredChange } from "./model.ts";

/** Problems told of one crash; the first ones say enough. */
const PROBLEMS_MAX = 5;
/** The range of all keys begins and ends with it (RNG3). */
const ZERO = new Uint8Array(1);

const decoder = new TextDecoder();

/** What a look at a restarted store found. */
export interface Verdict {
  readonly problems: readonly string[];
  /** Requests that nobody had acknowledged and that were found, by revision. */
  readonly found: ReadonlyMap<number, Request>;
}

/**
 * What clients asked for and what was acknowledged, over all lives of one member. A restarted
 * store must hold a prefix of it: everything acknowledged at its revision, then some of what was
 * under way, each request whole and once, nothing else; and the hash must be a model's.
 */
export class Ledger {
  /** Acknowledged or found after a crash, by revision. */
  readonly #known = new Map<number, Request>();
  /** Without an answer in this life. */
  readonly #pending = new Set<Request>();
  /** How many are under way by revision: one may be refused because of another. */
  readonly #pendingCompactions = new Map<number, number>();
  /** A compaction at this revision was acknowledged. */
  #compacted = -1;
  #lastAcknowledged = 1;
  acknowledged = 0;

  /** The newest revision that must be there. */
  get lastRevision(): number {
    return this.#lastAcknowledged;
  }

  /** As it is now, for a world that goes its own way from here. */
  clone(): Ledger {
    const copy = new Ledger();
    for (const [revision, request] of this.#known) copy.#known.set(revision, request);
    for (const request of this.#pending) copy.#pending.add(request);
    for (const [revision, count] of this.#pendingCompactions) {
      copy.#pendingCompactions.set(revision, count);
    }
    copy.#compacted = this.#compacted;
    copy.#lastAcknowledged = this.#lastAcknowledged;
    copy.acknowledged = this.acknowledged;
    return copy;
  }

  asked(request: Request): void {
    this.#pending.add(request);
  }

  /** `revision`: 0 when the request had no effect. */
  answered(request: Request, revision: number): void {
    this.acknowledged += 1;
    this.#pending.delete(request);
    if (revision === 0) return;
    this.#known.set(revision, request);
    this.#lastAcknowledged = Math.max(this.#lastAcknowledged, revision);
  }

  askedCompaction(revision: number): void {
    this.#pendingCompactions.set(revision, (this.#pendingCompactions.get(revision) ?? 0) + 1);
  }

  answeredCompaction(revision: number, isDone: boolean): void {
    const left = this.#pendingCompactions.get(revision)! - 1;
    if (left > 0) this.#pendingCompactions.set(revision, left);
    else this.#pendingCompactions.delete(revision);
    if (isDone) this.#compacted = Math.max(this.#compacted, revision);
  }

  /**
   * Compares a store after a restart with what must and may be in it. Changes nothing. `atLeast`:
   * the newest revision that must be there.
   */
  check(store: KvStore, atLeast = this.#lastAcknowledged): Verdict {
    const { currentRevision: last, compactRevision: compacted } = store;
    const problems: string[] = [];
    const found = new Map<number, Request>();
    if (last < atLeast) {
      problems.push(`revision ${atLeast} was acknowledged, the last is ${last}`);
    }
    const isKnown = compacted === this.#compacted || this.#pendingCompactions.has(compacted);
    if (compacted < this.#compacted || !isKnown) {
      problems.push(`compacted at ${compacted}, acknowledged was ${this.#compacted}`);
    }
    const model = this.#replay(store, found, problems);
    if (problems.length === 0) problems.push(...compare(store, model));
    return { problems: problems.slice(0, PROBLEMS_MAX), found };
  }

  /** A life begins with what was found: what was under way and is not there must never come. */
  adopt(store: KvStore, { found }: Verdict): void {
    for (const [revision, request] of found) this.#known.set(revision, request);
    this.#lastAcknowledged = store.currentRevision;
    this.#compacted = store.compactRevision;
    this.#pending.clear();
    this.#pendingCompactions.clear();
  }

  #replay(store: KvStore, found: Map<number, Request>, problems: string[]): Model {
    const model = new Model();
    const pending = new Set(this.#pending);
    for (let revision = 2; revision <= store.currentRevision; revision += 1) {
      let request = this.#known.get(revision);
      if (request === undefined) {
        request = matching(model, pending, readChanges(store, revision));
        if (request === undefined) {
          const shown = JSON.stringify(readChanges(store, revision).map(({ key }) => key));
          problems.push(`revision ${revision} changes ${shown}, which nobody asked for`);
          return model;
        }
        pending.delete(request);
        found.set(revision, request);
      }
      if (!model.apply(request)) {
        problems.push(`revision ${revision}: ${JSON.stringify(request)} has nothing to delete`);
        return model;
      }
    }
    return model;
  }
}

/** The request under way that does just this; undefined when none does. */
function matching(
  model: Model,
  pending: ReadonlySet<Request>,
  changes: readonly StoredChange[],
): Request | undefined {
  const shown = JSON.stringify(changes.map(({ key, value }) => ({ key, value })));
  for (const request of pending) {
    const effect = model.effectOf(request).map(({ key, value }) => ({ key, value }));
    if (effect.length > 0 && JSON.stringify(effect) === shown) return request;
  }
  return undefined;
}

/** Every change behind the compaction, every key that is there, and the hash. */
function compare(store: KvStore, model: Model): string[] {
  const problems: string[] = [];
  const { currentRevision: last, compactRevision: compacted } = store;
  for (let revision = Math.max(2, compacted + 1); revision <= last; revision += 1) {
    const stored = readChanges(store, revision);
    const wanted = model.changes[revision]!;
    if (stored.length === wanted.length && stored.every((each, at) => isSame(each, wanted[at]!))) {
      continue;
    }
    const keys = stored.map(({ key }) => key).join();
    problems.push(
      `revision ${revision} has ${keys}, wanted ${wanted.map(({ key }) => key).join()}`,
    );
  }
  const live = liveKeys(store, last);
  const wanted = [...model.live].map(([key, { modRevision }]) => `${key}@${modRevision}`);
  if (live !== wanted.toSorted().join()) {
    problems.push(`keys are ${live}, wanted ${wanted.toSorted().join()}`);
  }
  if (store.keyCount !== model.live.size) problems.push(`${store.keyCount} keys are counted`);
  for (const at of [last, Math.max(1, compacted, last - 7)]) {
    const hash = hashOf(store, at);
    const right = model.hash(at, compacted);
    if (hash !== right) problems.push(`HashKV at ${at} (${compacted}) is ${hash}, wanted ${right}`);
  }
  return problems;
}

function isSame(a: StoredChange, b: StoredChange): boolean {
  const isEqual = Buffer.compare(a.bytes, b.bytes) === 0;
  return isEqual && (a.value === null) === (b.value === null);
}

function hashOf(store: KvStore, revision: number): number {
  const job = store.newHash(revision, 0);
  while (!job.step(1_000_000, 0));
  return job.hash;
}

function liveKeys(store: KvStore, revision: number): string {
  const cursor = store.newCursor();
  cursor.open({ key: newSpan(ZERO), end: newSpan(ZERO) }, revision);
  const span = newSpan();
  const keys: string[] = [];
  while (cursor.next()) {
    cursor.readKey(span);
    const key = decoder.decode(span.bytes.subarray(span.start, span.end));
    keys.push(`${key}@${cursor.modRevision}`);
  }
  return keys.toSorted().join();
}

function readChanges(store: KvStore, main: number): StoredChange[] {
  const span = newSpan();
  const changes: StoredChange[] = [];
  for (let sub = 0; ; sub += 1) {
    const kind = store.readChange(main, sub, span);
    if (kind === null) return changes;
    const bytes = copyOfSpan(span);
    const kv = decodeKeyValue(bytes, 0, bytes.length);
    const value = kind === "put" ? decoder.decode(kv.value) : null;
    changes.push({ main, sub, key: decoder.decode(kv.key), value, bytes });
  }
}
