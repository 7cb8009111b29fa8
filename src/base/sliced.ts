/** Work that pauses now and then, by `yield`, for whoever must not hold the event loop. */
export type Sliced<T> = Generator<undefined, T, undefined>;

/** Does sliced work in one go, and returns what it comes to. Throws what it throws. */
export function inOneGo<T>(work: Sliced<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}
