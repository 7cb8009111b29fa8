/**
 * The disk thread: takes operations from the ring one after the other with blocking calls, and
 * knows nothing of what they are for. Started by NodeDisk.
 */
import * as fs from "node:fs";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { allocate, posixCode, syncDirectory, writeAll } from "./posix.ts";
import { Code, Control, RING_WORDS } from "./ring.ts";
import type { BufferMessage, FailureMessage, WorkerInput } from "./ring.ts";

const MASK = RING_WORDS - 1;

class DiskThread {
  readonly #control: Int32Array;
  readonly #ring: Float64Array;
  readonly #errors: WorkerInput["errors"];
  readonly #buffers = new Map<number, Uint8Array>();
  #head = 0;
  #messages = 0;
  /** Operations of the current list done so far. */
  #step = 0;
  #failed = false;

  constructor(input: WorkerInput) {
    this.#control = new Int32Array(input.control);
    this.#ring = new Float64Array(input.ring);
    this.#errors = input.errors;
  }

  run(): void {
    for (;;) {
      const tail = Atomics.load(this.#control, Control.tail);
      if (tail === (this.#head | 0)) {
        Atomics.wait(this.#control, Control.tail, tail);
        continue;
      }
      this.#readMessages();
      while ((this.#head | 0) !== tail) {
        const code = this.#word();
        if (code === Code.stop) return;
        if (code === Code.end) this.#endList();
        else this.#perform(code);
        Atomics.store(this.#control, Control.head, this.#head | 0);
      }
    }
  }

  #word(): number {
    return this.#ring[this.#head++ & MASK];
  }

  #text(): string {
    let left = this.#word();
    let text = "";
    for (; left > 0; left--) text += String.fromCharCode(this.#word());
    return text;
  }

  #readMessages(): void {
    const sent = Atomics.load(this.#control, Control.messages);
    for (; this.#messages !== sent; this.#messages = (this.#messages + 1) | 0) {
      const received = receiveMessageOnPort(parentPort!) as { message: BufferMessage };
      const { id, buffer } = received.message;
      if (buffer === null) this.#buffers.delete(id);
      else this.#buffers.set(id, new Uint8Array(buffer));
    }
  }

  /** Runs one operation, or skips it when an earlier one of the list failed. */
  #perform(code: number): void {
    const run = this.#decode(code);
    if (this.#failed) return;
    try {
      run();
      this.#step++;
    } catch (error) {
      this.#failed = true;
      const list = (Atomics.load(this.#control, Control.done) + 1) | 0;
      const failure: FailureMessage = { list, step: this.#step, code: posixCode(error) };
      this.#errors.postMessage(failure);
    }
  }

  #decode(code: number): () => void {
    if (code === Code.rename) {
      const from = this.#text();
      const to = this.#text();
      return () => fs.renameSync(from, to);
    }
    if (code === Code.unlink || code === Code.syncDir) {
      const path = this.#text();
      return code === Code.unlink ? () => fs.unlinkSync(path) : () => syncDirectory(path);
    }
    const fd = this.#word();
    if (code === Code.write) return this.#decodeWrite(fd);
    if (code === Code.sync) return () => fs.fdatasyncSync(fd);
    if (code === Code.close) return () => fs.closeSync(fd);
    const lengthBytes = this.#word();
    if (code === Code.truncate) return () => fs.ftruncateSync(fd, lengthBytes);
    if (code === Code.allocate) return () => allocate(fd, lengthBytes);
    throw new Error(`unknown operation ${code}`);
  }

  #decodeWrite(fd: number): () => void {
    const id = this.#word();
    const start = this.#word();
    const end = this.#word();
    const offset = this.#word();
    return () => {
      const bytes = this.#buffers.get(id);
      if (bytes === undefined) throw new Error(`unknown buffer ${id}`);
      writeAll(fd, bytes, { start, end, offset });
    };
  }

  #endList(): void {
    if (this.#failed) Atomics.add(this.#control, Control.failed, 1);
    this.#failed = false;
    this.#step = 0;
    Atomics.add(this.#control, Control.done, 1);
    Atomics.notify(this.#control, Control.done);
  }
}

new DiskThread(workerData as WorkerInput).run();
