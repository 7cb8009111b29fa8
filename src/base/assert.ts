/** A broken invariant: a bug of ours, never a consequence of input. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/**
 * Stops the program at a broken invariant, in production too (design: programmer errors crash).
 * @throws AssertionError when `condition` is false.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Marks a place that no value can reach. @throws AssertionError always. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`);
}
