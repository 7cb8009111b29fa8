import type { Steps } from "../../apply/steps.ts";
import { ChunkWriter } from "../../base/chunk-writer.ts";
import { WIRE_ERRORS, type WireError } from "../errors.ts";
import type { Job } from "../jobs.ts";
import { PartsSource } from "../parts.ts";
import { sendError } from "../range/reply-parts.ts";
import type { TableMemory } from "../range/table-memory.ts";
import type { ReplySink, Token } from "../rpc.ts";
import type { ListBody } from "./list-bodies.ts";

/** Replies that one step sends. */
const STEP_REPLIES = 16;

/** What a list is made with. */
export interface SharedListOptions {
  readonly write: (body: ListBody) => Steps<void>;
  readonly sink: () => ReplySink;
  readonly memory: TableMemory;
  /** The call has its reply or its error; not called for those that were cancelled. */
  readonly onAnswered: (token: Token) => void;
}

/**
 * One list, made in slices, and all calls that it answers: each has a head of its own, the body is
 * the same bytes. Nothing is allocated before the first step. What the body takes counts until the
 * last of its readers has it.
 */
export class SharedList implements Job {
  readonly #options: SharedListOptions;
  /** The heads of those who wait. */
  readonly #waiting = new Map<Token, Uint8Array>();
  #body: { readonly out: ChunkWriter; workBytes: number } | null = null;
  #steps: Steps<void> | null = null;
  #parts: readonly Uint8Array[] | null = null;
  #refusal: WireError | null = null;
  #heldBytes = 0;
  #readers = 0;

  constructor(options: SharedListOptions) {
    this.#options = options;
  }

  /** One more call to answer; before the first step only. */
  add(token: Token, head: Uint8Array): void {
    this.#waiting.set(token, head);
  }

  /** The call is dead. */
  cancel(token: Token): void {
    this.#waiting.delete(token);
  }

  step(): boolean {
    if (this.#waiting.size === 0) return this.#end();
    if (this.#parts !== null) return this.#send(this.#parts);
    this.#body ??= { out: new ChunkWriter(), workBytes: 0 };
    this.#steps ??= this.#options.write(this.#body);
    const isWritten = this.#steps.next().done === true;
    if (!this.#hold(this.#body.out.totalBytes + this.#body.workBytes)) {
      this.#refusal = WIRE_ERRORS.tooManyRequests;
      this.#body = null;
      this.#parts = [];
    } else if (isWritten) this.#parts = this.#body.out.chunks();
    return false;
  }

  /** Sends some of the replies. */
  #send(parts: readonly Uint8Array[]): boolean {
    let sent = 0;
    for (const [token, head] of this.#waiting) {
      if (sent === STEP_REPLIES) return false;
      sent += 1;
      const bytes = head.length + this.#heldBytes;
      const error = this.#refusal ?? sendError(bytes);
      if (error !== null) {
        this.#refuse(token, error);
        continue;
      }
      this.#answered(token);
      this.#readers += 1;
      const source = new PartsSource([head, ...parts], this.#onRelease);
      this.#options.sink().replyFrom(token, bytes, source);
    }
    return this.#end();
  }

  #refuse(token: Token, { code, message }: WireError): void {
    this.#answered(token);
    this.#options.sink().finish(token, code, message);
  }

  #answered(token: Token): void {
    this.#waiting.delete(token);
    this.#options.onAnswered(token);
  }

  #end(): boolean {
    this.#body = null;
    this.#steps = null;
    this.#parts = null;
    this.#giveUnread();
    return true;
  }

  /** False when others hold too much. */
  #hold(bytes: number): boolean {
    const more = bytes - this.#heldBytes;
    if (more <= 0) this.#options.memory.give(-more);
    else if (!this.#options.memory.take(more, this.#heldBytes)) return false;
    this.#heldBytes = bytes;
    return true;
  }

  readonly #onRelease = (): void => {
    this.#readers -= 1;
    this.#giveUnread();
  };

  #giveUnread(): void {
    if (this.#readers === 0 && this.#parts === null) this.#hold(0);
  }
}
