import type { Message } from "../message.ts";
import type { JointConfig } from "../quorum/joint.ts";
import { NO_DATA } from "../types.ts";

/** A read request with the commit index of the moment it arrived. */
export interface ReadRequest {
  readonly message: Message;
  readonly index: number;
}

const NO_REQUESTS: readonly ReadRequest[] = [];
const TWO_32 = 0x1_0000_0000;

/**
 * Reads that wait until a quorum confirms the leader (raft.md B11, B12). They stand in a queue and
 * are counted; a heartbeat carries the count up to which its answer confirms all of them.
 */
export class ReadOnly {
  #queue: ReadRequest[] = [];
  /** How many left the queue: the position of its front. */
  #confirmed = 0;
  /** The position each member confirmed last. */
  readonly #acks = new Map<bigint, number>();

  /** Forgets requests and confirmations: none may count for another leadership. */
  reset(): void {
    this.#queue = [];
    this.#confirmed = 0;
    this.#acks.clear();
  }

  add(message: Message, index: number): void {
    this.#queue.push({ message, index });
  }

  /** What a heartbeat carries to confirm everything queued; without bytes when nothing is. */
  context(): Uint8Array {
    if (this.#queue.length === 0) return NO_DATA;
    const position = this.#confirmed + this.#queue.length;
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, position, true);
    view.setUint32(4, position / TWO_32, true);
    return bytes;
  }

  /** `from` answered a heartbeat that carried `context`. */
  acknowledge(from: bigint, context: Uint8Array): void {
    const position = positionOf(context);
    if (position > (this.#acks.get(from) ?? 0)) this.#acks.set(from, position);
  }

  /** Takes the requests off the queue that a quorum of `voters` has confirmed. */
  takeConfirmed(voters: JointConfig): readonly ReadRequest[] {
    const confirmed = voters.committedIndex(this.#acks);
    const count = Math.min(confirmed - this.#confirmed, this.#queue.length);
    if (count <= 0) return NO_REQUESTS;
    this.#confirmed += count;
    return this.#queue.splice(0, count);
  }
}

/** Contexts of another length were not made here and confirm nothing. */
function positionOf(context: Uint8Array): number {
  if (context.length !== 8) return 0;
  const view = new DataView(context.buffer, context.byteOffset, 8);
  return view.getUint32(0, true) + view.getUint32(4, true) * TWO_32;
}
