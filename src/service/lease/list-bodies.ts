import { SlicedSort } from "../../apply/range/sliced-sort.ts";
import type { Steps } from "../../apply/steps.ts";
import type { ByteWriter } from "../../base/byte-writer.ts";
import { newSpan } from "../../base/span.ts";
import { newLeaseId } from "../../lease/lease-id.ts";
import type { Lessor } from "../../lease/lessor.ts";
import type { KvStore } from "../../mvcc/store/store.ts";
import { LeaseTag, writeIdField } from "./lease-fields.ts";

/** Elements that one step looks at: a tenth of a millisecond. */
const STEP_ELEMENTS = 500;
/** Bytes after which a step ends: keys may be long. */
const STEP_BYTES = 64 * 1024;
/** Keys of a lease whose ids are collected at once; of more, the ids of all are looked through. */
const COLLECTED_KEYS_MAX = 5000;
/** LeaseLeasesResponse.leases, and LeaseStatus.ID in it. */
const TAG_LEASES = 0x12;
const TAG_STATUS_ID = 0x08;
/** Room for one: both tags, the length, ten bytes of id, and what a writer reserves beyond. */
const STATUS_BYTES_MAX = 32;
/** What a lease takes while leases are sorted: expiry, id, and two places in the sort. */
const SORTED_LEASE_BYTES = 8 + 8 + 8;

/** Where the body of a list is written. */
export interface ListBody {
  readonly out: ByteWriter;
  /** Bytes in use beside those of `out`. */
  workBytes: number;
}

/** Writes all leases as LeaseLeasesResponse has them, those that expire first at the front. */
export function* writeLeases(lessor: Lessor, body: ListBody): Steps<void> {
  const slotsEnd = lessor.slotsEnd;
  body.workBytes = slotsEnd * SORTED_LEASE_BYTES;
  if (slotsEnd > STEP_ELEMENTS) yield;
  const expiriesMs = new Float64Array(slotsEnd);
  const [highs, lows] = [new Int32Array(slotsEnd), new Int32Array(slotsEnd)];
  const id = newLeaseId();
  let count = 0;
  for (let slot = 1; slot < slotsEnd; slot += 1) {
    if (slot % STEP_ELEMENTS === 0) yield;
    // A free slot.
    if (lessor.ttlOf(slot) === 0) continue;
    expiriesMs[count] = lessor.expiryMsOf(slot);
    lessor.readId(slot, id);
    highs[count] = id.high;
    lows[count] = id.low;
    count += 1;
  }
  const sort = new SlicedSort(count, (x, y) => (expiriesMs[x]! < expiriesMs[y]! ? -1 : 1));
  while (!sort.step(STEP_ELEMENTS)) yield;
  for (let at = 0; at < count; at += 1) {
    if ((at + 1) % STEP_ELEMENTS === 0) yield;
    const lease = sort.order[at]!;
    writeLease(highs[lease]!, lows[lease]!, body.out);
  }
  body.workBytes = 0;
}

/**
 * Writes the keys of the lease (its slot and that slot's `lifeOf`) as LeaseTimeToLiveResponse has
 * them, in no order: each key that is the lease's from the first step to the last.
 */
export function* writeKeys(
  { lessor, store }: { readonly lessor: Lessor; readonly store: KvStore },
  { slot, life }: { readonly slot: number; readonly life: number },
  { out }: ListBody,
): Steps<void> {
  if (lessor.lifeOf(slot) !== life) return;
  const collected = lessor.keyCountOf(slot) <= COLLECTED_KEYS_MAX ? lessor.keysOf(slot) : undefined;
  const end = collected?.length ?? lessor.keyIdsEnd;
  const key = newSpan();
  let stepBytes = 0;
  for (let at = 0; at < end; at += 1) {
    const keyId = collected === undefined ? at : collected[at]!;
    if (lessor.leaseOf(keyId) === slot) {
      store.keyOf(keyId, key);
      out.byte(LeaseTag.keys);
      out.varint(key.end - key.start);
      out.raw(key.bytes, key.start, key.end);
      stepBytes += key.end - key.start;
    }
    if ((at + 1) % STEP_ELEMENTS !== 0 && stepBytes < STEP_BYTES) continue;
    stepBytes = 0;
    yield;
    if (lessor.lifeOf(slot) !== life) return;
  }
}

function writeLease(high: number, low: number, out: ByteWriter): void {
  out.reserve(STATUS_BYTES_MAX);
  out.byte(TAG_LEASES);
  const lengthAt = out.length;
  out.byte(0);
  writeIdField(out, TAG_STATUS_ID, high, low);
  out.bytes[lengthAt] = out.length - lengthAt - 1;
}
