import { assert } from "../../base/assert.ts";
import type { Backend, BackendReader } from "../backend/backend.ts";
import { numberBytes, numberOf, readEntry, writeEntry } from "./entry.ts";
import type { Place } from "./error.ts";

const INDEX: Place = { bucket: "meta", key: "consistent_index" };
const TERM: Place = { bucket: "meta", key: "term" };

/** How far the log's entries have had their effect on the database. */
export interface ConsistentIndex {
  /** Of the last entry that has (inclusive); 0 when none was recorded. */
  readonly index: number;
  /** Its raft term; 0 when not recorded, as by etcd before 3.5. */
  readonly term: number;
}

/**
 * Reads both from `meta` (formats-disk.md 3 and 9). A term without an index belongs to nothing and
 * reads as 0, as in etcd.
 * @throws SchemaError when a value is not 8 bytes or not below 2^53.
 */
export function readConsistentIndex(reader: BackendReader): ConsistentIndex {
  const index = readEntry(reader, INDEX);
  const term = readEntry(reader, TERM);
  const termNumber = term === null ? 0 : numberOf(TERM, term);
  if (index === null) return { index: 0, term: 0 };
  return { index: numberOf(INDEX, index), term: termNumber };
}

/**
 * Puts both into the open batch, to be committed with the effects of the entries up to `index`
 * (storage.md 8, C1). Index 0 is never written, and then nothing is; a term only when above 0. May
 * go down, as a restore does; that it never does otherwise is the caller's part.
 * @throws AssertionError unless both are integers in [0, 2^53).
 */
export function writeConsistentIndex(backend: Backend, { index, term }: ConsistentIndex): void {
  assert(Number.isSafeInteger(index) && index >= 0, "schema: not an index");
  assert(Number.isSafeInteger(term) && term >= 0, "schema: not a term");
  if (index === 0) return;
  writeEntry(backend, INDEX, numberBytes(index));
  if (term > 0) writeEntry(backend, TERM, numberBytes(term));
}
