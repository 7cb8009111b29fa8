import { assert } from "../../base/assert.ts";
import type { KvStore, KvStoreOptions } from "./store.ts";

/** Opens the key space in `options.backend`, rebuilding the index from its `key` bucket. */
export function openStore(options: KvStoreOptions): KvStore {
  assert(options === undefined, "to be implemented within the hour");
  return undefined as never;
}
