import { ByteWriter } from "../../base/byte-writer.ts";
import { joinLeaseId, type LeaseId, newLeaseId, splitLeaseId } from "../../lease/lease-id.ts";
import { type Lessor, Renewal } from "../../lease/lessor.ts";
import { encodeLeaseCheckpointRequestToBytes } from "../../proto/gen/etcdserverpb.ts";
import { Cursor, readPair, readTag, skipField } from "../../proto/wire.ts";
import type { RequestError } from "../../apply/errors.ts";
import { WIRE_ERRORS } from "../errors.ts";
import { type Proposer, RequestField } from "../propose/proposer.ts";
import type { RangeContext } from "../range/range-service.ts";
import type { PendingReads } from "../reads.ts";
import type { Consensus } from "../consensus.ts";
import type { Job, JobRunner } from "../jobs.ts";
import { Code, type Token } from "../rpc.ts";
import type { StreamMethod, StreamReplies } from "../streams.ts";
import { LeaseTag, writeIdField, writeNumberField } from "./lease-fields.ts";

/**
 * Requests of one call that may wait for its answers to be read, or for one lease: as many as fit
 * into the 64 KiB that grpc-go lets a client send ahead.
 */
const WAITING_MAX = 4096;
/** Answers of one call in one step of a job: some 50 µs. */
const STEP_ANSWERS = 64;
const TAG_ID = 0x08;

/** Calls that wait until a lease is gone; those that are over meanwhile are taken out. */
interface Ending {
  readonly id: bigint;
  readonly calls: Set<KeepAliveCall>;
}

/** A lease that is gone, and its calls that are not told yet. */
interface Ended {
  readonly id: bigint;
  readonly calls: Iterator<KeepAliveCall>;
}

/** One call. */
interface KeepAliveCall {
  readonly token: Token;
  /**
   * It waits for a lease, for its reader or for its turn; what it is asked meanwhile is in `ids`.
   */
  isWaiting: boolean;
  /** The lease it waits for, with the revision that is shown then; null: it waits for none. */
  ending: Ending | null;
  revision: number;
  /** Lease ids, as two halves each. */
  ids: number[];
  isHalfClosed: boolean;
}

/** What keep-alives work with. */
export interface KeepAlivesOptions {
  readonly clock: RangeContext["clock"];
  readonly store: RangeContext["store"];
  readonly header: RangeContext["header"];
  readonly lessor: Lessor;
  readonly consensus: Consensus;
  readonly jobs: JobRunner;
  readonly reads: PendingReads;
  readonly proposer: Proposer;
  readonly replies: StreamReplies;
}

/**
 * LeaseKeepAlive: one answer per request, in order (semantics.md L3, L4, L14). A renewal is no
 * entry of the log, and makes no garbage here.
 */
export class KeepAlives implements StreamMethod {
  readonly #options: KeepAlivesOptions;
  readonly #calls = new Map<Token, KeepAliveCall>();
  /** By id of the lease. */
  readonly #endings = new Map<bigint, Ending>();
  readonly #ended = new Set<Ended>();
  /** Calls that were asked for more than one step answers. */
  readonly #resumed = new Set<KeepAliveCall>();
  readonly #job: Job = { step: () => this.#step() };
  #isAtWork = false;
  readonly #out = new ByteWriter();
  readonly #cursor = new Cursor(new Uint8Array(0), 0, 0);
  readonly #id = newLeaseId();

  constructor(options: KeepAlivesOptions) {
    this.#options = options;
  }

  /** Calls that wait until a lease is gone. */
  get awaitingEnd(): number {
    let calls = 0;
    for (const ending of this.#endings.values()) calls += ending.calls.size;
    return calls;
  }

  open(token: Token): void {
    const waits = { isWaiting: false, ending: null, revision: 0 };
    this.#calls.set(token, { token, ...waits, ids: [], isHalfClosed: false });
  }

  message(token: Token, bytes: Uint8Array, start: number, end: number): void {
    const call = this.#calls.get(token);
    if (call === undefined) return;
    this.#readId(bytes, start, end);
    const { high, low } = this.#id;
    if (!call.isWaiting) {
      this.#renew(call, high, low);
    } else if (call.ids.length < 2 * WAITING_MAX) {
      call.ids.push(high, low);
    } else {
      this.#end(call, Code.resourceExhausted, "skein: too many keep-alives wait for their answers");
    }
  }

  halfClose(token: Token): void {
    const call = this.#calls.get(token);
    if (call === undefined) return;
    call.isHalfClosed = true;
    if (!call.isWaiting) this.#end(call, Code.ok, "");
  }

  cancel(token: Token): void {
    const call = this.#calls.get(token);
    if (call !== undefined) this.#forget(call);
  }

  writable(token: Token): void {
    const call = this.#calls.get(token);
    if (call !== undefined) this.#goOn(call);
  }

  /** A lease is gone: whoever waited for that hears of it, but not while an entry is applied. */
  leaseRevoked(id: bigint): void {
    const ending = this.#endings.get(id);
    if (ending === undefined) return;
    this.#endings.delete(id);
    this.#ended.add({ id, calls: ending.calls.values() });
    this.#work();
  }

  #renew(call: KeepAliveCall, high: number, low: number): void {
    const { clock, lessor, store } = this.#options;
    const revision = store.currentRevision;
    const ttl = lessor.renew(high, low, clock.monotonicMs());
    if (ttl >= 0) {
      const id = this.#id;
      id.high = high;
      id.low = low;
      if (!this.#answer(call, id, ttl, revision)) call.isWaiting = true;
      return;
    }
    call.isWaiting = true;
    if (ttl === Renewal.unknown) this.#answerUnknown(call, high, low, revision);
    else if (ttl === Renewal.ending) this.#awaitEnd(call, joinLeaseId(high, low), revision);
    else if (ttl === Renewal.checkpointed) this.#clearCheckpoint(call, high, low);
    else this.#fail(call, "noLeader");
  }

  /** It may have been granted by an entry that is not applied yet. */
  #answerUnknown(call: KeepAliveCall, high: number, low: number, revision: number): void {
    const { consensus, reads } = this.#options;
    if (consensus.readNow()) {
      call.isWaiting = !this.#answer(call, { high, low }, 0, revision);
      return;
    }
    const again = (): void => this.#again(call, high, low);
    reads.add(again, () => this.#fail(call, "appliedTimeout"), call.token);
  }

  #awaitEnd(call: KeepAliveCall, id: bigint, revision: number): void {
    let ending = this.#endings.get(id);
    if (ending === undefined) {
      ending = { id, calls: new Set() };
      this.#endings.set(id, ending);
    }
    ending.calls.add(call);
    call.ending = ending;
    call.revision = revision;
  }

