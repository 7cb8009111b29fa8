import { assert } from "../base/assert.ts";

/**
 * Levels of nested messages a decoder accepts, the outermost counted: the limit of Go's protobuf,
 * so that we refuse exactly what etcd refuses.
 */
export const MESSAGE_DEPTH_MAX = 10_000;

/** Levels of unknown groups that may be skipped (Go's protowire counts one more than messages). */
export const GROUP_DEPTH_MAX = 10_001;

/**
 * How many recursive fields (a txn in a txn) are followed on the machine stack before the rest is
 * put aside: keeps the stack of any accepted message below about 30 KiB.
 */
const CHAIN_MAX = 64;

/** Largest magnitude of a decoded `number`; beyond it values saturate (design: 64-bit numbers). */
export const NUMBER_MAX = 2 ** 53;

/** Bytes or a message that cannot be decoded (or, for nesting, encoded): hostile input. */
export class ProtoError extends Error {
  override readonly name = "ProtoError";
}

/** @throws ProtoError always; the text is Go's. */
export function malformed(): never {
  throw new ProtoError("proto: cannot parse invalid wire-format data");
}

interface Deferred {
  readonly merge: (into: never, c: Cursor) => void;
  readonly into: unknown;
  readonly start: number;
  readonly end: number;
  readonly depth: number;
}

/**
 * Where a decoder stands: `bytes[pos, end)` is what is left of the message being read.
 * Reusable through `reset`; after a ProtoError its state means nothing until then.
 *
 * Invariant: pos <= end <= bytes.length.
 */
export class Cursor {
  bytes: Uint8Array;
  pos: number;
  end: number;
  /** Messages entered and not left, the outermost included. */
  depth = 1;
  /** Recursive fields on the machine stack. */
  chain = 0;
  /** The two halves of the last 64-bit varint, as int32 (see `readPair`). */
  low = 0;
  high = 0;
  /** Nested messages put aside at CHAIN_MAX. */
  deferred: Deferred[] | undefined = undefined;

  /** @throws AssertionError unless 0 <= start <= end <= bytes.length. */
  constructor(bytes: Uint8Array, start: number, end: number) {
    assert(start >= 0 && start <= end && end <= bytes.length, "cursor out of bounds");
    this.bytes = bytes;
    this.pos = start;
    this.end = end;
  }

  /** Makes it stand at `start` of other bytes, as if new. @throws AssertionError as above. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    assert(start >= 0 && start <= end && end <= bytes.length, "cursor out of bounds");
    this.bytes = bytes;
    this.pos = start;
    this.end = end;
    this.depth = 1;
    this.chain = 0;
    this.deferred = undefined;
  }
}

/**
 * Steps past a length prefix and narrows the cursor to the `length` bytes after it, as a nested
 * message. Returns the end to give to `leave`. @throws ProtoError when it does not fit or nests
 * deeper than MESSAGE_DEPTH_MAX.
 */
export function enter(c: Cursor, length: number): number {
  const outer = c.end;
  if (length > outer - c.pos) malformed();
  if (++c.depth > MESSAGE_DEPTH_MAX) tooDeep();
  c.end = c.pos + length;
  return outer;
}

/** Undoes `enter` once the nested message is read to its end. */
export function leave(c: Cursor, outer: number): void {
  c.end = outer;
  c.depth -= 1;
}

/** @throws ProtoError always. */
export function tooDeep(): never {
  throw new ProtoError("proto: exceeded maximum recursion depth");
}

/**
 * Reads the entered message with `merge`, or puts it aside for `drain` when the chain of recursive
 * fields is long. Order per target is kept, as whatever is put aside is read first in, first out.
 */
export function mergeRecursive<T>(c: Cursor, merge: (into: T, c: Cursor) => void, into: T): void {
  if (c.chain < CHAIN_MAX) {
    c.chain += 1;
    merge(into, c);
    c.chain -= 1;
    return;
  }
  c.deferred ??= [];
  c.deferred.push({ merge, into, start: c.pos, end: c.end, depth: c.depth });
  c.pos = c.end;
}

/** Reads everything that was put aside. Called once, when the outermost message is at its end. */
export function drain(c: Cursor): void {
  const work = c.deferred;
  if (work === undefined) return;
  for (let i = 0; i < work.length; i++) {
    const item = work[i] as Deferred;
    c.pos = item.start;
    c.end = item.end;
    c.depth = item.depth;
    c.chain = 0;
    item.merge(item.into as never, c);
  }
}
