import { NOBODY, ProposalTable } from "../../consensus/group/proposal-table.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Consensus } from "../consensus.ts";
import { type WireError, WIRE_ERRORS } from "../errors.ts";
import type { ReplySink, Token } from "../rpc.ts";
import { EntryEncoder } from "./entry-encoder.ts";
import { firstRequestId } from "./request-id.ts";

/** etcd's own time on top of two election timeouts (limits.md 2). */
const PROPOSAL_BASE_MS = 5000;

/** Field numbers of requests in InternalRaftRequest. */
export const RequestField = {
  put: 4,
  deleteRange: 5,
  txn: 6,
  compaction: 7,
  alarm: 10,
  clusterVersionSet: 1300,
  clusterMemberAttrSet: 1301,
} as const;
export type RequestField = (typeof RequestField)[keyof typeof RequestField];

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
  /** Proposals of the member itself, by request id. */
  readonly #internal = new Map<number, () => void>();
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
    const error = refusal === "no leader" ? WIRE_ERRORS.noLeader : WIRE_ERRORS.tooManyRequests;
    this.#refuse(requestId, error);
  }

  /** Proposes for the member itself; `done` follows when it is applied, never when it is lost. */
  proposeInternal(field: RequestField, bytes: Uint8Array, done: () => void): boolean {
    const requestId = this.#table.addUnwaited();
    const data = this.#encoder.encode(field, bytes, { start: 0, end: bytes.length }, requestId);
    if (this.#options.consensus.propose(data) !== null) return false;
    this.#internal.set(requestId, done);
    return true;
  }

  /** True when a call or the member itself waits for `requestId`. */
  wants(requestId: number): boolean {
    return this.#table.peek(requestId) !== NOBODY;
  }

  /** Ends the wait for `requestId`; its token, or NOBODY. */
  take(requestId: number): Token {
    const token = this.#table.take(requestId);
    if (token === NOBODY && this.#internal.size > 0) this.#finishInternal(requestId);
    return token;
  }

  /** Answers what waited too long (etcd: 5 s + 2 × election timeout). */
  expire(): void {
    const { clock } = this.#options;
    this.#table.expire(clock.monotonicMs() - this.#timeoutMs, (token) => {
      this.failures += 1;
      this.#giveUp(token, WIRE_ERRORS.timeout);
    });
  }

  /** Answers everything that waits, at the end. */
  stop(): void {
    this.#table.expire(Number.POSITIVE_INFINITY, (token) => {
      this.#giveUp(token, WIRE_ERRORS.stopped);
    });
  }

  #finishInternal(requestId: number): void {
    const done = this.#internal.get(requestId);
    if (done === undefined) return;
    this.#internal.delete(requestId);
    done();
  }

  #refuse(requestId: number, error: WireError): void {
    this.#giveUp(this.#table.take(requestId), error);
  }

  #giveUp(token: Token, error: WireError): void {
    this.#options.onGivenUp(token);
    this.#options.sink().finish(token, error.code, error.message);
  }
}
