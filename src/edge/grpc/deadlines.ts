import type { Clock } from "../../platform/clock.ts";
import type { Call } from "./call.ts";

/** Width of a slot, ms: how late a deadline may be noticed. */
const slotMs = 8;
/** One turn of the wheel is 8.2 s: calls with the usual 5 s are looked at once. */
const slotCount = 1024;

/**
 * Deadlines of calls on a wheel: entering and leaving cost a few stores, one timer runs for all,
 * and none when no call has a deadline.
 *
 * Invariant: a call is in the list of `wheelSlot`, which is -1 when it is in none.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #expired: (call: Call) => void;
  readonly #heads: (Call | null)[] = new Array<Call | null>(slotCount).fill(null);
  #count = 0;
  #ticking = false;
  /** The next slot to look at, counted from the clock's origin. */
  #position = 0;

  /**
   * `expired` is called for each call whose deadline has passed, after it was taken off the wheel.
   */
  constructor(clock: Clock, expired: (call: Call) => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  /** Sets the deadline of a call that has none; `deadlineMs` is monotonic and in the future. */
  add(call: Call, deadlineMs: number): void {
    call.deadlineMs = deadlineMs;
    if (this.#count++ === 0) this.#start();
    // Rounded up: the slot is looked at when all its deadlines have passed.
    const due = Math.max(Math.floor(deadlineMs / slotMs) + 1, this.#position);
    const slot = due % slotCount;
    const head = this.#heads[slot] as Call | null;
    call.wheelSlot = slot;
    call.earlier = null;
    call.later = head;
    if (head !== null) head.earlier = call;
    this.#heads[slot] = call;
  }

  /** Forgets the deadline of a call, if it has one. */
  remove(call: Call): void {
    const slot = call.wheelSlot;
    if (slot < 0) return;
    const { earlier, later } = call;
    if (earlier === null) this.#heads[slot] = later;
    else earlier.later = later;
    if (later !== null) later.earlier = earlier;
    call.earlier = null;
    call.later = null;
    call.wheelSlot = -1;
    this.#count--;
  }

  #start(): void {
    if (this.#ticking) return;
    this.#ticking = true;
    this.#position = Math.floor(this.#clock.monotonicMs() / slotMs);
    this.#clock.startTimer(slotMs, this.#tick);
  }

  readonly #tick = (): void => {
    this.#ticking = false;
    const nowMs = this.#clock.monotonicMs();
    const now = Math.floor(nowMs / slotMs);
    // After a long stall one turn visits every slot.
    const from = Math.max(this.#position, now - slotCount + 1);
    this.#position = now + 1;
    for (let slot = from; slot <= now; slot++) this.#visit(slot % slotCount, nowMs);
    if (this.#count === 0) return;
    this.#ticking = true;
    this.#clock.startTimer(slotMs, this.#tick);
  };

  #visit(slot: number, nowMs: number): void {
    let due: Call[] | null = null;
    for (let call = this.#heads[slot] as Call | null; call !== null; call = call.later) {
      if (call.deadlineMs <= nowMs) (due ??= []).push(call);
    }
    if (due === null) return;
    // `expired` may end other calls of this list, and their records may live again already.
    for (const call of due) {
      if (call.wheelSlot !== slot || call.deadlineMs > nowMs) continue;
      this.remove(call);
      this.#expired(call);
    }
  }
}
