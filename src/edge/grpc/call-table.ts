import type { Token } from "../../service/rpc.ts";
import { plainHeaderBlock } from "../../wire/grpc/reply-blocks.ts";
import { Call } from "./call.ts";

/** Bits of a token that number the record; the bits above count its lives. */
const slotBits = 20;
const slotCount = 2 ** slotBits;
const slotMask = slotCount - 1;

/** A record that has lived so often is not used again: its tokens are used up. */
const livesMax = 2 ** (53 - slotBits) - 1;

/**
 * The records of live calls. A token is slot + life · 2^20, so that a late answer to a dead call
 * finds either nothing or a record with another token.
 */
export class CallTable {
  readonly #calls: Call[] = [];
  readonly #free: Call[] = [];
  readonly #maxCalls: number;
  #live = 0;

  /** At most `maxCalls` at a time, and never more than 2^20. */
  constructor(maxCalls: number) {
    this.#maxCalls = Math.min(maxCalls, slotCount);
  }

  get live(): number {
    return this.#live;
  }

  /** True when `take` would yield nothing. */
  get full(): boolean {
    return (
      this.#live >= this.#maxCalls || (this.#free.length === 0 && this.#calls.length >= slotCount)
    );
  }

  /** A record with a fresh token, or null when all are in use. */
  take(): Call | null {
    if (this.#live >= this.#maxCalls) return null;
    const call = this.#free.pop() ?? this.#grow();
    if (call !== null) this.#live++;
    return call;
  }

  #grow(): Call | null {
    const slot = this.#calls.length;
    if (slot >= slotCount) return null;
    const call = new Call(slot, slot + slotCount, plainHeaderBlock);
    this.#calls.push(call);
    return call;
  }

  /** The live call of a token, or null. */
  find(token: Token): Call | null {
    const call = this.#calls[token & slotMask];
    return call !== undefined && call.token === token && call.connection !== null ? call : null;
  }

  /** Ends the life of a record and clears what it holds. */
  release(call: Call): void {
    call.connection = null;
    call.dispatched = false;
    call.headersSent = false;
    call.clientEnded = false;
    call.gzip = false;
    call.headerBlock = plainHeaderBlock;
    if (call.fieldCount > 0) {
      call.fields.length = 0;
      call.fieldCount = 0;
    }
    if (call.reader !== null) call.reader.reset();
    call.request = null;
    call.source = null;
    call.lastMessage = false;
    call.deadlineMs = 0;
    this.#live--;
    if (call.token / slotCount >= livesMax) return;
    call.token += slotCount;
    this.#free.push(call);
  }
}
