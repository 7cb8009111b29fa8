import type { RequestError } from "../../apply/errors.ts";
import type { Quota } from "../../apply/quota.ts";
import type { Steps } from "../../apply/steps.ts";
import { LongTxn } from "../../apply/txn/long/long-txn.ts";
import { surveyTxn } from "../../apply/txn/long/survey.ts";
import { ProtoError } from "../../proto/wire.ts";
import type { JobRunner } from "../jobs.ts";
import type { Token } from "../rpc.ts";
import { checkLongTxn, isReadOnly } from "./check.ts";

/** Where long transactions go when they are checked. */
export interface LongTxnsOptions {
  readonly jobs: JobRunner;
  readonly quota: Quota;
  readonly maxTxnOps: number;
  readonly unreadable: (token: Token, error: ProtoError) => void;
  readonly refuseForSpace: (token: Token) => void;
  readonly fail: (token: Token, error: RequestError) => void;
  readonly accept: (token: Token, bytes: Uint8Array, isReadOnly: boolean) => void;
}

interface Waiting {
  readonly token: Token;
  readonly bytes: Uint8Array;
}

/**
 * Checks transactions of very many operations, in the order and with the errors of all others, but
 * in steps between other calls; one at a time, as the keys of one may take some megabytes.
 */
export class LongTxns {
  readonly #options: LongTxnsOptions;
  /** In the order in which they came; the first is under way. */
  readonly #waiting = new Map<Token, Waiting>();
  #steps: Steps<void> | null = null;
  #isScheduled = false;

  constructor(options: LongTxnsOptions) {
    this.#options = options;
  }

  /** Transactions that wait or are being checked. */
  get underWay(): number {
    return this.#waiting.size;
  }

  /** `bytes`: the request, in memory of its own. */
  start(token: Token, bytes: Uint8Array): void {
    this.#waiting.set(token, { token, bytes });
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.jobs.add({ step: () => this.#step() });
  }

  /** The call is dead. */
  cancel(token: Token): void {
    const [first] = this.#waiting.keys();
    if (first === token) this.#steps = null;
    this.#waiting.delete(token);
  }

  #step(): boolean {
    const [first] = this.#waiting.values();
    if (first === undefined) {
      this.#isScheduled = false;
      return true;
    }
    this.#steps ??= this.#check(first);
    try {
      if (this.#steps.next().done !== true) return false;
    } catch (error) {
      if (!(error instanceof ProtoError)) throw error;
      this.#options.unreadable(first.token, error);
    }
    this.#steps = null;
    this.#waiting.delete(first.token);
    return false;
  }

  *#check({ token, bytes }: Waiting): Steps<void> {
    const { quota, maxTxnOps, refuseForSpace, fail, accept } = this.#options;
    if (!quota.hasRoom(yield* surveyTxn(bytes, 0, bytes.length))) return refuseForSpace(token);
    const txn = new LongTxn(bytes, 0, bytes.length);
    const error = yield* checkLongTxn(txn, maxTxnOps);
    if (error !== null) return fail(token, error);
    yield* txn.open();
    accept(token, bytes, isReadOnly(txn));
  }
}
