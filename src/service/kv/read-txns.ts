import type { RequestError } from "../../apply/errors.ts";
import { RangeReader } from "../../apply/range/range-reader.ts";
import type { Steps } from "../../apply/steps.ts";
import { Comparer } from "../../apply/txn/compare.ts";
import { Executor, type TxnRun } from "../../apply/txn/execute.ts";
import { type Leases, PlanChecker, planTxn, type TxnPlan } from "../../apply/txn/plan.ts";
import { type TxnResult, writeTxnResult } from "../../apply/txn/result.ts";
import { ByteWriter } from "../../base/byte-writer.ts";
import type { KvStore, ReadView } from "../../mvcc/store/store.ts";
import type { Clock } from "../../platform/clock.ts";
import type { TxnRequest } from "../../proto/gen/etcdserverpb.ts";
import { WIRE_ERRORS } from "../errors.ts";
import type { HeaderWriter } from "../header.ts";
import type { Job, JobRunner } from "../jobs.ts";
import type { TableMemory } from "../range/table-memory.ts";
import type { ReplySink, Token } from "../rpc.ts";
import { TurnBudget } from "../turn-budget.ts";
import { type LargeReplies, SMALL_REPLY_BYTES } from "./large-replies.ts";

/** Time in one turn of the event loop for transactions that are answered as they come, ms. */
const AT_ONCE_TURN_MS = 1;

/** What a transaction that waits costs beside its request and reply, bytes. */
const TXN_BYTES = 4096;

/** What transactions that only read need of their surroundings. */
export interface ReadTxnsOptions {
  readonly clock: Clock;
  readonly store: KvStore;
  readonly leases: Leases;
  readonly header: HeaderWriter;
  readonly jobs: JobRunner;
  readonly sink: () => ReplySink;
  readonly replies: LargeReplies;
  /** What those that wait hold. */
  readonly memory: TableMemory;
}

/**
 * Answers transactions that only read (TXN16), each at one revision: at once as long as the turn
 * has time, the rest as jobs. A hundred ranges of everything are a minute's work.
 */
export class ReadTxns {
  readonly #options: ReadTxnsOptions;
  readonly #comparer: Comparer;
  readonly #checker: PlanChecker;
  readonly #executor: Executor;
  readonly #turn: TurnBudget;
  readonly #waiting = new Map<Token, ReadTxn>();
  readonly #out = new ByteWriter();

  constructor(options: ReadTxnsOptions) {
    const { store, leases, clock } = options;
    this.#options = options;
    this.#comparer = new Comparer(store);
    this.#checker = new PlanChecker(store, leases);
    this.#executor = new Executor(store, new RangeReader(store), true);
    this.#turn = new TurnBudget(clock, AT_ONCE_TURN_MS);
  }

