import { ByteWriter } from "../../base/byte-writer.ts";
import { type ByteSpan, newSpan } from "../../base/span.ts";
import type { KvStore, ReadView } from "../store/store.ts";
import { EventEncoder } from "./event-encoder.ts";
import type { Interests } from "./interests.ts";
import { type Delivery, type Interest, WatchFlag, type Watcher } from "./watcher.ts";
import type { ChangeCursor } from "../../storage/backend/backend.ts";

/**
 * Events of one watcher in one slice that are held as bytes. More are read again from the store
 * while their reader takes them, so that a deletion of a million keys costs no memory per reader.
 */
export const HELD_EVENT_BYTES_MAX = 128 * 1024;
/**
 * The same for all watchers of a pass together: a revision is one slice, however large it is, and
 * may have a different large event for each of them. Growing further would also take milliseconds.
 */
const SLICE_HELD_BYTES_MAX = 4 * 1024 * 1024;

/** The forms of one event. */
const FORMS = 2;

/**
 * Some whole revisions on their way to the watchers of a pass. First changes are added: each event
 * is encoded once per form, and its interests link to it. Then the watchers of each interest that
 * has events get them.
 */
export class Slice implements Delivery {
  first = 0;
  last = 0;
  isLive = false;
  events = 0;
  eventBytes = 0;
  body: ByteSpan | null = null;
  view!: ReadView;
  /** Revisions with an event for somebody. */
  revisions = 0;
  /** Bytes of events, held or not, each form once. */
  bytes = 0;
  readonly encoder: EventEncoder;
  readonly #interests: Interests;
  readonly #touched: Interest[] = [];
  readonly #found: Interest[] = [];
  /** Encoded events, one behind the other. */
  readonly #arena = new ByteWriter();
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** Linked lists of encoded events: which one, and the next link. */
  readonly #linkEvents: number[] = [];
  readonly #nextLinks: number[] = [];
  /** The event at hand, without and with prev_kv: its number, −1 when it is not encoded. */
  readonly #forms: number[] = [-1, -1];
  readonly #sizes: number[] = [0, 0];
  readonly #joined = new ByteWriter();
  readonly #span = newSpan();
  #interestAt = 0;
  #watcherAt = 0;
  #lastRevision = 0;

  constructor(store: KvStore, interests: Interests) {
    this.encoder = new EventEncoder(store);
    this.#interests = interests;
  }

  /** Bytes that are held. */
  get heldBytes(): number {
    return this.#arena.length;
  }

  get isEmpty(): boolean {
    return this.#touched.length === 0;
  }

  /** Begins anew with revision `first`; `view` holds what it needs. */
  begin(first: number, view: ReadView): void {
    this.first = first;
    this.view = view;
    this.encoder.prevFrom = view.revision;
    this.last = 0;
    this.revisions = this.bytes = 0;
    this.#lastRevision = 0;
    this.#interestAt = this.#watcherAt = 0;
    this.#arena.reset();
    this.#starts.length = this.#ends.length = 0;
    this.#linkEvents.length = this.#nextLinks.length = 0;
  }

  /** Adds the change that `cursor` is on. */
  add(cursor: ChangeCursor): void {
    const { encoder } = this;
    encoder.load(cursor);
    const found = this.#found;
    this.#interests.match(encoder.key, found);
    if (found.length === 0) return;
    const unwanted = encoder.isDelete ? WatchFlag.noDelete : WatchFlag.noPut;
    for (let form = 0; form < FORMS; form += 1) {
      this.#forms[form] = -1;
      this.#sizes[form] = 0;
    }
    for (const interest of found) {
      const { flags } = interest.spec;
      if ((flags & unwanted) === 0) this.#link(interest, (flags & WatchFlag.prevKv) === 0 ? 0 : 1);
    }
  }

  #link(interest: Interest, form: number): void {
    const { encoder } = this;
    if (this.#sizes[form] === 0) {
      this.#sizes[form] = encoder.size(form === 1);
      this.bytes += this.#sizes[form]!;
    }
    if (interest.events === 0) this.#touched.push(interest);
    interest.events += 1;
    interest.eventBytes += this.#sizes[form]!;
    if (encoder.main !== this.#lastRevision) {
      this.#lastRevision = encoder.main;
      this.revisions += 1;
    }
    interest.isHeld &&= interest.eventBytes <= HELD_EVENT_BYTES_MAX && this.#hasRoom(form);
    if (!interest.isHeld) return;
    if (this.#forms[form] === -1) {
      this.#forms[form] = this.#starts.push(this.#arena.length) - 1;
      encoder.write(form === 1, this.#arena);
      this.#ends.push(this.#arena.length);
    }
    const link = this.#linkEvents.push(this.#forms[form]!) - 1;
    this.#nextLinks.push(-1);
    if (interest.lastLink === -1) interest.firstLink = link;
    else this.#nextLinks[interest.lastLink] = link;
    interest.lastLink = link;
  }

  #hasRoom(form: number): boolean {
    if (this.#forms[form] !== -1) return true;
    return this.#arena.length + this.#sizes[form]! <= SLICE_HELD_BYTES_MAX;
  }

  /**
   * Gives up to `deliveriesMax` watchers their events; true when all have them. `refused` is told
   * of each that did not take them.
   */
  flush(deliveriesMax: number, refused: (watcher: Watcher) => void): boolean {
    let left = deliveriesMax;
    while (this.#interestAt < this.#touched.length) {
      const interest = this.#touched[this.#interestAt]!;
      const { watchers } = interest;
      if (this.#watcherAt === 0 || this.body === null) this.#putTogether(interest);
      for (; this.#watcherAt < watchers.length; this.#watcherAt += 1) {
        if (left === 0) return false;
        const watcher = watchers[this.#watcherAt]!;
        if (watcher === null) continue;
        left -= 1;
        if (!watcher.owner.deliver(watcher, this)) refused(watcher);
      }
      this.#done(interest);
      this.#interestAt += 1;
      this.#watcherAt = 0;
    }
    this.#touched.length = 0;
    return true;
  }

  /** Forgets what was added. */
  abandon(): void {
    for (const interest of this.#touched) this.#done(interest);
    this.#touched.length = 0;
  }

  #done(interest: Interest): void {
    interest.firstLink = interest.lastLink = -1;
    interest.events = interest.eventBytes = 0;
    interest.isHeld = true;
    this.#interests.closeUp(interest);
  }

  /** Makes `this` the delivery for the watchers of an interest. */
  #putTogether(interest: Interest): void {
    this.events = interest.events;
    this.eventBytes = interest.eventBytes;
    this.body = null;
    if (!interest.isHeld) return;
    const span = this.#span;
    this.body = span;
    const { firstLink } = interest;
    if (this.#nextLinks[firstLink] === -1) {
      const event = this.#linkEvents[firstLink]!;
      span.bytes = this.#arena.bytes;
      span.start = this.#starts[event]!;
      span.end = this.#ends[event]!;
      return;
    }
    const joined = this.#joined;
    joined.reset();
    for (let link = firstLink; link !== -1; link = this.#nextLinks[link]!) {
      const event = this.#linkEvents[link]!;
      joined.raw(this.#arena.bytes, this.#starts[event]!, this.#ends[event]!);
    }
    span.bytes = joined.bytes;
    span.start = 0;
    span.end = joined.length;
  }
}
