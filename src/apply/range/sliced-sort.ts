/**
 * Sorts numbers, those from 0 to count - 1 or given ones, by `compare`, in steps that may be short:
 * a stable merge sort, bottom up, with two arrays of 4 bytes an element. Sorting a million entries
 * at once would stop everything else for a second.
 */
export class SlicedSort {
  readonly #compare: (x: number, y: number) => number;
  #from: Uint32Array;
  #to: Uint32Array;
  /** Length of the sorted runs in #from. */
  #width = 1;
  /** The two runs being merged: [#left, #middle) and [#right, #end) are what is left of them. */
  #left = 0;
  #middle = 0;
  #right = 0;
  #end = 0;
  #at = 0;

  /**
   * `numbers`: how many from 0 on, or those themselves, which then are the sort's. `compare` as for
   * Array.sort, of two of the numbers; it must not change while this sorts.
   */
  constructor(numbers: number | Uint32Array, compare: (x: number, y: number) => number) {
    this.#compare = compare;
    this.#from = typeof numbers === "number" ? countUp(numbers) : numbers;
    this.#to = new Uint32Array(this.#from.length);
    this.#openRuns(0);
  }

  /** The numbers in order, once `step` returned true. */
  get order(): Uint32Array {
    return this.#from;
  }

  /** Moves up to `movesMax` elements, each with one comparison at most; true when all is sorted. */
  step(movesMax: number): boolean {
    const count = this.#from.length;
    let moves = 0;
    while (this.#width < count) {
      while (this.#at < this.#end) {
        if (moves >= movesMax) return false;
        this.#moveOne();
        moves += 1;
      }
      if (this.#end < count) this.#openRuns(this.#end);
      else this.#nextPass();
    }
    return true;
  }

  #moveOne(): void {
    const from = this.#from;
    const isLeft =
      this.#right === this.#end ||
      (this.#left < this.#middle && this.#compare(from[this.#left]!, from[this.#right]!) <= 0);
    this.#to[this.#at] = isLeft ? from[this.#left]! : from[this.#right]!;
    if (isLeft) this.#left += 1;
    else this.#right += 1;
    this.#at += 1;
  }

  #nextPass(): void {
    const sorted = this.#to;
    this.#to = this.#from;
    this.#from = sorted;
    this.#width *= 2;
    this.#openRuns(0);
  }

  #openRuns(start: number): void {
    const count = this.#from.length;
    this.#at = start;
    this.#left = start;
    this.#middle = Math.min(start + this.#width, count);
    this.#right = this.#middle;
    this.#end = Math.min(start + 2 * this.#width, count);
  }
}

function countUp(count: number): Uint32Array {
  const numbers = new Uint32Array(count);
  for (let i = 0; i < count; i += 1) numbers[i] = i;
  return numbers;
}
