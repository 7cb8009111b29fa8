import type { Prng } from "../../src/base/prng.ts";
import { type Client, ops } from "../../src/client/index.ts";

/** What random writes look like. */
export interface WriteMix {
  /** Keys are `key 0` and so on below it; a transaction adds a letter. */
  readonly keys: number;
  readonly largeValueBytes: number;
  /** One value in so many is large, the others are below 300 bytes. */
  readonly largeOneIn: number;
  /** Writes under way at once. */
  readonly atOnce: number;
}

/** Does `count` random writes, rounded up to whole batches of `atOnce`. */
export async function writeAtRandom(
  client: Client,
  prng: Prng,
  count: number,
  mix: WriteMix,
): Promise<void> {
  for (let done = 0; done < count; done += mix.atOnce) {
    await Promise.all(Array.from({ length: mix.atOnce }, () => randomWrite(client, prng, mix)));
  }
}

/** A put mostly; else a deletion of a key or of some, or a transaction. */
async function randomWrite(client: Client, prng: Prng, mix: WriteMix): Promise<void> {
  const key = `key ${prng.below(mix.keys)}`;
  const bytes = prng.below(mix.largeOneIn) === 0 ? mix.largeValueBytes : prng.below(300);
  const value = Buffer.alloc(bytes, prng.below(256));
  switch (prng.below(12)) {
    case 0:
      await client.kv.delete(key);
      return;
    case 1:
      await client.kv.delete(key, { rangeEnd: `${key}9` });
      return;
    case 2:
      await client.kv
        .txn()
        .then(ops.put(`${key} a`, value), ops.put(`${key} b`, ""), ops.delete(key))
        .commit();
      return;
    default:
      await client.kv.put(key, value);
  }
}
