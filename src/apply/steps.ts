/** Work in steps of well below a millisecond: between two of them others may have their turn. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Keys or leaves that one step looks at. */
export const STEP_KEYS = 1000;

/** Does all steps at once. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
