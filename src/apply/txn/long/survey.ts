import { Cursor, enter, leave, readLength, readTag, skipField } from "../../../proto/wire.ts";
import { putCost, TXN_NESTING_MAX } from "../../gate.ts";
import type { Steps } from "../../steps.ts";
import { Pace } from "./pace.ts";
import { OpTag, TxnTag } from "./tags.ts";

/** PutRequest.key and .value. */
const TAG_KEY = 0x0a;
const TAG_VALUE = 0x12;

type Kind = "txn" | "op" | "leaf";

/** A message that is being read. */
class Level {
  kind: Kind = "txn";
  /** Where the message around it ends. */
  outer = 0;
  /** Of an operation: which of its members it has; the last one counts. */
  member = 0;
  /** Of an operation: it belongs to the failure branch. */
  isFailure = false;
  /** Of a put: what of it counts, bytes. */
  keyBytes = 0;
  valueBytes = 0;
  /** What the branches of a transaction cost, or those of the one in an operation. */
  successCost = 0;
  failureCost = 0;

  begin(kind: Kind, outer: number): void {
    this.kind = kind;
    this.outer = outer;
    this.isFailure = false;
    this.turnTo(0);
  }

  /** What its member had before is lost when it turns to another one. */
  turnTo(member: number): void {
    this.member = member;
    this.keyBytes = this.valueBytes = this.successCost = this.failureCost = 0;
  }

  cost(): number {
    if (this.member === OpTag.put) return putCost(this.keyBytes, this.valueBytes);
    return this.member === OpTag.txn ? Math.max(this.successCost, this.failureCost) : 0;
  }
}

/**
 * Reads `bytes[start, end)` as a TxnRequest and makes nothing of it; returns what `txnCost` says of
 * it. @throws ProtoError as decodeTxnRequest.
 */
export function* surveyTxn(bytes: Uint8Array, start: number, end: number): Steps<number> {
  const pace = new Pace();
  const survey = new Survey(bytes, start, end);
  while (survey.next()) if (pace.isDue()) yield;
  return survey.cost();
}

/** Goes through a transaction field by field, on a stack of its own: it may nest 10,000 levels. */
class Survey {
  readonly #c: Cursor;
  /** Used again and again; those up to `#depth` are being read. */
  readonly #levels: Level[] = [new Level()];
  #depth = 0;
  /** Transactions among them. */
  #txns = 1;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#c = new Cursor(bytes, start, end);
  }

  cost(): number {
    const { successCost, failureCost } = this.#levels[0]!;
    return Math.max(successCost, failureCost);
  }

  /** Reads one field, or ends a message; false at the end of all. */
  next(): boolean {
    const c = this.#c;
    const level = this.#levels[this.#depth]!;
    if (c.pos >= c.end) return this.#leave(level);
    const tag = readTag(c);
    if (level.kind === "txn") this.#txnField(tag);
    else if (level.kind === "op") this.#opField(level, tag);
    else this.#leafField(tag);
    return true;
  }

  #txnField(tag: number): void {
    if (tag === TxnTag.compare) this.#enter("leaf");
    else if (tag === TxnTag.success || tag === TxnTag.failure) {
      this.#enter("op").isFailure = tag === TxnTag.failure;
    } else skipField(this.#c, tag);
  }

  #opField(op: Level, tag: number): void {
    if (tag !== OpTag.range && tag !== OpTag.put && tag !== OpTag.delete && tag !== OpTag.txn) {
      return skipField(this.#c, tag);
    }
    if (op.member !== tag) op.turnTo(tag);
    if (tag === OpTag.txn) this.#txns += 1;
    this.#enter(tag === OpTag.txn ? "txn" : "leaf");
  }

  /** Compares, ranges, puts and deletions have no messages in them, and no text. */
  #leafField(tag: number): void {
    const c = this.#c;
    const around = this.#levels[this.#depth - 1]!;
    if (around.member !== OpTag.put || (tag !== TAG_KEY && tag !== TAG_VALUE)) {
      return skipField(c, tag);
    }
    const length = readLength(c);
    c.pos += length;
    if (tag === TAG_KEY) around.keyBytes = length;
    else around.valueBytes = length;
  }

  #enter(kind: Kind): Level {
    const outer = enter(this.#c, readLength(this.#c));
    this.#depth += 1;
    const level = (this.#levels[this.#depth] ??= new Level());
    level.begin(kind, outer);
    return level;
  }

  #leave(level: Level): boolean {
    if (this.#depth === 0) return false;
    leave(this.#c, level.outer);
    this.#depth -= 1;
    const around = this.#levels[this.#depth]!;
    if (level.kind === "op") {
      if (level.isFailure) around.failureCost += level.cost();
      else around.successCost += level.cost();
    } else if (level.kind === "txn") {
      // What is nested deeper is not served, and costs nothing.
      if (this.#txns <= TXN_NESTING_MAX) {
        around.successCost += level.successCost;
        around.failureCost += level.failureCost;
      }
      this.#txns -= 1;
    }
    return true;
  }
}
