/** Small pieces of work (a field read, an operation checked) that make a step: some 0.1 ms. */
const PIECES_PER_STEP = 512;

/** Tells work that consists of many small pieces when to let others have their turn. */
export class Pace {
  #done = 0;

  /** To be asked once for each piece: true when a step is full. */
  isDue(): boolean {
    this.#done += 1;
    return this.#done % PIECES_PER_STEP === 0;
  }
}
