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
import { Code, type Token } from "../rpc.ts";
import type { StreamMethod, StreamReplies } from "../streams.ts";
import { LeaseTag, writeIdField, writeNumberField } from "./lease-fields.ts";

/**
 * Requests of one call that may wait for its answers to be read, or for one lease: as many as fit
 * into the 64 KiB that grpc-go lets a client send ahead.
 */
const WAITING_MAX = 4096;
const TAG_ID = 0x08;

/** One call. */
interface KeepAliveCall {
  readonly token: Token;
  /** It waits for a lease or for its reader; what it is asked meanwhile is in `ids`. */
  isWaiting: boolean;
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
  /** Calls that wait until a lease is gone, by its id, with the revision they show then. */
  readonly #ending = new Map<
    bigint,
    { readonly call: KeepAliveCall; readonly revision: number }[]
  >();
  readonly #out = new ByteWriter();
  readonly #cursor = new Cursor(new Uint8Array(0), 0, 0);
  readonly #id = newLeaseId();

  constructor(options: KeepAlivesOptions) {
    this.#options = options;
  }

  open(token: Token): void {
    this.#calls.set(token, { token, isWaiting: false, ids: [], isHalfClosed: false });
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
    this.#calls.delete(token);
  }

  writable(token: Token): void {
    const call = this.#calls.get(token);
    if (call !== undefined) this.#goOn(call);
  }

  /** A lease is gone: whoever waited for that hears of it. */
  leaseRevoked(id: bigint): void {
    const waiting = this.#ending.get(id);
    if (waiting === undefined) return;
    this.#ending.delete(id);
    const halves = newLeaseId();
    splitLeaseId(id, halves);
    for (const { call, revision } of waiting) {
      if (!this.#isLive(call)) continue;
      if (this.#answer(call, halves, 0, revision)) this.#goOn(call);
    }
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
    const waiting = this.#ending.get(id);
    if (waiting === undefined) this.#ending.set(id, [{ call, revision }]);
    else waiting.push({ call, revision });
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

  /** Answers what was asked while the call waited. */
  #goOn(call: KeepAliveCall): void {
    call.isWaiting = false;
    const { ids } = call;
    let at = 0;
    while (at < ids.length && !call.isWaiting) {
      this.#renew(call, ids[at]!, ids[at + 1]!);
      at += 2;
    }
    ids.splice(0, at);
    if (!call.isWaiting && call.isHalfClosed) this.#end(call, Code.ok, "");
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
    this.#calls.delete(call.token);
    this.#options.replies.finish(call.token, code, message);
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
