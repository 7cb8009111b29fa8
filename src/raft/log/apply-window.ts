/**
 * How far applying got, and how much may be under way (raft.md B31). `applying` is the last index
 * handed out, `applied` the last acknowledged one.
 */
export class ApplyWindow {
  applied: number;
  applying: number;
  /** Encoded bytes that may be handed out and not acknowledged, softly. */
  readonly bytesMax: number;
  #bytes = 0;
  #isPaused = false;

  constructor(applied: number, bytesMax: number) {
    this.applied = applied;
    this.applying = applied;
    this.bytesMax = bytesMax;
  }

  /** True: nothing is handed out until something is acknowledged. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Encoded bytes that fit. */
  get room(): number {
    return this.bytesMax - this.#bytes;
  }

  /** Entries up to `index` were handed out; `isCut` when there were more than fitted. */
  accept(index: number, bytes: number, isCut: boolean): void {
    this.applying = index;
    this.#bytes += bytes;
    this.#isPaused = this.#bytes >= this.bytesMax || isCut;
  }

  /** Entries up to `index` are applied, by hand-out or by a snapshot. */
  appliedTo(index: number, bytes: number): void {
    this.applied = index;
    if (this.applying < index) this.applying = index;
    this.#bytes = Math.max(this.#bytes - bytes, 0);
    this.#isPaused = this.#bytes >= this.bytesMax;
  }
}
