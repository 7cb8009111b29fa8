import { bytesToKeyText } from "../../base/text.ts";
import { finish, type Steps } from "../../apply/steps.ts";
import { LongTxn } from "../../apply/txn/long/long-txn.ts";
import { Pace } from "../../apply/txn/long/pace.ts";
import type { RequestOp } from "../../proto/gen/etcdserverpb.ts";

/** So many operations are compared pair by pair: 28 comparisons cost less than the set of them. */
const FEW_OPS = 8;

/** Deleted keys of an operation list as disjoint intervals [from, to), sorted. */
class DeletedKeys {
  readonly #from: string[] = [];
  readonly #to: string[] = [];

  add(from: string, to: string): void {
    // A range_end of `\0` means "all keys from here" when it runs, but etcd's check takes it
    // literally, as an empty interval (TXN15).
    if (from >= to) return;
    const low = this.#firstEndingAt(from);
    let high = low;
    let start = from;
    let end = to;
    while (high < this.#from.length && this.#from[high]! <= end) {
      if (this.#from[high]! < start) start = this.#from[high]!;
      if (this.#to[high]! > end) end = this.#to[high]!;
      high += 1;
    }
    this.#from.splice(low, high - low, start);
    this.#to.splice(low, high - low, end);
  }

  get size(): number {
    return this.#from.length;
  }

  /** What this or `other` has: merged in one pass, as nested txns may delete very much. */
  *joined(other: DeletedKeys, pace: Pace): Steps<DeletedKeys> {
    if (other.size === 0) return this;
    if (this.size === 0) return other;
    const all = new DeletedKeys();
    for (let own = 0, at = 0; own < this.size || at < other.size;) {
      const takesOwn =
        at === other.size || (own < this.size && this.#from[own]! <= other.#from[at]!);
      if (takesOwn) all.#append(this.#from[own]!, this.#to[own]!);
      else all.#append(other.#from[at]!, other.#to[at]!);
      if (takesOwn) own += 1;
      else at += 1;
      if (pace.isDue()) yield;
    }
    return all;
  }

  /** Adds an interval that begins with the last one or behind that. */
  #append(from: string, to: string): void {
    const last = this.#to.length - 1;
    if (last < 0 || this.#to[last]! < from) {
      this.#from.push(from);
      this.#to.push(to);
    } else if (this.#to[last]! < to) this.#to[last] = to;
  }

  has(key: string): boolean {
    const at = this.#firstEndingAt(key);
    if (at >= this.#from.length) return false;
    if (this.#to[at] === key) return at + 1 < this.#from.length && this.#from[at + 1]! <= key;
    return this.#from[at]! <= key;
  }

  /** Place of the first interval whose end is not below `key`. */
  #firstEndingAt(key: string): number {
    let low = 0;
    let high = this.#to.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#to[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

interface Touched {
  puts: Set<string>;
  deletes: DeletedKeys;
}

/**
 * True when two operations of one branch could change the same key in a way etcd refuses: two puts
 * of a key, or a put inside a deleted range (semantics.md TXN11 to TXN15, asymmetries included).
 */
export function hasOverlap(ops: readonly RequestOp[]): boolean {
  return fewPutsOverlap(ops) ?? finish(touchedKeys(ops, new Pace())) === null;
}

/** The same in steps; long transactions among them are opened as it goes. */
export function* hasOverlapInSteps(ops: readonly RequestOp[], pace: Pace): Steps<boolean> {
  return (yield* touchedKeys(ops, pace)) === null;
}

/**
 * The answer for a list of few operations that only put and read, the common transaction, without
 * strings and sets; undefined for others.
 */
function fewPutsOverlap(ops: readonly RequestOp[]): boolean | undefined {
  if (ops.length > FEW_OPS) return undefined;
  let overlaps = false;
  for (let at = 0; at < ops.length; at += 1) {
    const { request } = ops[at]!;
    if (request?.case === "requestRange") continue;
    if (request?.case !== "requestPut") return undefined;
    for (let before = 0; before < at && !overlaps; before += 1) {
      const other = ops[before]!.request;
      overlaps = other?.case === "requestPut" && sameBytes(other.value.key, request.value.key);
    }
  }
  return overlaps;
}

/** Compared from their ends, where keys that share a prefix differ. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = a.length - 1; at >= 0; at -= 1) if (a[at] !== b[at]) return false;
  return true;
}

/**
 * Null at an overlap. Deletes of the level come first, then nested txns in order, then its puts.
 */
function* touchedKeys(ops: readonly RequestOp[], pace: Pace): Steps<Touched | null> {
  const touched: Touched = { puts: new Set(), deletes: new DeletedKeys() };
  for (const { request } of ops) {
    if (request?.case !== "requestDeleteRange") continue;
    const key = bytesToKeyText(request.value.key);
    const { rangeEnd } = request.value;
    touched.deletes.add(key, rangeEnd.length === 0 ? `${key}\0` : bytesToKeyText(rangeEnd));
    if (pace.isDue()) yield;
  }
  for (const { request } of ops) {
    if (request?.case !== "requestTxn") continue;
    const nested = request.value;
    const long = nested instanceof LongTxn ? nested : null;
    if (long !== null) yield* long.open();
    const then = yield* touchedKeys(nested.success, pace);
    const otherwise = then === null ? null : yield* touchedKeys(nested.failure, pace);
    long?.close();
    if (then === null || otherwise === null) return null;
    if (!(yield* mergeNested(touched, then, otherwise, pace))) return null;
    if (pace.isDue()) yield;
  }
  for (const { request } of ops) {
    if (request?.case !== "requestPut") continue;
    if (!addPut(touched, bytesToKeyText(request.value.key))) return null;
    if (pace.isDue()) yield;
  }
  return touched;
}

/**
 * The two branches of one nested txn exclude each other, so they may put the same key. Always the
 * smaller set goes into the larger one: a key may come from many levels below.
 */
function* mergeNested(
  touched: Touched,
  then: Touched,
  otherwise: Touched,
  pace: Pace,
): Steps<boolean> {
  const [nested, fewer] =
    then.puts.size >= otherwise.puts.size
      ? [then.puts, otherwise.puts]
      : [otherwise.puts, then.puts];
  for (const key of fewer) {
    nested.add(key);
    if (pace.isDue()) yield;
  }
  if (touched.deletes.size > 0) {
    for (const key of nested) {
      if (touched.deletes.has(key)) return false;
      if (pace.isDue()) yield;
    }
  }
  const [large, small] =
    touched.puts.size >= nested.size ? [touched.puts, nested] : [nested, touched.puts];
  for (const key of small) {
    if (large.has(key)) return false;
    large.add(key);
    if (pace.isDue()) yield;
  }
  touched.puts = large;
  touched.deletes = yield* touched.deletes.joined(then.deletes, pace);
  touched.deletes = yield* touched.deletes.joined(otherwise.deletes, pace);
  return true;
}

function addPut(touched: Touched, key: string): boolean {
  if (touched.puts.has(key) || touched.deletes.has(key)) return false;
  touched.puts.add(key);
  return true;
}
