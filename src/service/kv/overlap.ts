import { bytesToKeyText } from "../../base/text.ts";
import type { RequestOp } from "../../proto/gen/etcdserverpb.ts";

/** Up to so many puts are compared pair by pair: 28 comparisons cost less than the set of them. */
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

  addAll(other: DeletedKeys): void {
    other.#from.forEach((from, at) => this.add(from, other.#to[at]!));
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
  readonly puts: Set<string>;
  readonly deletes: DeletedKeys;
}

/**
 * True when two operations of one branch could change the same key in a way etcd refuses: two puts
 * of a key, or a put inside a deleted range (semantics.md TXN11 to TXN15, asymmetries included).
 */
export function hasOverlap(ops: readonly RequestOp[]): boolean {
  return fewPutsOverlap(ops) ?? touchedKeys(ops) === null;
}

/**
 * The answer for a list of few operations that are all puts, the common transaction, without
 * strings and sets; undefined for others.
 */
function fewPutsOverlap(ops: readonly RequestOp[]): boolean | undefined {
  if (ops.length > FEW_OPS) return undefined;
  let overlaps = false;
  for (let at = 0; at < ops.length; at += 1) {
    const { request } = ops[at]!;
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
function touchedKeys(ops: readonly RequestOp[]): Touched | null {
  const touched: Touched = { puts: new Set(), deletes: new DeletedKeys() };
  for (const { request } of ops) {
    if (request?.case !== "requestDeleteRange") continue;
    const key = bytesToKeyText(request.value.key);
    const { rangeEnd } = request.value;
    touched.deletes.add(key, rangeEnd.length === 0 ? `${key}\0` : bytesToKeyText(rangeEnd));
  }
  for (const { request } of ops) {
    if (request?.case !== "requestTxn") continue;
    const then = touchedKeys(request.value.success);
    const otherwise = touchedKeys(request.value.failure);
    if (then === null || otherwise === null) return null;
    if (!mergeNested(touched, then, otherwise)) return null;
  }
  for (const { request } of ops) {
    if (request?.case !== "requestPut") continue;
    if (!addPut(touched, bytesToKeyText(request.value.key))) return null;
  }
  return touched;
}

/** The two branches of one nested txn exclude each other, so they may put the same key. */
function mergeNested(touched: Touched, then: Touched, otherwise: Touched): boolean {
  for (const key of then.puts) {
    if (!addPut(touched, key)) return false;
  }
  for (const key of otherwise.puts) {
    if (touched.puts.has(key) && !then.puts.has(key)) return false;
    if (touched.deletes.has(key)) return false;
    touched.puts.add(key);
  }
  touched.deletes.addAll(then.deletes);
  touched.deletes.addAll(otherwise.deletes);
  return true;
}

function addPut(touched: Touched, key: string): boolean {
  if (touched.puts.has(key) || touched.deletes.has(key)) return false;
  touched.puts.add(key);
  return true;
}
