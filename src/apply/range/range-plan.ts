import type { RangeRequest } from "../../proto/gen/etcdserverpb.ts";

/** Numbers of RangeRequest.SortOrder and SortTarget. */
export const SortOrder = { none: 0, ascend: 1, descend: 2 } as const;
/** Numbers of RangeRequest.SortTarget. */
export const SortTarget = { key: 0, version: 1, create: 2, mod: 3, value: 4 } as const;

/** How a checked RangeRequest is to be carried out. */
export interface RangePlan {
  /** Entries come in key order, as the index has them, and none is filtered out. */
  readonly isPlain: boolean;
  /** How many entries are read at most, Infinity for all. */
  readonly readMax: number;
  /** How many entries the reply has at most, Infinity for all. */
  readonly limit: number;
}

/** True when entries are kept or dropped by their revisions (R7). */
export function hasFilter(request: RangeRequest): boolean {
  return (
    request.minModRevision !== 0 ||
    request.maxModRevision !== 0 ||
    request.minCreateRevision !== 0 ||
    request.maxCreateRevision !== 0
  );
}

/** Decides by semantics.md R8 to R11. */
export function planRange(request: RangeRequest): RangePlan {
  const limit = request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
  const { sortOrder, sortTarget } = request;
  const byKey = sortTarget === SortTarget.key;
  const isFiltered = hasFilter(request);
  const isPlain = byKey && sortOrder !== SortOrder.descend && !isFiltered;
  if (isPlain) return { isPlain, readMax: limit, limit };
  // R10, a quirk of etcd: without an explicit order only limit + 1 entries are read, then sorted.
  const readsSome = sortOrder === SortOrder.none && !isFiltered;
  return { isPlain, readMax: readsSome ? limit + 1 : Number.POSITIVE_INFINITY, limit };
}
