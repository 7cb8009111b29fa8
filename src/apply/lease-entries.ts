import { newSpan } from "../base/span.ts";
import { NO_SLOT } from "../lease/lease-table.ts";
import type { Lessor } from "../lease/lessor.ts";
import type { KvStore } from "../mvcc/store/store.ts";
import type { Clock } from "../platform/clock.ts";
import type { LeaseCheckpointRequest, LeaseGrantRequest } from "../proto/gen/etcdserverpb.ts";
import type { Backend } from "../storage/backend/backend.ts";
import { removeLease, writeLease } from "../storage/schema/leases.ts";
import type { RequestError } from "./errors.ts";
import { sortedKeysOf } from "./lease-keys.ts";
import type { Steps } from "./steps.ts";

/** Keys that one step deletes: a deletion costs several times what a look at a key does. */
const STEP_DELETIONS = 100;

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
    const keyIds = yield* sortedKeysOf(lessor, slot, store);
    const key = newSpan();
    store.begin();
    for (let at = 0; at < keyIds.length; at += 1) {
      // An id names its key until that is deleted, whatever else is.
      store.keyOf(keyIds[at]!, key);
      store.delete(key);
      if ((at + 1) % STEP_DELETIONS === 0) yield;
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
}