  /** Else a restart would go on from the checkpoint, and the lease end before its time. */
  #clearCheckpoint(call: KeepAliveCall, high: number, low: number): void {
    const checkpoints = [{ id: joinLeaseId(high, low), remainingTTL: 0 }];
    const request = encodeLeaseCheckpointRequestToBytes({ checkpoints });
    const done = (error: RequestError | null): void => {
      if (error === null) this.#again(call, high, low);
      else this.#fail(call, error);
    };
    const { proposer } = this.#options;
    const refusal = proposer.proposeInternal(RequestField.leaseCheckpoint, request, done);
    if (refusal !== null) this.#fail(call, refusal);
  }

  #again(call: KeepAliveCall, high: number, low: number): void {
    if (!this.#isLive(call)) return;
    call.isWaiting = false;
    this.#renew(call, high, low);
    if (!call.isWaiting) this.#goOn(call);
  }

  #work(): void {
    if (this.#isAtWork) return;
    this.#isAtWork = true;
    this.#options.jobs.add(this.#job);
  }

  /** One call; true when there is none. */
  #step(): boolean {
    if (this.#tellNext()) return false;
    for (const call of this.#resumed) {
      this.#resumed.delete(call);
      this.#goOn(call);
      return false;
    }
    this.#isAtWork = false;
    return true;
  }

  /** Tells one call that its lease is gone; false when there is none. */
  #tellNext(): boolean {
    for (const ended of this.#ended) {
      const next = ended.calls.next();
      if (next.done !== true) {
        const call = next.value;
        call.ending = null;
        splitLeaseId(ended.id, this.#id);
        if (this.#answer(call, this.#id, 0, call.revision)) this.#goOn(call);
        return true;
      }
      this.#ended.delete(ended);
    }
    return false;
  }

  /** Answers what was asked while the call waited: some of it, and the rest in steps. */
  #goOn(call: KeepAliveCall): void {
    call.isWaiting = false;
    const { ids } = call;
    const end = Math.min(ids.length, 2 * STEP_ANSWERS);
    let at = 0;
    while (at < end && !call.isWaiting) {
      this.#renew(call, ids[at]!, ids[at + 1]!);
      at += 2;
    }
    ids.splice(0, at);
    if (call.isWaiting) return;
    if (ids.length > 0) {
      call.isWaiting = true;
      this.#resumed.add(call);
      this.#work();
    } else if (call.isHalfClosed) this.#end(call, Code.ok, "");
  }

  /** False when the reader must be waited for before the next one. */
  #answer(
    call: KeepAliveCall,
    { high, low }: Readonly<LeaseId>,
    ttl: number,
    revision: number,
  ): boolean {
    const out = this.#out;
    out.reset();
    this.#options.header.write(out, revision);
    writeIdField(out, LeaseTag.id, high, low);
    writeNumberField(out, LeaseTag.ttl, ttl);
    return this.#options.replies.send(call.token, out.bytes, 0, out.length);
  }

  #fail(call: KeepAliveCall, error: RequestError): void {
    const { code, message } = WIRE_ERRORS[error];
    this.#end(call, code, message);
  }

  #end(call: KeepAliveCall, code: Code, message: string): void {
    if (!this.#isLive(call)) return;
    this.#forget(call);
    this.#options.replies.finish(call.token, code, message);
  }

  #forget(call: KeepAliveCall): void {
    this.#calls.delete(call.token);
    this.#resumed.delete(call);
    const { ending } = call;
    if (ending === null) return;
    ending.calls.delete(call);
    const isLast = ending.calls.size === 0 && this.#endings.get(ending.id) === ending;
    if (isLast) this.#endings.delete(ending.id);
  }

  #isLive(call: KeepAliveCall): boolean {
    return this.#calls.get(call.token) === call;
  }

  /** Fills `#id`; the last id counts. */
  #readId(bytes: Uint8Array, start: number, end: number): void {
    const cursor = this.#cursor;
    const id = this.#id;
    cursor.reset(bytes, start, end);
    id.high = id.low = 0;
    while (cursor.pos < cursor.end) {
      const tag = readTag(cursor);
      if (tag === TAG_ID) {
        readPair(cursor);
        id.high = cursor.high | 0;
        id.low = cursor.low | 0;
      } else skipField(cursor, tag);
    }
  }
}
