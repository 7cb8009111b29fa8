import { performance } from "node:perf_hooks";
import v8 from "node:v8";
import vm from "node:vm";

/** How often it is looked. */
const LOOK_MS = 1000;
/** Nobody asks for anything: timers alone take less of the event loop than this part … */
const IDLE_PART = 0.01;
/** … in so many looks, one after the other. */
const IDLE_LOOKS = 5;
/** What may be garbage is worth a collection from so many bytes on. */
const GARBAGE_MIN = 24 * 1024 * 1024;

/** What an IdleCollection looks at, and does. */
export interface ProcessMemory {
  /** Part of the time since the last call in which the event loop worked, 0 to 1. */
  busyPart(): number;
  /** Bytes of the heap and of buffers outside of it, garbage included. */
  bytes(): number;
  /** Collects all garbage; takes some 20 ms, in which nothing else is done. */
  collect(): void;
}

/**
 * Gives memory back that a load left behind. V8 collects when something is allocated, so a server
 * that nobody asks any more would keep a hundred megabytes of garbage until the next load.
 */
export class IdleCollection {
  readonly #memory: ProcessMemory;
  #idleLooks = 0;
  #floor: number;

  constructor(memory: ProcessMemory) {
    this.#memory = memory;
    this.#floor = memory.bytes();
  }

  /** To be called once a second. */
  look(): void {
    const isIdle = this.#memory.busyPart() < IDLE_PART;
    this.#idleLooks = isIdle ? this.#idleLooks + 1 : 0;
    const bytes = this.#memory.bytes();
    this.#floor = Math.min(this.#floor, bytes);
    if (this.#idleLooks < IDLE_LOOKS || bytes < this.#floor + GARBAGE_MIN) return;
    this.#memory.collect();
    this.#floor = this.#memory.bytes();
    this.#idleLooks = 0;
  }
}

/** Collects this process's garbage whenever it is idle, from now on. */
export function collectWhenIdle(): void {
  const collection = new IdleCollection(memoryOfProcess());
  setInterval(() => collection.look(), LOOK_MS).unref();
}

function memoryOfProcess(): ProcessMemory {
  v8.setFlagsFromString("--expose-gc");
  const collect = vm.runInNewContext("gc") as () => void;
  let before = performance.eventLoopUtilization();
  return {
    busyPart: () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      return utilization;
    },
    bytes: () => {
      const { used_heap_size: heap, external_memory: external } = v8.getHeapStatistics();
      return heap + external;
    },
    collect: () => collect(),
  };
}
