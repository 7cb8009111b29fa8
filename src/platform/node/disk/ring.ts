import type { MessagePort } from "node:worker_threads";

/**
 * Shared layout between the member's thread and its disk thread. Operations travel as words of a
 * ring; a word is a double, exact for every offset and length below 2^53. One thread writes TAIL,
 * the other HEAD.
 *
 * Invariant: TAIL moves only past whole operations, so the reader never sees half of one.
 */

/** Power of two; holds one rename of two longest paths, and about 2,700 writes. */
export const RING_WORDS = 16384;

/** Indexes into the control words (32 bits each, counters wrap around). */
export const Control = {
  /** Words written. */
  tail: 0,
  /** Words read. */
  head: 1,
  /** Lists finished. */
  done: 2,
  /** Lists that failed: each has a message on the error port, sent before `done` moved. */
  failed: 3,
  /** Messages sent to the disk thread's port. */
  messages: 4,
} as const;

/** Room for `Control`, to a cache line. */
export const CONTROL_WORDS = 16;

/** Operation codes; the words that follow each are listed. Strings are a length and its units. */
export const Code = {
  /** fd, buffer id, start, end, offset */
  write: 1,
  /** fd */
  sync: 2,
  /** fd, length */
  truncate: 3,
  /** fd, length */
  allocate: 4,
  /** string, string */
  rename: 5,
  /** string */
  unlink: 6,
  /** string */
  syncDir: 7,
  /** fd */
  close: 8,
  /** nothing: the list is complete */
  end: 9,
  /** nothing: the thread ends */
  stop: 10,
} as const;

/** What the disk thread is started with. */
export interface WorkerInput {
  readonly control: SharedArrayBuffer;
  readonly ring: SharedArrayBuffer;
  readonly errors: MessagePort;
}

/** To the disk thread: a buffer that operations will name, or an id they will name no more. */
export type BufferMessage =
  | { readonly id: number; readonly buffer: SharedArrayBuffer }
  | { readonly id: number; readonly buffer: null };

/** From the disk thread: why a list failed. `step` counts the operations of the list from 0. */
export interface FailureMessage {
  /** What `done` is once this list is finished. */
  readonly list: number;
  readonly step: number;
  readonly code: string;
}
