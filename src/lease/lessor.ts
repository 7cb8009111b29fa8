import type { LeaseChange } from "../mvcc/types.ts";
import { Attachments } from "./attachments.ts";
import { DueHeap } from "./due-heap.ts";
import { joinLeaseId, type LeaseId } from "./lease-id.ts";
import { LeaseTable, NO_SLOT } from "./lease-table.ts";
import { TTL_MAX_S } from "./limits.ts";

const MS_PER_S = 1000;
/** Pause between two checkpoints of a lease; shorter leases have none (etcd). */
export const CHECKPOINT_INTERVAL_MS = 5 * 60 * MS_PER_S;

/** Why a lease is not granted. */
export type GrantError = "leaseNotFound" | "leaseTtlTooLarge" | "leaseExists";

/** What `renew` answers instead of a time to live. */
export const Renewal = {
  /** There is no such lease. */
  unknown: -1,
  /** It has expired, or is being revoked: ask again once it is gone. */
  ending: -2,
  /**
   * A checkpoint says that less is left, or is about to: it must be cleared first, through the log.
   */
  checkpointed: -3,
  /** Another member keeps the time. */
  notPrimary: -4,
} as const;

/** How a lessor works. */
export interface LessorOptions {
  /** Up to 53 bits, unpredictable in production: so that clients cannot aim at one hash bucket. */
  readonly hashSeed: number;
  /** Shorter leases are raised to it (see limits.ts). */
  readonly ttlMinSeconds: number;
  /** Long leases are to be checkpointed (feature LeaseCheckpoint). */
  readonly hasCheckpoints: boolean;
}

/** A lease as it is stored. */
export interface StoredLease {
  readonly id: bigint;
  /** Seconds. */
  readonly ttl: number;
  /** Seconds that were left at the last checkpoint, 0 when there was none. */
  readonly remaining: number;
}

/** A checkpoint that is due. */
export interface DueCheckpoint {
  readonly id: bigint;
  readonly remaining: number;
}

/**
 * The leases: who exists, which keys each has, and on the leader (the primary) when each expires.
 * What exists and which keys it has is replicated: it changes by entries of the log only, alike on
 * every member. When it expires is not: only the primary keeps time, and has others follow by a
 * revocation through the log. Time comes as monotonic ms. Leases are named by slots (LeaseTable).
 */
export class Lessor {
  readonly #options: LessorOptions;
  readonly #table: LeaseTable;
  readonly #attachments: Attachments;
  /** Leases by expiry, or by when a revocation that failed is tried again. */
  readonly #expiries = new DueHeap();
  readonly #checkpoints = new DueHeap();
  #isPrimary = false;
  /** The lease whose keys are being deleted. */
  #revoking = NO_SLOT;
  /** How often each has happened, for metrics. */
  granted = 0;
  revoked = 0;
  renewed = 0;

  constructor(options: LessorOptions) {
    this.#options = options;
    this.#table = new LeaseTable(options.hashSeed);
    this.#attachments = new Attachments(this.#table);
  }

  /** Leases there are. */
  get size(): number {
    return this.#table.size;
  }

  /** This member decides what expires. */
  get isPrimary(): boolean {
    return this.#isPrimary;
  }

  has(id: bigint): boolean {
    return this.#table.findId(id) !== NO_SLOT;
  }

  /** Slot of a lease, or NO_SLOT. */
  find(id: bigint): number {
    return this.#table.findId(id);
  }

  /** Adds a lease that is stored; its keys follow as `leaseChanged`. */
  restore({ id, ttl, remaining }: StoredLease): void {
    if (this.has(id)) return;
    const slot = this.#table.add(id, Math.max(ttl, this.#options.ttlMinSeconds));
    this.#table.remaining[slot] = Math.max(0, remaining);
  }

