import { Prng } from "../../../base/prng.ts";
import { copyOfSpan, newSpan } from "../../../base/span.ts";
import type { BackendReader } from "../backend.ts";
import type { BoltBackend } from "../bolt/bolt-backend.ts";

/** What a backend holds, as text. */
export function contentOf(backend: BackendReader): string {
  const found: string[] = [];
  for (const bucket of ["lease", "meta"] as const) {
    const cursor = backend.cursor(bucket);
    while (cursor.next()) {
      const value = Buffer.from(copyOfSpan(cursor.value)).toString("base64");
      found.push(`${bucket} ${Buffer.from(copyOfSpan(cursor.key)).toString()} ${value}`);
    }
  }
  const changes = backend.changes();
  while (changes.next()) {
    const value = Buffer.from(copyOfSpan(changes.value)).toString("base64");
    found.push(`${changes.main}.${changes.sub} ${changes.isTombstone} ${value}`);
  }
  return found.join("\n");
}

/** Random writes with a seed, and what was there after each commit. */
export class RandomWriter {
  readonly #prng: Prng;
  /** By batch number, what was there at its commit. */
  readonly states = new Map<number, string>();
  #main = 1;
  #first = 2;

  constructor(seed: number) {
    this.#prng = new Prng(seed);
  }

  /** Up to `opsMax` writes and a commit; returns its number. */
  batch(backend: BoltBackend, opsMax = 200): number {
    const prng = this.#prng;
    for (let i = prng.below(opsMax); i > 0; i -= 1) this.#write(backend, prng);
    const number = backend.commit();
    this.states.set(number, contentOf(backend));
    return number;
  }

  #write(backend: BoltBackend, prng: Prng): void {
    const key = Buffer.from(`key ${prng.below(500)}`);
    const dice = prng.below(10);
    if (dice < 2) backend.put("lease", key, new Uint8Array(prng.below(100)));
    else if (dice < 3) backend.delete("lease", key);
    else if (dice < 4) backend.put("meta", Buffer.from("consistent_index"), key);
    else if (dice < 7 || this.#main < 50) this.#append(backend, prng);
    // As compaction does: from the front, with some left over.
    else if (this.#first < this.#main) backend.deleteChange((this.#first += 1 + prng.below(2)), 0);
  }

  #append(backend: BoltBackend, prng: Prng): void {
    const out = newSpan();
    const bytes = prng.below(50) === 0 ? prng.below(20_000) : prng.below(400);
    const isTombstone = prng.below(6) === 0;
    backend.appendChange({ main: (this.#main += 1), sub: 0, isTombstone }, bytes, out);
    out.bytes.fill(prng.below(256), out.start, out.end);
  }
}
