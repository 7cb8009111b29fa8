/** More changes than this share of the word is another word. */
const CHANGES_SHARE_MAX = 0.4;

/** Fewest insertions, deletions, replacements and swaps of neighbours from `a` to `b`. */
export function editDistance(a: string, b: string): number {
  const width = b.length + 1;
  const cost = new Uint32Array((a.length + 1) * width);
  for (let i = 0; i <= a.length; i += 1) cost[i * width] = i;
  for (let j = 0; j <= b.length; j += 1) cost[j] = j;
  for (let i = 1; i <= a.length; i += 1) {
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(
        cost[(i - 1) * width + j]! + 1,
        cost[i * width + j - 1]! + 1,
        cost[(i - 1) * width + j - 1]! + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, cost[(i - 2) * width + j - 2]! + 1);
      }
      cost[i * width + j] = best;
    }
  }
  return cost[a.length * width + b.length]!;
}

/** The name that a misspelt one most likely means, undefined when none is near. */
export function nearest(given: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = Math.floor(given.length * CHANGES_SHARE_MAX) + 1;
  for (const name of names) {
    const changes = editDistance(given, name);
    if (changes >= fewest) continue;
    fewest = changes;
    best = name;
  }
  return best;
}
