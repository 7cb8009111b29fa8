/** Names in `member/snap/` (formats-disk.md 7 and 8.1). */
import { assert } from "../../base/assert.ts";

/** A snapshot's name taken apart. Bytewise order of names is order by term, then index. */
export interface SnapName {
  readonly name: string;
  readonly term: number;
  readonly index: number;
}

/** Appended to the name of a file that could not be read. */
export const BROKEN_SUFFIX = ".broken";
/** Begins the name of a file that etcd and we delete at the next start, whatever it holds. */
export const TEMPORARY_PREFIX = "tmp";
/** Begins the name of what a defragmentation left behind. */
export const DEFRAGMENTATION_PREFIX = "db.tmp";

/** Sixteen digits and nothing else: what etcd's `%016x` gives for every 64-bit number. */
const SNAP = /^([0-9a-f]{16})-([0-9a-f]{16})\.snap$/;
const DATABASE = /^([0-9a-f]{16})\.snap\.db$/;

/** The file name of the snapshot at `index`, taken in `term`; both in [0, 2^53). */
export function snapName(term: number, index: number): string {
  return `${hex16(term)}-${hex16(index)}.snap`;
}

/**
 * Null for other names and for numbers of 2^53 and more. Stricter than etcd, which reads every
 * name that ends in `.snap` but only ever writes these: a copy kept under a name of somebody's own
 * is neither taken for a snapshot nor renamed or deleted.
 */
export function parseSnapName(name: string): SnapName | null {
  const match = SNAP.exec(name);
  if (match === null) return null;
  const term = Number.parseInt(match[1]!, 16);
  const index = Number.parseInt(match[2]!, 16);
  if (!Number.isSafeInteger(term) || !Number.isSafeInteger(index)) return null;
  return { name, term, index };
}

/** The file name of a database received from a leader at `index`, in [0, 2^53). */
export function snapDatabaseName(index: number): string {
  return `${hex16(index)}.snap.db`;
}

/** Its index; null for other names and for indexes of 2^53 and more. */
export function parseSnapDatabaseName(name: string): number | null {
  const match = DATABASE.exec(name);
  if (match === null) return null;
  const index = Number.parseInt(match[1]!, 16);
  return Number.isSafeInteger(index) ? index : null;
}

function hex16(value: number): string {
  assert(Number.isSafeInteger(value) && value >= 0, `${value} in a file name`);
  return value.toString(16).padStart(16, "0");
}
