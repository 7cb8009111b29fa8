import { assert } from "../../base/assert.ts";
import type { Sliced } from "../../base/sliced.ts";
import { copyOfSpan } from "../../base/span.ts";
import { decodeLease, encodeLeaseToBytes } from "../../proto/gen/leasepb.ts";
import { ProtoError } from "../../proto/wire.ts";
import type { Backend, BackendReader } from "../backend/backend.ts";
import { SchemaError } from "./error.ts";

const KEY_BYTES = 8;
/** Leases read in one step. */
const STEP_LEASES = 1000;

/** A lease as it is stored. */
export interface LeaseRecord {
  /** Signed 64 bits, not 0. */
  readonly id: bigint;
  /** Granted time to live, seconds. */
  readonly ttl: number;
  /** What was left of it at the last checkpoint, seconds; 0 when there was none. */
  readonly remaining: number;
}

/**
 * Tells of all stored leases, with pauses (formats-disk.md 3).
 * @throws SchemaError when an entry is not a lease under its own id.
 */
export function* readLeases(
  reader: BackendReader,
  onLease: (lease: LeaseRecord) => void,
): Sliced<void> {
  const cursor = reader.cursor("lease");
  for (let count = 1; cursor.next(); count += 1) {
    onLease(decode(copyOfSpan(cursor.key), copyOfSpan(cursor.value)));
    if (count % STEP_LEASES === 0) yield;
  }
}

/** Puts the lease into the open batch, instead of what is stored of it. */
export function writeLease(backend: Backend, { id, ttl, remaining }: LeaseRecord): void {
  backend.put("lease", keyOf(id), encodeLeaseToBytes({ id, ttl, remainingTTL: remaining }));
}

/** Takes the lease away in the open batch; it must be there. */
export function removeLease(backend: Backend, id: bigint): void {
  assert(backend.delete("lease", keyOf(id)), "schema: no such lease");
}

function keyOf(id: bigint): Uint8Array {
  const key = new Uint8Array(KEY_BYTES);
  new DataView(key.buffer).setBigUint64(0, BigInt.asUintN(64, id));
  return key;
}

function decode(key: Uint8Array, value: Uint8Array): LeaseRecord {
  const lease = parse(value);
  const id = key.length === KEY_BYTES ? new DataView(key.buffer).getBigInt64(0) : 0n;
  if (lease !== null && lease.id === id && id !== 0n) return lease;
  throw new SchemaError({ bucket: "lease", key }, "the entry is not a lease under its own id");
}

function parse(value: Uint8Array): LeaseRecord | null {
  try {
    const { id, ttl, remainingTTL } = decodeLease(value, 0, value.length);
    return { id, ttl, remaining: remainingTTL };
  } catch (error) {
    if (error instanceof ProtoError) return null;
    throw error;
  }
}
