import type { Call } from "./call.ts";

/** Places at first; ids of one side rise by two, so neighbours never meet. */
const placesFirst = 16;
/** Places at most; calls beyond, and those outlived by a turn around the array, live in a map. */
const placesMost = 4096;

/**
 * The live calls of one connection by stream id: a look-up is one array read, because the place of
 * a stream is some bits of its id.
 *
 * Invariant: a call is in its place or in `#elsewhere`, never in both.
 */
export class StreamIndex {
  #places: (Call | null)[] = new Array<Call | null>(placesFirst).fill(null);
  #mask = placesFirst - 1;
  readonly #elsewhere = new Map<number, Call>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(streamId: number): Call | null {
    const call = this.#places[(streamId >>> 1) & this.#mask] as Call | null;
    if (call !== null && call.streamId === streamId) return call;
    return this.#elsewhere.size === 0 ? null : (this.#elsewhere.get(streamId) ?? null);
  }

  /** Adds a call under its `streamId`, which must not be in the index. */
  add(call: Call): void {
    if (++this.#size > this.#mask && this.#mask + 1 < placesMost) this.#grow();
    this.#put(call);
  }

  /** Removes a call that is in the index; its `streamId` has not changed. */
  remove(call: Call): void {
    const place = (call.streamId >>> 1) & this.#mask;
    if (this.#places[place] === call) this.#places[place] = null;
    else this.#elsewhere.delete(call.streamId);
    this.#size--;
  }

  /** All calls, in an array of its own. */
  all(): Call[] {
    const found = [...this.#elsewhere.values()];
    for (const call of this.#places) if (call !== null) found.push(call);
    return found;
  }

  #put(call: Call): void {
    const place = (call.streamId >>> 1) & this.#mask;
    const settled = this.#places[place] as Call | null;
    // The newer call is the likelier to be asked for soon.
    if (settled !== null) this.#elsewhere.set(settled.streamId, settled);
    this.#places[place] = call;
  }

  #grow(): void {
    const calls = this.all();
    const size = 4 * (this.#mask + 1);
    this.#mask = size - 1;
    this.#places = new Array<Call | null>(size).fill(null);
    this.#elsewhere.clear();
    for (const call of calls) this.#put(call);
  }
}
