import { MessageChannel, Worker, receiveMessageOnPort } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import { assert } from "../../../base/assert.ts";
import { Queue } from "../../../base/queue.ts";
import { Code, CONTROL_WORDS, Control, RING_WORDS } from "./ring.ts";
import type { BufferMessage, FailureMessage, WorkerInput } from "./ring.ts";

const MASK = RING_WORDS - 1;

/** The thread runs no code of weight; a small heap keeps the member's memory small. */
const HEAP_LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 };

/** `failure` null: all done. A dead thread fails with step 0 and code EIO. */
export type ListDone = (failure: FailureMessage | null) => void;

/**
 * The member's end of the disk thread: a ring of operations with room made by waiting here, and
 * completions in order. The process stays alive while lists are outstanding, and no longer.
 */
export class DiskChannel {
  readonly #worker: Worker;
  readonly #control: Int32Array;
  readonly #ring: Float64Array;
  readonly #errors: MessagePort;
  /** Operations that found no room yet, as words. */
  readonly #waiting = new Queue<readonly number[]>();
  readonly #lists = new Queue<ListDone>();
  /** By list number, the value of `done` that finishes it. */
  readonly #failures = new Map<number, FailureMessage>();
  #tail = 0;
  #done = 0;
  #failed = 0;
  #watching = false;
  #dead = false;

  constructor() {
    const control = new SharedArrayBuffer(CONTROL_WORDS * 4);
    const ring = new SharedArrayBuffer(RING_WORDS * 8);
    const { port1, port2 } = new MessageChannel();
    this.#control = new Int32Array(control);
    this.#ring = new Float64Array(ring);
    this.#errors = port1;
    const input: WorkerInput = { control, ring, errors: port2 };
    const name = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js";
    this.#worker = new Worker(new URL(name, import.meta.url), {
      workerData: input,
      transferList: [port2],
      execArgv: [],
      // Descriptors are opened on the other thread and closed on this one.
      trackUnmanagedFds: false,
      resourceLimits: HEAP_LIMITS,
      name: "disk",
    });
    this.#worker.on("error", () => this.#die());
    this.#worker.on("exit", () => this.#die());
    this.#worker.unref();
  }

  /** Lists not delivered yet. */
  get outstanding(): number {
    return this.#lists.size;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** Tells the thread of a buffer; must precede the first operation that names its id. */
  sendBuffer(message: BufferMessage): void {
    this.#worker.postMessage(message);
    Atomics.add(this.#control, Control.messages, 1);
  }

  /** Queues one operation of the current list: code and arguments, see `Code`. */
  push(words: readonly number[]): void {
    assert(words.length < RING_WORDS / 2, "a disk operation is longer than the ring");
    if (this.#waiting.size > 0 || !this.#encode(words)) this.#waiting.push(words);
  }

  /** Ends the current list and sets the thread to work. */
  endList(done: ListDone): void {
    if (this.#dead) {
      queueMicrotask(() => done({ list: 0, step: 0, code: "EIO" }));
      return;
    }
    this.push([Code.end]);
    if (this.#lists.size === 0) this.#worker.ref();
    this.#lists.push(done);
    this.#publish();
    this.#watch();
  }

  /** Lets the thread finish what was queued, then end; `closed` is called when it is gone. */
  close(closed: () => void): void {
    if (this.#dead) {
      queueMicrotask(closed);
      return;
    }
    this.#worker.ref();
    this.#worker.once("exit", closed);
    this.push([Code.stop]);
    this.#publish();
  }

  #encode(words: readonly number[]): boolean {
    const used = (this.#tail - Atomics.load(this.#control, Control.head)) | 0;
    if (used + words.length > RING_WORDS) return false;
    for (let i = 0; i < words.length; i++) this.#ring[this.#tail++ & MASK] = words[i];
    this.#tail |= 0;
    return true;
  }

  #publish(): void {
    if (Atomics.load(this.#control, Control.tail) === this.#tail) return;
    Atomics.store(this.#control, Control.tail, this.#tail);
    Atomics.notify(this.#control, Control.tail);
  }

  #pump(): void {
    for (let words = this.#waiting.peek(); words !== undefined; words = this.#waiting.peek()) {
      if (!this.#encode(words)) break;
      this.#waiting.shift();
    }
    this.#publish();
  }

  /** Asks to be woken when the count of finished lists moves; at most one such request is open. */
  #watch(): void {
    if (this.#watching || this.#lists.size === 0) return;
    this.#watching = true;
    // A list longer than the ring is finished in parts: room is looked for on a short timeout.
    const timeoutMs = this.#waiting.size > 0 ? 1 : undefined;
    const wait = Atomics.waitAsync(this.#control, Control.done, this.#done, timeoutMs);
    const woken = (): void => this.#wake();
    if (wait.async) void wait.value.then(woken);
    else queueMicrotask(woken);
  }

  #wake(): void {
    this.#watching = false;
    if (this.#dead) return;
    this.#pump();
    try {
      this.#deliver();
    } finally {
      this.#watch();
    }
  }

  #deliver(): void {
    // Read first: the failure of every list up to here was counted before.
    const done = Atomics.load(this.#control, Control.done);
    this.#takeFailures();
    while (this.#done !== done) {
      this.#done = (this.#done + 1) | 0;
      const list = this.#lists.shift();
      assert(list !== undefined, "the disk thread finished a list that nobody sent");
      if (this.#lists.size === 0) this.#worker.unref();
      list(this.#takeFailure(this.#done));
    }
  }

  /** Collects what failed; lists that are not delivered yet may be among it. */
  #takeFailures(): void {
    const failed = Atomics.load(this.#control, Control.failed);
    for (; this.#failed !== failed; this.#failed = (this.#failed + 1) | 0) {
      const received = receiveMessageOnPort(this.#errors) as { message: FailureMessage };
      this.#failures.set(received.message.list, received.message);
    }
  }

  #takeFailure(list: number): FailureMessage | null {
    if (this.#failures.size === 0) return null;
    const failure = this.#failures.get(list) ?? null;
    this.#failures.delete(list);
    return failure;
  }

  /** Everything outstanding fails: whether it reached the disk cannot be known any more. */
  #die(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#errors.close();
    for (let list = this.#lists.shift(); list !== undefined; list = this.#lists.shift()) {
      list({ list: 0, step: 0, code: "EIO" });
    }
  }
}
