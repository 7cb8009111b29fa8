/** The benchmark as a long suite: `npm run long -- bench`. */
import { runShort, SHORT_ROUNDS } from "./short.ts";

/** Runs the short comparison; a row that got worse, or a wrong answer, is a failure. */
export function run(options: {
  readonly seed: number;
  readonly size: "ci" | "full";
}): Promise<{ readonly passed: number; readonly failed: number }> {
  const rounds = options.size === "ci" ? SHORT_ROUNDS : SHORT_ROUNDS * 3;
  return runShort({ rounds, seed: (options.seed % 1000) + 1, isRecording: false });
}