  /**
   * Answers `request` on the state as it is now. `own`: makes the request with bytes of its own,
   * for when those of `request` are gone; called once at most, before this returns.
   */
  start(token: Token, request: TxnRequest, requestBytes: number, own: () => TxnRequest): void {
    const { store, clock, jobs, memory } = this.#options;
    const revision = store.currentRevision;
    const isLong = hasRanges(request);
    const view = isLong ? store.openView(revision, clock.monotonicMs()) : null;
    const txn = new ReadTxn({
      clock,
      view: view === null || typeof view === "string" ? null : view,
      memory,
      heldBytes: TXN_BYTES + requestBytes,
      steps: (one) => this.#steps(isLong ? own() : request, revision, one),
      finished: (result) => {
        this.#waiting.delete(token);
        this.#answer(token, result, revision);
      },
    });
    do {
      if (txn.step()) return;
    } while (!isLong || !this.#turn.isOver());
    this.#waiting.set(token, txn);
    jobs.add(txn);
  }

  /** The call is dead. */
  cancel(token: Token): void {
    this.#waiting.get(token)?.cancel();
    this.#waiting.delete(token);
  }

  /** Transactions that wait. */
  get underWay(): number {
    return this.#waiting.size;
  }

  *#steps(request: TxnRequest, revision: number, txn: ReadTxn): Steps<TxnResult | RequestError> {
    const plan = yield* planTxn(request, this.#comparer, revision);
    const error = this.#checker.check(plan, revision);
    if (error !== null) return error;
    const oldest = oldestRevision(plan, revision);
    if (txn.view !== null && oldest < revision) {
      const { store, clock } = this.#options;
      const view = store.openView(oldest, clock.monotonicMs());
      if (typeof view === "string") return "compacted";
      txn.view.close();
      txn.view = view;
    }
    txn.run = this.#executor.newRun(true, revision);
    return yield* this.#executor.runInSteps(plan, txn.run);
  }

  #answer(token: Token, result: TxnResult | RequestError, revision: number): void {
    const sink = this.#options.sink();
    if (typeof result === "string") {
      const { code, message } = WIRE_ERRORS[result];
      sink.finish(token, code, message);
      return;
    }
    const head = this.#out;
    head.reset();
    this.#options.header.write(head, revision);
    if (result.bytes > SMALL_REPLY_BYTES) {
      return this.#options.replies.txn(token, head.bytes.slice(0, head.length), result);
    }
    writeTxnResult(result, head);
    sink.reply(token, head.bytes, 0, head.length);
  }
}

/** Whether it reads more than single keys. */
function hasRanges({ compare, success, failure }: TxnRequest): boolean {
  if (compare.some((one) => one.rangeEnd.length > 0)) return true;
  return [success, failure].some((ops) =>
    ops.some(
      ({ request }) => request?.case === "requestRange" && request.value.rangeEnd.length > 0,
    ),
  );
}

/** The oldest revision that is read, not above `revision`. Such transactions are not nested. */
function oldestRevision(plan: TxnPlan, revision: number): number {
  let oldest = revision;
  for (const { op } of plan.steps) {
    if (op?.request?.case !== "requestRange") continue;
    const at = op.request.value.revision;
    if (at > 0 && at < oldest) oldest = at;
  }
  return oldest;
}

interface ReadTxnOptions {
  readonly clock: Clock;
  /** Keeps what it reads from compaction; null for what is done in one turn. */
  readonly view: ReadView | null;
  readonly memory: TableMemory;
  /** What it holds beside its reply. */
  readonly heldBytes: number;
  readonly steps: (txn: ReadTxn) => Steps<TxnResult | RequestError>;
  /** Not called after `cancel`. */
  readonly finished: (result: TxnResult | RequestError) => void;
}

/** One transaction under way. */
class ReadTxn implements Job {
  view: ReadView | null;
  /** Once its plan is made. */
  run: TxnRun | null = null;
  readonly #options: ReadTxnOptions;
  readonly #steps: Steps<TxnResult | RequestError>;
  #takenBytes = 0;
  #isOver = false;

  constructor(options: ReadTxnOptions) {
    this.#options = options;
    this.view = options.view;
    this.#steps = options.steps(this);
  }

  step(): boolean {
    if (this.#isOver) return true;
    this.view?.touch(this.#options.clock.monotonicMs());
    if (!this.#takeMemory()) return this.#finish("tooManyRequests");
    const step = this.#steps.next();
    return step.done === true && this.#finish(step.value);
  }

  /** The call is dead: the work ends. */
  cancel(): void {
    this.#isOver = true;
    this.view?.close();
    this.#options.memory.give(this.#takenBytes);
  }

  #finish(result: TxnResult | RequestError): true {
    this.cancel();
    this.#options.finished(result);
    return true;
  }

  /** False when others hold too much. */
  #takeMemory(): boolean {
    const { memory, heldBytes } = this.#options;
    const more = heldBytes + (this.run?.replyBytes ?? 0) - this.#takenBytes;
    if (more === 0) return true;
    if (!memory.take(more, this.#takenBytes)) return false;
    this.#takenBytes += more;
    return true;
  }
}
