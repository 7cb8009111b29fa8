import {
  type Compare,
  mergeRequestOp,
  mergeTxnRequest,
  type RequestOp,
  type TxnRequest,
} from "../../../proto/gen/etcdserverpb.ts";
import { Cursor, enter, leave, ProtoError } from "../../../proto/wire.ts";
import { readLength, readTag, skipField } from "../../../proto/wire.ts";
import type { Steps } from "../../steps.ts";
import { Pace } from "./pace.ts";
import { OpTag, TxnTag } from "./tags.ts";

/** Shorter transactions are decoded at once without being looked at: a millisecond at most. */
export const SHORT_TXN_BYTES = 8 * 1024;

/**
 * Operations, their members and compares that are decoded, checked and planned at once: three
 * times what `--max-txn-ops` lets through in a transaction without others in it. 2 MiB have room
 * for a million, which would take more than a second.
 */
const FIELDS_AT_ONCE = 2000;

/** Whether `bytes[start, end)` is a transaction that is to be dealt with in steps. */
export function isLongTxn(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start <= SHORT_TXN_BYTES) return false;
  try {
    return countTxn(new Cursor(bytes, start, end), FIELDS_AT_ONCE) < 0;
  } catch (error) {
    if (!(error instanceof ProtoError)) throw error;
    // `surveyTxn` will say so.
    return true;
  }
}

/** Counts down from `left`, to below zero at most; so that is how deep it goes, too. */
function countTxn(c: Cursor, left: number): number {
  let rest = left;
  while (c.pos < c.end && rest >= 0) {
    const tag = readTag(c);
    rest -= 1;
    if (tag !== TxnTag.success && tag !== TxnTag.failure) skipField(c, tag);
    else {
      const outer = enter(c, readLength(c));
      rest = countOp(c, rest);
      leave(c, outer);
    }
  }
  return rest;
}

function countOp(c: Cursor, left: number): number {
  let rest = left;
  while (c.pos < c.end && rest >= 0) {
    const tag = readTag(c);
    rest -= 1;
    if (tag !== OpTag.txn) skipField(c, tag);
    else {
      const outer = enter(c, readLength(c));
      rest = countTxn(c, rest);
      leave(c, outer);
    }
  }
  return rest;
}

/**
 * A transaction too long to be decoded in one go: its lists are empty until it is opened, and the
 * transactions in them are of this kind again. So what is refused is never decoded as a whole.
 */
export class LongTxn implements TxnRequest {
  readonly compare: Compare[] = [];
  readonly success: RequestOp[] = [];
  readonly failure: RequestOp[] = [];
  /** Shared by all that are in it, and by who works on it. */
  readonly pace: Pace;
  readonly #bytes: Uint8Array;
  /** Starts and ends: a member of an operation may come in several pieces. */
  readonly #pieces: number[];

  /** Of `bytes[start, end)`, which must not change and for which `surveyTxn` must not fail. */
  constructor(bytes: Uint8Array, start: number, end: number, pace = new Pace()) {
    this.#bytes = bytes;
    this.#pieces = [start, end];
    this.pace = pace;
  }

  /** Entries of its longest list, whether it is open or not. */
  *longestList(): Steps<number> {
    let compares = 0;
    let successes = 0;
    let failures = 0;
    for (const c of this.#cursors()) {
      while (c.pos < c.end) {
        const tag = readTag(c);
        skipField(c, tag);
        if (tag === TxnTag.compare) compares += 1;
        else if (tag === TxnTag.success) successes += 1;
        else if (tag === TxnTag.failure) failures += 1;
        if (this.pace.isDue()) yield;
      }
    }
    return Math.max(compares, successes, failures);
  }

  /** Fills its lists. */
  *open(): Steps<void> {
    for (const c of this.#cursors()) {
      while (c.pos < c.end) {
        const start = c.pos;
        const tag = readTag(c);
        if (tag === TxnTag.success) yield* this.#openOp(this.success, c);
        else if (tag === TxnTag.failure) yield* this.#openOp(this.failure, c);
        else {
          skipField(c, tag);
          if (tag === TxnTag.compare) mergeTxnRequest(this, this.#cursor(start, c.pos));
        }
        if (this.pace.isDue()) yield;
      }
    }
  }

  /** Empties its lists. */
  close(): void {
    this.compare.length = this.success.length = this.failure.length = 0;
  }

  *#openOp(list: RequestOp[], c: Cursor): Steps<void> {
    const op: RequestOp = { request: undefined };
    list.push(op);
    const outer = enter(c, readLength(c));
    while (c.pos < c.end) {
      const start = c.pos;
      const tag = readTag(c);
      if (tag === OpTag.txn) this.#addTxn(op, c);
      else {
        skipField(c, tag);
        mergeRequestOp(op, this.#cursor(start, c.pos));
      }
      if (this.pace.isDue()) yield;
    }
    leave(c, outer);
  }

  #addTxn(op: RequestOp, c: Cursor): void {
    const length = readLength(c);
    const start = c.pos;
    c.pos += length;
    const { request } = op;
    if (request?.case === "requestTxn" && request.value instanceof LongTxn) {
      request.value.#pieces.push(start, c.pos);
      return;
    }
    const value = new LongTxn(this.#bytes, start, c.pos, this.pace);
    op.request = { case: "requestTxn", value };
  }

  *#cursors(): Iterable<Cursor> {
    const pieces = this.#pieces;
    for (let at = 0; at < pieces.length; at += 2) yield this.#cursor(pieces[at]!, pieces[at + 1]!);
  }

  #cursor(start: number, end: number): Cursor {
    return new Cursor(this.#bytes, start, end);
  }
}
