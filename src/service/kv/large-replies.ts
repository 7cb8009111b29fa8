import type { Steps } from "../../apply/steps.ts";
import { type Chunks, type TxnResult, writeTxnResultInSteps } from "../../apply/txn/result.ts";
import type { JobRunner } from "../jobs.ts";
import { PartsSource, PartsWriter } from "../parts.ts";
import { sendError } from "../range/reply-parts.ts";
import type { TableMemory } from "../range/table-memory.ts";
import type { ReplySink, Token } from "../rpc.ts";

/** Replies up to this size are made at once; larger ones are sent from where their parts are. */
export const SMALL_REPLY_BYTES = 64 * 1024;

/** What large replies need of their surroundings. */
export interface LargeRepliesOptions {
  readonly jobs: JobRunner;
  readonly sink: () => ReplySink;
  /** Replies hold on to their bytes until the reader has taken them: others get less. */
  readonly memory: TableMemory;
}

/**
 * Sends what transactions and deletions found when it is too much to be copied: a reply of 256 MiB
 * would take a tenth of a second, twice.
 */
export class LargeReplies {
  readonly #options: LargeRepliesOptions;

  constructor(options: LargeRepliesOptions) {
    this.#options = options;
  }

  /** Replies with `head` and what a transaction did; of very many operations in later turns. */
  txn(token: Token, head: Uint8Array, result: TxnResult): void {
    if (this.#isRefused(token, head.length + result.bytes)) return;
    const out = new PartsWriter();
    out.raw(head, 0, head.length);
    const steps = writeTxnResultInSteps(result, out);
    const step = (): boolean => this.#goOn(token, steps, out);
    if (!step()) this.#options.jobs.add({ step });
  }

  /** Replies with `head`, which may not change any more, and `tail` behind it. */
  chunks(token: Token, head: Uint8Array, tail: Chunks): void {
    if (!this.#isRefused(token, head.length + tail.bytes)) this.#send(token, [head, ...tail.parts]);
  }

  #goOn(token: Token, steps: Steps<void>, out: PartsWriter): boolean {
    if (steps.next().done !== true) return false;
    out.flush();
    this.#send(token, out.parts);
    return true;
  }

  #isRefused(token: Token, bytes: number): boolean {
    const error = sendError(bytes);
    if (error !== null) this.#options.sink().finish(token, error.code, error.message);
    return error !== null;
  }

  #send(token: Token, parts: readonly Uint8Array[]): void {
    const { memory, sink } = this.#options;
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    memory.take(bytes, Number.POSITIVE_INFINITY);
    sink().replyFrom(token, bytes, new PartsSource(parts, () => memory.give(bytes)));
  }
}
