import type { Clock } from "../../platform/clock.ts";
import type { ProposeRefusal, RaftNode } from "../../raft/node.ts";
import type { Entry } from "../../raft/types.ts";
import type { LogStorage, StateMachine } from "../state-machine.ts";

/**
 * Committed entries that may wait for apply before proposals are refused with
 * `etcdserver: too many requests` (limits.md 3: etcd's gap of 5000).
 */
export const APPLY_BACKLOG_MAX = 5000;

/** Time for starting slices of apply in one turn; each slice has its own, as short a limit. */
const APPLY_TURN_MS = 1;
/** How often a state machine that can apply nothing is asked again. */
const BLOCKED_RETRY_MS = 1;

/** What a Group joins together. */
export interface GroupOptions {
  readonly node: RaftNode;
  readonly log: LogStorage;
  readonly stateMachine: StateMachine;
  readonly clock: Clock;
  /** Length of a tick of logical time. */
  readonly tickMs: number;
  /** A read index was confirmed and applied: reads of `context` may be answered now. */
  readonly onReadable: (context: number) => void;
  /** Once a tick, after the core ticked. */
  readonly onTick: () => void;
  /**
   * Applying failed: the state can no longer be trusted to follow the log. The group has stopped.
   */
  readonly onFatal: (error: Error) => void;
}

/** Why a proposal was not taken. */
export type Refusal = ProposeRefusal | "too many requests";

/** Entries that were handed over for apply, and how far apply got. */
interface ApplyWork {
  readonly entries: readonly Entry[];
  next: number;
}

/**
 * The Ready loop of one Raft group (raft.md 12 and 13): persists, applies, answers reads. Proposals
 * and reads of one turn of the event loop share one Ready, and so one write and one sync.
 */
export class Group {
  readonly #options: GroupOptions;
  readonly #node: RaftNode;
  /** Tickets not yet durable with what their durability acknowledges to the core. */
  readonly #acks: { ticket: number; index: number; term: number }[] = [];
  readonly #applyQueue: ApplyWork[] = [];
  readonly #reads: { context: number; index: number }[] = [];
  #scheduled = false;
  #applyScheduled = false;
  #stopped = false;
  #term = 0;

  constructor(options: GroupOptions) {
    this.#options = options;
    this.#node = options.node;
  }

  /** Term of the last applied entry: what response headers show (semantics.md 2). */
  get appliedTerm(): number {
    return this.#term;
  }

  get node(): RaftNode {
    return this.#node;
  }

  start(): void {
    // A log of one campaigns at its first tick; there is nobody to wait for.
    this.#node.tick();
    this.#armTick();
    this.#schedule();
  }

  /** Nothing is proposed, applied or called back any more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Null when `data` was proposed; it must not change afterwards. */
  propose(data: Uint8Array): Refusal | null {
    const node = this.#node;
    if (node.commitIndex - node.appliedIndex > APPLY_BACKLOG_MAX) return "too many requests";
    const refusal = node.propose(data);
    if (refusal === null) this.#schedule();
    return refusal;
  }

  /** True when the applied state answers a linearizable read at once. */
  readNow(): boolean {
    return this.#node.readNow();
  }

  /** `onReadable(context)` follows; false when no leader is known, ask again later. */
  readIndex(context: number): boolean {
    if (!this.#node.readIndex(context)) return false;
    this.#schedule();
    return true;
  }

  /** To be called when the log reports durability. */
  durable(): void {
    if (this.#stopped) return;
    const durableTicket = this.#options.log.durableTicket();
    const acks = this.#acks;
    let done = 0;
    while (done < acks.length && acks[done]!.ticket <= durableTicket) {
      this.#node.appended(acks[done]!.index, acks[done]!.term);
      done += 1;
    }
    if (done > 0) acks.splice(0, done);
    this.#run();
  }

  #armTick(): void {
    const { clock, tickMs } = this.#options;
    clock.startTimer(tickMs, () => {
      if (this.#stopped) return;
      // What the sockets already hold goes first; a stall owes no ticks (design decision 8).
      clock.defer(() => this.#tick());
    });
  }

  #tick(): void {
    if (this.#stopped) return;
    this.#node.tick();
    this.#options.onTick();
    this.#run();
    this.#armTick();
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    this.#options.clock.defer(this.#runScheduled);
  }

  readonly #runScheduled = (): void => {
    this.#scheduled = false;
    this.#run();
  };

  #run(): void {
    if (this.#stopped) return;
    const { log } = this.#options;
    try {
      while (this.#node.hasReady() && !log.isFull()) this.#handle();
      this.#apply();
    } catch (error) {
      this.#stopped = true;
      this.#options.onFatal(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #handle(): void {
    const node = this.#node;
    const { log } = this.#options;
    const ready = node.ready();
    if (ready.hardState !== null || ready.entries.length > 0) {
      const ticket = log.save(ready.hardState, ready.entries);
      if (ready.mustSync) {
        const index = ready.entries.at(-1)?.index ?? node.lastIndex;
        this.#acks.push({ ticket, index, term: node.term });
        log.flush();
      }
    }
    if (ready.committed.length > 0) this.#applyQueue.push({ entries: ready.committed, next: 0 });
    for (const read of ready.readStates) this.#reads.push(read);
  }

  /** A slice; the rest follows after the sockets had their turn (design decision 6). */
  #apply(): void {
    if (this.#applyScheduled) return;
    const queue = this.#applyQueue;
    if (queue.length > 0) {
      const { clock, stateMachine } = this.#options;
      const deadlineMs = clock.monotonicMs() + APPLY_TURN_MS;
      while (queue.length > 0 && this.#applySlice(queue[0]!)) {
        if (clock.monotonicMs() >= deadlineMs) break;
      }
      if (queue.length > 0) {
        this.#applyScheduled = true;
        if (stateMachine.isBlocked) clock.startTimer(BLOCKED_RETRY_MS, this.#applyAgain);
        else clock.defer(this.#applyAgain);
      }
    }
    this.#answerReads();
  }

  readonly #applyAgain = (): void => {
    this.#applyScheduled = false;
    this.#run();
  };

  /** True when all of `work` is applied, and it is off the queue. */
  #applySlice(work: ApplyWork): boolean {
    const { entries } = work;
    const count = this.#options.stateMachine.apply(entries, work.next);
    if (count === 0) return false;
    const end = work.next + count;
    let payloadBytes = 0;
    for (let i = work.next; i < end; i += 1) payloadBytes += entries[i]!.data.length;
    work.next = end;
    const last = entries[end - 1]!;
    this.#term = last.term;
    this.#node.applied(last.index, payloadBytes);
    if (end < entries.length) return false;
    this.#applyQueue.shift();
    return true;
  }

  #answerReads(): void {
    const reads = this.#reads;
    const appliedIndex = this.#node.appliedIndex;
    let done = 0;
    while (done < reads.length && reads[done]!.index <= appliedIndex) done += 1;
    if (done === 0) return;
    for (const read of reads.splice(0, done)) this.#options.onReadable(read.context);
  }
}
