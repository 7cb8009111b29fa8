import type { BodySource } from "./types.ts";

/** What waits in a stream's queue. */
export const ItemKind = { bytes: 0, headers: 1, source: 2 } as const;

/** One thing to send. */
export class SendItem {
  readonly kind: number;
  /** Kind bytes: `[start, end)` waits, there may be room behind. Kind headers: the whole block. */
  readonly bytes: Uint8Array;
  start = 0;
  end: number;
  /** END_STREAM goes with the last of it. */
  endStream = false;
  readonly source: BodySource | undefined;
  /** What the source still owes, bytes. */
  remaining: number;

  constructor(kind: number, bytes: Uint8Array, source?: BodySource, remaining = 0) {
    this.kind = kind;
    this.bytes = bytes;
    this.end = bytes.length;
    this.source = source;
    this.remaining = remaining;
  }
}

/**
 * State of one live stream (RFC 9113 §5.1). Records are pooled: `id` is 0 while one is not in use.
 */
export class H2Stream {
  id = 0;
  /** The peer sent END_STREAM. */
  receiveEnded = false;
  /** We sent END_STREAM. */
  sendEnded = false;
  /** END_STREAM is sent or queued: nothing may follow. */
  endQueued = false;
  /** The owner knows of the stream (`onHeaders` was called, or it opened the stream). */
  reported = false;
  /** Request or final response headers have come: the next HEADERS are trailers. */
  headersSeen = false;
  /** A `sendReset(noError)` waits for the queue to be sent. */
  resetAfterEnd = false;

  /** May still be sent; can be negative (§6.9.2). */
  sendWindow = 0;
  /** The peer may still send. */
  receiveWindow = 0;
  /** Consumed but not yet given back. */
  creditBytes = 0;
  /** Arrived but not yet consumed, on streams without automatic credit. */
  heldBytes = 0;
  autoCredit = true;

  /** Declared body length still to come; -1 when none was declared. */
  contentLeft = -1;

  queue: SendItem[] = [];
  queuedBytes = 0;
  wantsWritable = false;
  /** Neighbours and membership in a turn list of the sender. */
  next: H2Stream | null = null;
  previous: H2Stream | null = null;
  list: TurnList | null = null;

  /** Makes the record that of a new stream. */
  begin(id: number, sendWindow: number, receiveWindow: number): void {
    this.id = id;
    this.receiveEnded = false;
    this.sendEnded = false;
    this.endQueued = false;
    this.reported = false;
    this.headersSeen = false;
    this.resetAfterEnd = false;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
    this.creditBytes = 0;
    this.heldBytes = 0;
    this.contentLeft = -1;
    this.wantsWritable = false;
  }
}

/** A list of streams that take turns; intrusive, so that joining and leaving cost nothing. */
export class TurnList {
  head: H2Stream | null = null;
  tail: H2Stream | null = null;

  push(stream: H2Stream): void {
    stream.list = this;
    stream.previous = this.tail;
    stream.next = null;
    if (this.tail === null) this.head = stream;
    else this.tail.next = stream;
    this.tail = stream;
  }

  remove(stream: H2Stream): void {
    if (stream.previous === null) this.head = stream.next;
    else stream.previous.next = stream.next;
    if (stream.next === null) this.tail = stream.previous;
    else stream.next.previous = stream.previous;
    stream.next = null;
    stream.previous = null;
    stream.list = null;
  }
}
