import { NOBODY } from "../../consensus/group/proposal-table.ts";
import type { GrantedLease } from "../../apply/lease-entries.ts";
import type { RequestError } from "../../apply/errors.ts";
import type { ApplyResults, DeletedResult } from "../../apply/results.ts";
import {
  NO_CHUNKS,
  writeDeleted,
  writePrevKv,
  writeTxnResult,
  type TxnResult,
} from "../../apply/txn/result.ts";
import { ByteWriter } from "../../base/byte-writer.ts";
import type { Alarm } from "../../cluster/alarms.ts";
import { newLeaseId, splitLeaseId } from "../../lease/lease-id.ts";
import { WIRE_ERRORS } from "../errors.ts";
import type { HeaderWriter } from "../header.ts";
import { LeaseTag, writeIdField, writeNumberField } from "../lease/lease-fields.ts";
import type { Proposer } from "../propose/proposer.ts";
import type { ReplySink, Token } from "../rpc.ts";
import type { CompactionWaits } from "./compaction-waits.ts";
import { type LargeReplies, SMALL_REPLY_BYTES } from "./large-replies.ts";

/** AlarmResponse.alarms, and the fields of AlarmMember. */
const TAG_ALARMS = 0x12;
const TAG_ALARM_MEMBER_ID = 0x08;
const TAG_ALARM_TYPE = 0x10;

/** Where results go. */
export interface KvResultsOptions {
  readonly header: HeaderWriter;
  readonly proposer: () => Proposer;
  readonly sink: () => ReplySink;
  readonly compactions: CompactionWaits;
  readonly replies: LargeReplies;
  /** Calls back when the alarm NOSPACE that is on its way is raised, or at once. */
  readonly afterNoSpace: (answer: () => void) => void;
}

/** Turns what apply did into replies for the calls that wait here. */
export class KvResults implements ApplyResults {
  readonly #options: KvResultsOptions;
  readonly #out = new ByteWriter();
  readonly #id = newLeaseId();

  constructor(options: KvResultsOptions) {
    this.#options = options;
  }

  wants(requestId: number): boolean {
    return this.#options.proposer().wants(requestId);
  }

  put(requestId: number, revision: number, prevKv: Uint8Array | null): void {
    const token = this.#take(requestId);
    if (token === NOBODY) return;
    const out = this.#begin(revision);
    writePrevKv(prevKv, out);
    this.#reply(token);
  }

  deleted(requestId: number, revision: number, result: DeletedResult): void {
    const token = this.#take(requestId);
    if (token === NOBODY) return;
    const out = this.#begin(revision);
    const { deleted, prevKvs } = result;
    const isSmall = prevKvs.bytes <= SMALL_REPLY_BYTES;
    writeDeleted(deleted, isSmall ? prevKvs : NO_CHUNKS, out);
    if (isSmall) this.#reply(token);
    else this.#options.replies.chunks(token, out.bytes.slice(0, out.length), prevKvs);
  }

  txn(requestId: number, revision: number, result: TxnResult): void {
    const token = this.#take(requestId);
    if (token === NOBODY) return;
    const out = this.#begin(revision);
    if (result.bytes > SMALL_REPLY_BYTES) {
      return this.#options.replies.txn(token, out.bytes.slice(0, out.length), result);
    }
    writeTxnResult(result, out);
    this.#reply(token);
  }

  compacted(requestId: number, revision: number): void {
    const token = this.#take(requestId);
    if (token === NOBODY) return;
    const out = this.#begin(revision);
    const message = out.bytes.slice(0, out.length);
    this.#options.compactions.afterWork(token, () => {
      this.#options.sink().reply(token, message, 0, message.length);
    });
  }

  alarms(requestId: number, revision: number, alarms: readonly Alarm[]): void {
    const token = this.#take(requestId);
    if (token === NOBODY) return;
    const out = this.#begin(revision);
    for (const alarm of alarms) writeAlarm(alarm, out);
    this.#reply(token);
  }

  leaseGranted(requestId: number, revision: number, { id, ttl }: GrantedLease): void {
    const token = this.#take(requestId);
    if (token === NOBODY) return;
    const out = this.#begin(revision);
    splitLeaseId(id, this.#id);
    writeIdField(out, LeaseTag.id, this.#id.high, this.#id.low);
    writeNumberField(out, LeaseTag.ttl, ttl);
    this.#reply(token);
  }

  leaseRevoked(requestId: number, revision: number): void {
    const token = this.#take(requestId);
    if (token === NOBODY) return;
    this.#begin(revision);
    this.#reply(token);
  }

  done(requestId: number): void {
    this.#take(requestId);
  }

  overQuota(requestId: number): void {
    const token = this.#take(requestId);
    if (token === NOBODY) return;
    const { code, message } = WIRE_ERRORS.noSpace;
    this.#options.afterNoSpace(() => this.#options.sink().finish(token, code, message));
  }

  failed(requestId: number, error: RequestError): void {
    const token = this.#options.proposer().take(requestId, error);
    if (token === NOBODY) return;
    const { code, message } = WIRE_ERRORS[error];
    this.#options.compactions.afterWork(token, () => {
      this.#options.sink().finish(token, code, message);
    });
  }

  #take(requestId: number): Token {
    return this.#options.proposer().take(requestId);
  }

  #begin(revision: number): ByteWriter {
    const out = this.#out;
    out.reset();
    this.#options.header.write(out, revision);
    return out;
  }

  #reply(token: Token): void {
    this.#options.sink().reply(token, this.#out.bytes, 0, this.#out.length);
  }
}

function writeAlarm(alarm: Alarm, out: ByteWriter): void {
  const member = new ByteWriter();
  if (alarm.memberId !== 0n) {
    member.byte(TAG_ALARM_MEMBER_ID);
    member.varint64(Number(alarm.memberId >> 32n), Number(alarm.memberId & 0xffffffffn));
  }
  member.byte(TAG_ALARM_TYPE);
  member.varint(alarm.type);
  out.byte(TAG_ALARMS);
  out.varint(member.length);
  out.raw(member.bytes, 0, member.length);
}
