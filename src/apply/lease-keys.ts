import { compareSpans, newSpan } from "../base/span.ts";
import type { Lessor } from "../lease/lessor.ts";
import type { KvStore } from "../mvcc/store/store.ts";
import { SlicedSort } from "./range/sliced-sort.ts";
import { STEP_KEYS, type Steps } from "./steps.ts";

/**
 * Ids of the lease's keys, in bytewise order of the keys. Eight bytes a key: the keys themselves
 * stay where they are. Nobody may put or delete meanwhile.
 */
export function* sortedKeysOf(lessor: Lessor, slot: number, store: KvStore): Steps<Uint32Array> {
  const ids = new Uint32Array(lessor.keyCountOf(slot));
  let id = lessor.firstKeyOf(slot);
  for (let at = 0; at < ids.length; at += 1) {
    ids[at] = id;
    id = lessor.keyAfter(id);
    if ((at + 1) % STEP_KEYS === 0) yield;
  }
  const [x, y] = [newSpan(), newSpan()];
  const sort = new SlicedSort(ids, (idX, idY) => {
    store.keyOf(idX, x);
    store.keyOf(idY, y);
    return compareSpans(x, y);
  });
  while (!sort.step(STEP_KEYS)) yield;
  return sort.order;
}
