import type { BufferMessage } from "./ring.ts";

/** Smallest and largest staging buffer that is kept for the next copy. */
const STAGING_BYTES_MIN = 4096;
const STAGING_BYTES_MAX = 1024 * 1024;

/** Idle staging buffers kept in all; more are left to the collector. */
const STAGING_IDLE_BYTES_MAX = 4 * 1024 * 1024;

/** Ids of the buffers the disk thread knows, and copies of those it cannot see. */
export class DiskBuffers {
  readonly #send: (message: BufferMessage) => void;
  readonly #ids = new WeakMap<SharedArrayBuffer, number>();
  /** A buffer that nobody here names any more is forgotten there, so that its memory is freed. */
  readonly #gone: FinalizationRegistry<number>;
  readonly #idle = new Map<number, Uint8Array[]>();
  #idleBytes = 0;
  #nextId = 1;

  constructor(send: (message: BufferMessage) => void) {
    this.#send = send;
    this.#gone = new FinalizationRegistry((id) => send({ id, buffer: null }));
  }

  /** The id under which the thread knows `buffer`; tells it when it is new. */
  idOf(buffer: SharedArrayBuffer): number {
    const known = this.#ids.get(buffer);
    if (known !== undefined) return known;
    const id = this.#nextId++;
    this.#ids.set(buffer, id);
    this.#gone.register(buffer, id);
    this.#send({ id, buffer });
    return id;
  }

  /** A shared buffer that begins with `bytes[start, end)`; give it back to `recycle`. */
  stage(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const wanted = Math.max(end - start, STAGING_BYTES_MIN);
    const size = 2 ** Math.ceil(Math.log2(wanted));
    const idle = this.#idle.get(size)?.pop();
    if (idle !== undefined) this.#idleBytes -= size;
    const staged = idle ?? new Uint8Array(new SharedArrayBuffer(size));
    staged.set(bytes.subarray(start, end));
    return staged;
  }

  recycle(staged: Uint8Array): void {
    const size = staged.length;
    if (size > STAGING_BYTES_MAX || this.#idleBytes + size > STAGING_IDLE_BYTES_MAX) return;
    this.#idleBytes += size;
    const list = this.#idle.get(size);
    if (list === undefined) this.#idle.set(size, [staged]);
    else list.push(staged);
  }
}
