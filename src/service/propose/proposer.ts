import type { RequestError } from "../../apply/errors.ts";
import { NOBODY, ProposalTable } from "../../consensus/group/proposal-table.ts";
import { joinLeaseId } from "../../lease/lease-id.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Consensus } from "../consensus.ts";
import { type WireError, WIRE_ERRORS } from "../errors.ts";
import type { ReplySink, Token } from "../rpc.ts";
import { EntryEncoder } from "./entry-encoder.ts";
import { firstRequestId, requestIdHigh, requestIdLow } from "./request-id.ts";

/** etcd's own time on top of two election timeouts (limits.md 2). */
const PROPOSAL_BASE_MS = 5000;

/** All of a signed half but its sign. */
const HIGH_31 = 0x7fff_ffff;

/** Field numbers of requests in InternalRaftRequest. */
export const RequestField = {
  put: 4,
  deleteRange: 5,
  txn: 6,
  compaction: 7,
  leaseGrant: 8,
  leaseRevoke: 9,
  alarm: 10,
  leaseCheckpoint: 11,
  clusterVersionSet: 1300,
  clusterMemberAttrSet: 1301,
} as const;
export type RequestField = (typeof RequestField)[keyof typeof RequestField];

/** How a proposal of the member itself ended; null: it was applied. */
type InternalDone = (error: RequestError | null) => void;

interface InternalProposal {
  readonly startedMs: number;
  /** It does not time out while this is the term; null: it does. */
  readonly term: number | null;
  readonly done: InternalDone;
}

/** What a Proposer works with. */
export interface ProposerOptions {
  readonly clock: Clock;
  readonly consensus: Consensus;
  readonly memberId: bigint;
  readonly maxRequestBytes: number;
  readonly electionTimeoutMs: number;
  readonly sink: () => ReplySink;
  /** A proposal was refused or timed out: no result of it will be handed to `token`. */
  readonly onGivenUp: (token: Token) => void;
}

/** Turns requests into log entries and remembers who waits for which. */
export class Proposer {
  readonly #options: ProposerOptions;
  readonly #encoder: EntryEncoder;
  readonly #table: ProposalTable;
  readonly #timeoutMs: number;
  /** Proposals of the member itself, by request id, oldest first. */
  readonly #internal = new Map<number, InternalProposal>();
  /** Proposals that failed, for metrics. */
  failures = 0;

  constructor(options: ProposerOptions) {
    this.#options = options;
    this.#encoder = new EntryEncoder(options.memberId);
    this.#table = new ProposalTable(firstRequestId(options.clock.wallMs()));
    this.#timeoutMs = PROPOSAL_BASE_MS + 2 * options.electionTimeoutMs;
  }

  /** Proposals nobody heard of yet. */
  get pending(): number {
    return this.#table.waiting;
  }

  /** Proposes `bytes[start, end)` for `token`; a refusal is answered at once, all else later. */
  propose(
    field: RequestField,
    bytes: Uint8Array,
    range: { start: number; end: number },
    token: Token,
  ): void {
    const { clock, consensus, maxRequestBytes } = this.#options;
    const requestId = this.#table.add(token, clock.monotonicMs());
    const data = this.#encoder.encode(field, bytes, range, requestId);
    if (data.length > maxRequestBytes) {
      this.#refuse(requestId, WIRE_ERRORS.requestTooLarge);
      return;
    }
    const refusal = consensus.propose(data);
    if (refusal === null) return;
    this.failures += 1;
    this.#refuse(requestId, WIRE_ERRORS[refusalError(refusal)]);
  }

  /**
   * Proposes for the member itself. Returns why it was refused; or null, and `done` follows, with
   * null when it was applied, or with why it was not (what timed out may be applied later).
   */
  proposeInternal(field: RequestField, bytes: Uint8Array, done: InternalDone): RequestError | null {
    return this.#proposeInternal(field, bytes, done, null);
  }

  /**
   * The same for what must not be in the log twice: it does not time out while the term lasts in
   * which it was proposed, for it is in the log then, and will be applied.
   */
  proposePatiently(
    field: RequestField,
    bytes: Uint8Array,
    done: InternalDone,
  ): RequestError | null {
    return this.#proposeInternal(field, bytes, done, this.#options.consensus.status().term);
  }

  /** An id for a lease of a client that gave none: positive, as etcd makes them (semantics L1). */
  newLeaseId(): bigint {
    const id = this.#table.addUnwaited();
    return joinLeaseId(requestIdHigh(this.#options.memberId, id) & HIGH_31, requestIdLow(id) | 0);
  }

  /** True when a call or the member itself waits for `requestId`. */
  wants(requestId: number): boolean {
    return this.#table.peek(requestId) !== NOBODY;
  }

  /** Ends the wait for `requestId`, which ended with `error`; its token, or NOBODY. */
  take(requestId: number, error: RequestError | null = null): Token {
    const token = this.#table.take(requestId);
    if (token === NOBODY && this.#internal.size > 0) this.#finishInternal(requestId, error);
    return token;
  }

  /** Answers what waited too long (etcd: 5 s + 2 × election timeout). */
  expire(): void {
    const beforeMs = this.#options.clock.monotonicMs() - this.#timeoutMs;
    this.#table.expire(beforeMs, (token) => {
      this.failures += 1;
      this.#giveUp(token, WIRE_ERRORS.timeout);
    });
    this.#expireInternal(beforeMs, "timeout");
  }

  /** Answers everything that waits, at the end. */
  stop(): void {
    this.#table.expire(Number.POSITIVE_INFINITY, (token) => {
      this.#giveUp(token, WIRE_ERRORS.stopped);
    });
    this.#expireInternal(Number.POSITIVE_INFINITY, "stopped");
  }

  #proposeInternal(
    field: RequestField,
    bytes: Uint8Array,
    done: InternalDone,
    term: number | null,
  ): RequestError | null {
    const { clock, consensus } = this.#options;
    const requestId = this.#table.addUnwaited();
    const data = this.#encoder.encode(field, bytes, { start: 0, end: bytes.length }, requestId);
    const refusal = consensus.propose(data);
    if (refusal !== null) return refusalError(refusal);
    this.#internal.set(requestId, { startedMs: clock.monotonicMs(), term, done });
    return null;
  }

  #expireInternal(beforeMs: number, error: RequestError): void {
    if (this.#internal.size === 0) return;
    const { term: present } = this.#options.consensus.status();
    for (const [requestId, { startedMs, term }] of this.#internal) {
      if (startedMs >= beforeMs) return;
      if (term !== present || error === "stopped") this.#finishInternal(requestId, error);
    }
  }

  #finishInternal(requestId: number, error: RequestError | null): void {
    const proposal = this.#internal.get(requestId);
    if (proposal === undefined) return;
    this.#internal.delete(requestId);
    proposal.done(error);
  }

  #refuse(requestId: number, error: WireError): void {
    this.#giveUp(this.#table.take(requestId), error);
  }

  #giveUp(token: Token, error: WireError): void {
    this.#options.onGivenUp(token);
    this.#options.sink().finish(token, error.code, error.message);
  }
}

function refusalError(refusal: NonNullable<ReturnType<Consensus["propose"]>>): RequestError {
  return refusal === "no leader" ? "noLeader" : "tooManyRequests";
}
