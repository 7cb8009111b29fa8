import { ByteWriter } from "../../base/byte-writer.ts";
import type { ByteSpan } from "../../base/span.ts";
import type { HeaderWriter } from "../header.ts";

/** WatchResponse: 2 watch_id, 3 created, 4 canceled, 5 compact_revision, 6 cancel_reason, … */
const TAG_WATCH_ID = 0x10;
const TAG_CREATED = 0x18;
const TAG_CANCELED = 0x20;
const TAG_COMPACT_REVISION = 0x28;
const TAG_CANCEL_REASON = 0x32;
const TAG_FRAGMENT = 0x38;

/** A watch id in two halves of 32 bits, as it goes on the wire. */
export interface WatchId {
  readonly high: number;
  readonly low: number;
}

/** The id of answers that are no watcher's, −1: refusals, and progress of a whole stream. */
export const NO_WATCH_ID: WatchId = { high: 0xffff_ffff, low: 0xffff_ffff };

/** The id in halves. */
export function watchIdOf(id: bigint): WatchId {
  const bits = BigInt.asUintN(64, id);
  return { high: Number(bits >> 32n), low: Number(bits & 0xffff_ffffn) };
}

/** What an answer other than events says beside its header and watch id. */
export interface ControlAnswer {
  readonly created?: boolean;
  readonly canceled?: boolean;
  readonly compactRevision?: number;
  readonly cancelReason?: string;
}

/** Writes WatchResponses, one at a time: `bytes[0, length)` of `out` until the next. */
export class WatchResponses {
  readonly out = new ByteWriter();
  readonly #header: HeaderWriter;
  /** The header at the front of `out`: for one revision it is the same many times. */
  #headerRevision = -1;
  #headerBytes = 0;
  #headerTerm = 0;

  constructor(header: HeaderWriter) {
    this.#header = header;
  }

  /** An answer without events. */
  control(revision: number, id: WatchId, answer: ControlAnswer): void {
    const { out } = this;
    this.#begin(revision, id);
    if (answer.created === true) this.#flag(TAG_CREATED);
    if (answer.canceled === true) this.#flag(TAG_CANCELED);
    const { compactRevision = 0, cancelReason = "" } = answer;
    if (compactRevision > 0) {
      out.byte(TAG_COMPACT_REVISION);
      out.varint(compactRevision);
    }
    if (cancelReason === "") return;
    out.byte(TAG_CANCEL_REASON);
    out.varint(cancelReason.length);
    // All reasons are ASCII.
    for (let i = 0; i < cancelReason.length; i += 1) out.byte(cancelReason.charCodeAt(i));
  }

  /** Events, encoded as elements of field 11. */
  events(revision: number, id: WatchId, { bytes, start, end }: ByteSpan): void {
    this.#begin(revision, id);
    this.out.raw(bytes, start, end);
  }

  /** What comes before the events. */
  head(revision: number, id: WatchId, isFragment: boolean): void {
    this.#begin(revision, id);
    if (isFragment) this.#flag(TAG_FRAGMENT);
  }

  #begin(revision: number, id: WatchId): void {
    const { out } = this;
    const { term } = this.#header;
    if (revision !== this.#headerRevision || term !== this.#headerTerm) {
      out.reset();
      this.#header.write(out, revision);
      this.#headerRevision = revision;
      this.#headerTerm = term;
      this.#headerBytes = out.length;
    }
    out.length = this.#headerBytes;
    if (id.low === 0 && id.high === 0) return;
    out.byte(TAG_WATCH_ID);
    out.varint64(id.high, id.low);
  }

  #flag(tag: number): void {
    this.out.byte(tag);
    this.out.byte(1);
  }
}
