import { compareSpans, copyOfSpan, newSpan, type ByteSpan } from "../base/span.ts";
import { NO_SLOT } from "../lease/lease-table.ts";
import type { Lessor } from "../lease/lessor.ts";
import type { KvStore } from "../mvcc/store/store.ts";
import type { Clock } from "../platform/clock.ts";
import type { LeaseCheckpointRequest, LeaseGrantRequest } from "../proto/gen/etcdserverpb.ts";
import type { Backend } from "../storage/backend/backend.ts";
import { removeLease, writeLease } from "../storage/schema/leases.ts";
import type { RequestError } from "./errors.ts";
import { SlicedSort } from "./range/sliced-sort.ts";
import { STEP_KEYS, type Steps } from "./steps.ts";

/** What entries about leases change. */
export interface LeaseEntriesOptions {
  readonly clock: Clock;
  readonly store: KvStore;
  readonly backend: Backend;
  readonly lessor: Lessor;
  readonly events: LeaseEvents;
}

/** What entries about leases tell of. */
export interface LeaseEvents {
  /** A lease was granted with so many seconds to live. */
  onLeaseGranted(ttlSeconds: number): void;
  /** A lease is gone, and its keys with it. */
  onLeaseRevoked(id: bigint): void;
  /** Whether the cluster's version lets checkpoints be stored (etcd: from 3.6 on). */
  storesCheckpoints(): boolean;
}

/** A lease that was granted. */
export interface GrantedLease {
  readonly id: bigint;
  /** Seconds. */
  readonly ttl: number;
}

/** Entries about leases: lessor, `lease` bucket and keys change together. */
export class LeaseEntries {
  readonly #options: LeaseEntriesOptions;

  constructor(options: LeaseEntriesOptions) {
    this.#options = options;
  }

  grant(request: LeaseGrantRequest): GrantedLease | RequestError {
    const { lessor, clock, backend, events } = this.#options;
    const slot = lessor.grant(request.id, request.ttl, clock.monotonicMs());
    if (typeof slot === "string") return slot;
    const ttl = lessor.ttlOf(slot);
    writeLease(backend, { id: request.id, ttl, remaining: 0 });
    events.onLeaseGranted(ttl);
    return { id: request.id, ttl };
  }

  /**
   * Deletes the lease and its keys, those in bytewise order and one revision (semantics.md L8).
   * Returns the revision after it.
   */
  *revokeInSteps(id: bigint): Steps<number | RequestError> {
    const { lessor, store, backend, events } = this.#options;
    const slot = lessor.find(id);
    if (slot === NO_SLOT) return "leaseNotFound";
    lessor.beginRevoke(slot);
    const keys = yield* this.#sortedKeys(lessor.keysOf(slot));
    store.begin();
    for (const [at, key] of keys.entries()) {
      store.delete(key);
      if ((at + 1) % STEP_KEYS === 0) yield;
    }
    // In one batch with the last of the keys: no commit comes before the entry's end.
    removeLease(backend, id);
    lessor.endRevoke(slot);
    const revision = store.end();
    events.onLeaseRevoked(id);
    return revision;
  }

  /** Notes what is left of leases; those that are gone meanwhile are passed over. */
  checkpoint({ checkpoints }: LeaseCheckpointRequest): void {
    const { lessor, backend, clock, events } = this.#options;
    const nowMs = clock.monotonicMs();
    const isStored = events.storesCheckpoints();
    for (const { id, remainingTTL } of checkpoints) {
      const slot = lessor.checkpoint(id, remainingTTL, nowMs);
      if (slot === NO_SLOT || !isStored) continue;
      writeLease(backend, { id, ttl: lessor.ttlOf(slot), remaining: lessor.remainingOf(slot) });
    }
  }

  *#sortedKeys(keyIds: Uint32Array): Steps<ByteSpan[]> {
    const keys: ByteSpan[] = [];
    const span = newSpan();
    for (const keyId of keyIds) {
      this.#options.store.keyOf(keyId, span);
      // The key goes away with its deletion.
      keys.push(newSpan(copyOfSpan(span)));
      if (keys.length % STEP_KEYS === 0) yield;
    }
    if (keys.length < 2) return keys;
    const sort = new SlicedSort(keys.length, (x, y) => compareSpans(keys[x]!, keys[y]!));
    while (!sort.step(STEP_KEYS)) yield;
    const sorted: ByteSpan[] = [];
    for (const at of sort.order) sorted.push(keys[at]!);
    return sorted;
  }
}
