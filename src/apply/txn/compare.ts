import { newSpan } from "../../base/span.ts";
import { compareBytes } from "../../base/text.ts";
import type { KvStore } from "../../mvcc/store/store.ts";
import { type KeyState, newKeyState } from "../../mvcc/types.ts";
import type { Compare } from "../../proto/gen/etcdserverpb.ts";
import { leaseOf, valueOf } from "../range/key-value.ts";
import { keyRangeOf } from "../range/range-reader.ts";
import { finish, STEP_KEYS, type Steps } from "../steps.ts";
import { Pace } from "./long/pace.ts";

const Result = { equal: 0, greater: 1, less: 2, notEqual: 3 } as const;
const Target = { version: 0, create: 1, mod: 2, value: 3, lease: 4 } as const;
const NO_BYTES = new Uint8Array(0);

/** Evaluates the compares of transactions on the published state (semantics.md TXN6 to TXN9). */
export class Comparer {
  readonly #store: KvStore;
  readonly #state = newKeyState();
  readonly #span = newSpan();
  readonly #pace = new Pace();

  constructor(store: KvStore) {
    this.#store = store;
  }

  /** True when every compare holds; an empty list does. */
  holdAll(compares: readonly Compare[]): boolean {
    return finish(this.holdAllInSteps(compares, this.#store.currentRevision));
  }

  /** The same at `revision`, which stays readable meanwhile. */
  *holdAllInSteps(compares: readonly Compare[], revision: number): Steps<boolean> {
    for (const compare of compares) {
      const holds =
        compare.rangeEnd.length === 0
          ? this.#holdsForKey(compare, revision)
          : yield* this.#holdsForRange(compare, revision);
      if (!holds) return false;
      if (compare.rangeEnd.length > 0 || this.#pace.isDue()) yield;
    }
    return true;
  }

  #holdsForKey(compare: Compare, revision: number): boolean {
    const found = this.#store.find(newSpan(compare.key), revision, this.#state);
    return found ? this.#holdsFor(compare, this.#state) : holdsForNothing(compare);
  }

  *#holdsForRange(compare: Compare, revision: number): Steps<boolean> {
    const cursor = this.#store.newCursor();
    cursor.open(keyRangeOf(compare), revision);
    cursor.skipsLeft = STEP_KEYS;
    let seen = 0;
    for (;;) {
      if (cursor.next()) {
        seen += 1;
        if (!this.#holdsFor(compare, cursor)) return false;
        if (seen % STEP_KEYS !== 0) continue;
      } else if (!cursor.isPaused) return seen > 0 || holdsForNothing(compare);
      yield;
      cursor.skipsLeft = STEP_KEYS;
    }
  }

  #holdsFor(compare: Compare, state: KeyState): boolean {
    switch (compare.target) {
      case Target.version:
        return holds(compare.result, state.version - numberOf(compare, "version"));
      case Target.create:
        return holds(compare.result, state.createRevision - numberOf(compare, "createRevision"));
      case Target.mod:
        return holds(compare.result, state.modRevision - numberOf(compare, "modRevision"));
      case Target.value:
        return holds(compare.result, this.#compareValue(compare, state));
      case Target.lease:
        return holds(compare.result, this.#compareLease(compare, state));
      default:
        // Unknown targets compare as equal (TXN8).
        return holds(compare.result, 0);
    }
  }

  #compareValue(compare: Compare, state: KeyState): number {
    this.#store.readKeyValue(state, this.#span);
    const { bytes, start, end } = valueOf(this.#span);
    return compareBytes(bytes.subarray(start, end), valueOperand(compare));
  }

  #compareLease(compare: Compare, state: KeyState): number {
    const wanted = leaseOperand(compare);
    if (!state.hasLease) return order(0n, wanted);
    this.#store.readKeyValue(state, this.#span);
    return order(leaseOf(this.#span), wanted);
  }
}

/** No key in the range: numbers compare as 0, a value never matches (TXN6). */
function holdsForNothing(compare: Compare): boolean {
  switch (compare.target) {
    case Target.version:
      return holds(compare.result, 0 - numberOf(compare, "version"));
    case Target.create:
      return holds(compare.result, 0 - numberOf(compare, "createRevision"));
    case Target.mod:
      return holds(compare.result, 0 - numberOf(compare, "modRevision"));
    case Target.value:
      return false;
    case Target.lease:
      return holds(compare.result, order(0n, leaseOperand(compare)));
    default:
      return holds(compare.result, 0);
  }
}

/** A missing or other member of the union counts as 0 (TXN8). */
function numberOf(compare: Compare, name: "version" | "createRevision" | "modRevision"): number {
  return compare.targetUnion?.case === name ? compare.targetUnion.value : 0;
}

function valueOperand(compare: Compare): Uint8Array {
  return compare.targetUnion?.case === "value" ? compare.targetUnion.value : NO_BYTES;
}

function leaseOperand(compare: Compare): bigint {
  return compare.targetUnion?.case === "lease" ? compare.targetUnion.value : 0n;
}

function order(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Unknown results always hold (TXN8). */
function holds(result: number, difference: number): boolean {
  switch (result) {
    case Result.equal:
      return difference === 0;
    case Result.greater:
      return difference > 0;
    case Result.less:
      return difference < 0;
    case Result.notEqual:
      return difference !== 0;
    default:
      return true;
  }
}