  /** Grants a lease; its slot, or why not (semantics.md L1, L2). */
  grant(id: bigint, ttlSeconds: number, nowMs: number): number | GrantError {
    if (id === 0n) return "leaseNotFound";
    if (ttlSeconds > TTL_MAX_S) return "leaseTtlTooLarge";
    if (this.has(id)) return "leaseExists";
    const slot = this.#table.add(id, Math.max(ttlSeconds, this.#options.ttlMinSeconds));
    if (this.#isPrimary) this.#start(slot, 0, nowMs);
    this.granted += 1;
    return slot;
  }

  /**
   * The lease is being revoked: it still exists while its keys are deleted, perhaps in several
   * slices, but is renewed no more.
   */
  beginRevoke(slot: number): void {
    this.#revoking = slot;
  }

  /** Forgets the lease, whose keys are deleted. */
  endRevoke(slot: number): void {
    this.#revoking = NO_SLOT;
    for (let key = this.#table.firstKey[slot]!; key !== 0; key = this.#table.firstKey[slot]!) {
      this.#attachments.set(key, NO_SLOT);
    }
    this.#expiries.delete(slot);
    this.#checkpoints.delete(slot);
    this.#table.remove(slot);
    this.revoked += 1;
  }

  /** A key was put or deleted. A lease that does not exist counts as none. */
  leaseChanged({ keyId, lease }: LeaseChange): void {
    this.#attachments.set(keyId, lease === 0n ? NO_SLOT : this.#table.findId(lease));
  }

  /** Ids (see LeaseChange) of the keys that the lease has. */
  keysOf(slot: number): Uint32Array {
    const keys = new Uint32Array(this.#table.keyCount[slot]!);
    let key = this.#table.firstKey[slot]!;
    for (let at = 0; at < keys.length; at += 1) {
      keys[at] = key;
      key = this.#attachments.next(key);
    }
    return keys;
  }

  /** How many keys the lease has. */
  keyCountOf(slot: number): number {
    return this.#table.keyCount[slot]!;
  }

  /** The first of the lease's keys, by id, and with `keyAfter` the others; 0 when there is none. */
  firstKeyOf(slot: number): number {
    return this.#table.firstKey[slot]!;
  }

  keyAfter(keyId: number): number {
    return this.#attachments.next(keyId);
  }

  /** Every key with a lease has an id below it, and every lease a slot below `slotsEnd`. */
  get keyIdsEnd(): number {
    return this.#attachments.keyIdsEnd;
  }

  get slotsEnd(): number {
    return this.#table.top;
  }

  /** Slot of the key's lease, or NO_SLOT. */
  leaseOf(keyId: number): number {
    return this.#attachments.leaseOf(keyId);
  }

  /** Slots of all leases, in no order. */
  slots(): Uint32Array {
    const slots = new Uint32Array(this.size);
    let at = 0;
    for (let slot = 1; slot < this.#table.top; slot += 1) {
      if (this.#table.ttl[slot]! > 0) slots[at++] = slot;
    }
    return slots;
  }

  idOf(slot: number): bigint {
    return joinLeaseId(this.#table.high(slot), this.#table.low(slot));
  }

  /** The same in halves. */
  readId(slot: number, out: LeaseId): void {
    out.high = this.#table.high(slot);
    out.low = this.#table.low(slot);
  }

  /** Granted time to live, seconds. */
  ttlOf(slot: number): number {
    return this.#table.ttl[slot]!;
  }

  /** When it expires, monotonic ms; Infinity when this is not the primary. */
  expiryMsOf(slot: number): number {
    return this.#table.expiryMs[slot]!;
  }

  /** What a checkpoint said is left, seconds; 0 for none. */
  remainingOf(slot: number): number {
    return this.#table.remaining[slot]!;
  }

  /** Differs between two leases that had the same slot, one after the other. */
  lifeOf(slot: number): number {
    return this.#table.life[slot]!;
  }

  /**
   * Starts the time to live of the lease anew; the halves of its id as signed numbers. Returns the
   * granted time to live in seconds, or one of `Renewal`.
   */
  renew(high: number, low: number, nowMs: number): number {
    const table = this.#table;
    if (!this.#isPrimary) return Renewal.notPrimary;
    const slot = table.find(high, low);
    if (slot === NO_SLOT) return Renewal.unknown;
    if (table.expiryMs[slot]! <= nowMs || slot === this.#revoking) return Renewal.ending;
    if (table.remaining[slot]! > 0 || table.checkpointing[slot]! > 0) return Renewal.checkpointed;
    const ttl = table.ttl[slot]!;
    const expiryMs = nowMs + ttl * MS_PER_S;
    table.expiryMs[slot] = expiryMs;
    this.#expiries.set(slot, expiryMs);
    this.renewed += 1;
    return ttl;
  }

  /** This member keeps the time from now on: no lease ends earlier for that (semantics.md L11). */
  promote(extendMs: number, nowMs: number): void {
    this.#isPrimary = true;
    // What earlier terms left in the log is applied, or never will be.
    this.#table.checkpointing.fill(0);
    for (const slot of this.slots()) this.#start(slot, extendMs, nowMs);
  }

  /** Another member keeps the time. */
  demote(): void {
    this.#isPrimary = false;
    this.#expiries.clear();
    this.#checkpoints.clear();
    this.#table.expiryMs.fill(Number.POSITIVE_INFINITY);
  }

  /** When the next lease expires, Infinity when none does. */
  get nextExpiryMs(): number {
    return this.#expiries.firstMs;
  }

  /**
   * Adds up to `most` leases that have expired to `into`, those due first. They are not told of
   * again unless `retry` asks for it.
   */
  takeExpired(nowMs: number, most: number, into: bigint[]): void {
    for (let taken = 0; taken < most && this.#expiries.firstMs <= nowMs; taken += 1) {
      const slot = this.#expiries.first;
      this.#expiries.delete(slot);
      into.push(this.idOf(slot));
    }
  }

  /** The revocation of an expired lease came to nothing: `takeExpired` tells of it again then. */
  retry(id: bigint, atMs: number): void {
    const slot = this.find(id);
    if (slot === NO_SLOT || !this.#isPrimary) return;
    this.#expiries.set(slot, Math.max(atMs, this.#table.expiryMs[slot]!));
  }

  /**
   * Adds up to `most` checkpoints that are due to `into`; each comes back as `checkpoint`, or else
   * `dropCheckpoints` has to be told.
   */
  takeCheckpoints(nowMs: number, most: number, into: DueCheckpoint[]): void {
    while (into.length < most && this.#checkpoints.firstMs <= nowMs) {
      const slot = this.#checkpoints.first;
      const leftMs = this.#table.expiryMs[slot]! - nowMs;
      const remaining = Math.ceil(leftMs / MS_PER_S);
      // What was renewed just now needs none yet; what has expired needs none any more.
      this.#checkpoints.set(slot, nowMs + CHECKPOINT_INTERVAL_MS);
      if (leftMs <= 0) this.#checkpoints.delete(slot);
      else if (remaining < this.#table.ttl[slot]!) {
        into.push({ id: this.idOf(slot), remaining });
        this.#table.checkpointing[slot]! += 1;
      }
    }
  }

  /** They were not taken into the log. */
  dropCheckpoints(due: readonly DueCheckpoint[]): void {
    for (const { id } of due) this.#checkpointed(this.find(id));
  }

  /** A checkpoint was agreed on; `remaining` 0 clears it. The lease's slot, or NO_SLOT. */
  checkpoint(id: bigint, remaining: number, nowMs: number): number {
    const slot = this.find(id);
    if (slot === NO_SLOT) return NO_SLOT;
    this.#table.remaining[slot] = Math.max(0, remaining);
    if (remaining > 0) this.#checkpointed(slot);
    if (this.#isPrimary) this.#scheduleCheckpoint(slot, nowMs);
    return slot;
  }

  #checkpointed(slot: number): void {
    // Others' are not counted; NO_SLOT has none.
    if (this.#table.checkpointing[slot]! > 0) this.#table.checkpointing[slot]! -= 1;
  }

  /** The time of a lease begins, with what a checkpoint left of it. */
  #start(slot: number, extendMs: number, nowMs: number): void {
    const expiryMs = nowMs + extendMs + this.#secondsLeft(slot) * MS_PER_S;
    this.#table.expiryMs[slot] = expiryMs;
    this.#expiries.set(slot, expiryMs);
    this.#scheduleCheckpoint(slot, nowMs);
  }

  #scheduleCheckpoint(slot: number, nowMs: number): void {
    if (!this.#options.hasCheckpoints) return;
    if (this.#secondsLeft(slot) * MS_PER_S <= CHECKPOINT_INTERVAL_MS) return;
    this.#checkpoints.set(slot, nowMs + CHECKPOINT_INTERVAL_MS);
  }

  #secondsLeft(slot: number): number {
    const remaining = this.#table.remaining[slot]!;
    return remaining > 0 ? remaining : this.#table.ttl[slot]!;
  }
}
