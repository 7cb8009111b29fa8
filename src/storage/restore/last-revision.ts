import type { BackendReader } from "../backend/backend.ts";

/**
 * Main of the newest revision of the `key` bucket; 0 when it is empty. By halving, since the bucket
 * can only be walked upward and may have a hundred million changes.
 */
export function lastMain(reader: BackendReader): number {
  const changes = reader.changes();
  const from = (main: number): number | null => {
    changes.seek(main, 0);
    return changes.next() ? changes.main : null;
  };
  let last = from(0);
  if (last === null) return 0;
  // Nothing is at `end` or above it; something is at `last`.
  let end = Number.MAX_SAFE_INTEGER;
  for (let step = 1; last + step < end; step *= 2) {
    const next = from(last + step);
    if (next === null) end = last + step;
    else last = next;
  }
  while (last + 1 < end) {
    const middle = last + Math.ceil((end - last) / 2);
    const next = from(middle);
    if (next === null) end = middle;
    else last = next;
  }
  return last;
}
