import { compareSpans, copyOf, newSpan } from "../../base/span.ts";
import { NO_END, WatchFlag, type WatchSpec } from "../../mvcc/watch/watcher.ts";
import type { WatchCreateRequest } from "../../proto/gen/etcdserverpb.ts";

const FIRST_KEY = Uint8Array.of(0);
/** WatchCreateRequest.FilterType. */
const FilterType = { noPut: 0, noDelete: 1 } as const;

/** What a request wants to be told of, in bytes of its own; null when its range is empty (WC6). */
export function readSpec(request: WatchCreateRequest): WatchSpec | null {
  const { filters, prevKv } = request;
  let flags = prevKv ? WatchFlag.prevKv : 0;
  for (const filter of filters) {
    if (filter === FilterType.noPut) flags |= WatchFlag.noPut;
    else if (filter === FilterType.noDelete) flags |= WatchFlag.noDelete;
  }
  const key = request.key.length === 0 ? FIRST_KEY : copyOf(request.key);
  const { rangeEnd } = request;
  if (rangeEnd.length === 0) return { key, end: null, flags };
  if (rangeEnd.length === 1 && rangeEnd[0] === 0) return { key, end: NO_END, flags };
  if (compareSpans(newSpan(key), newSpan(rangeEnd)) >= 0) return null;
  return { key, end: copyOf(rangeEnd), flags };
}
