import type { ByteSpan } from "../../base/span.ts";
import type { ReadView } from "../store/store.ts";

/** What a watcher does not want, and what it wants more. */
export const WatchFlag = { noPut: 1, noDelete: 2, prevKv: 4 } as const;

/** The end of a range that has none: every key from its first on. */
export const NO_END: Uint8Array = new Uint8Array(0);

/** What is watched, and in which form its events are wanted. */
export interface WatchSpec {
  readonly key: Uint8Array;
  /** Null: only `key`; NO_END: every key ≥ `key`; else [key, end), which is not empty. */
  readonly end: Uint8Array | null;
  /** Sum of `WatchFlag`s. */
  readonly flags: number;
}

/**
 * Where a watcher is.
 *   live        gets what is written now
 *   scheduled   joins a pass when that has reached its first revision
 *   behind      gets history
 *   waiting     wants history, or to be live, and is not sorted in yet
 *   parked      its owner had no room; history follows when it has
 *   compacted   what it needed is gone; it gets nothing more
 *   gone        removed
 */
export type WatcherState =
  | "live"
  | "scheduled"
  | "behind"
  | "waiting"
  | "parked"
  | "compacted"
  | "gone";

/** Events of one or more whole revisions for a watcher, valid during the call. */
export interface Delivery {
  /** First and last revision that were looked at: with these events all up to `last` are told. */
  readonly first: number;
  readonly last: number;
  /** How many events, and their bytes as elements of WatchResponse.events. */
  readonly events: number;
  readonly eventBytes: number;
  /** Those bytes; null when they are too many to be held: read them with `EventScan`. */
  readonly body: ByteSpan | null;
  /** Holds what they are read from; who reads them later takes another one from it. */
  readonly view: ReadView;
  /** They are what was written just now, of one revision. */
  readonly isLive: boolean;
}

/** Who gets the events of watchers: a stream of a client. */
export interface WatchOwner {
  /** Kept by the hub: how many of its watchers are live. */
  liveWatchers: number;
  /** False: no room, nothing was taken; `resumeAll` is to be called when there is. */
  deliver(watcher: Watcher, delivery: Delivery): boolean;
  /** What the watcher needs next was compacted at `compactRevision`: it gets nothing more. */
  compacted(watcher: Watcher, compactRevision: number): void;
}

/** What a watcher can have joined. */
export interface WatcherHome {
  /** Takes out one of those who joined. */
  leave(watcher: Watcher): void;
}

/** One watcher. Everything but its owner belongs to the hub. */
export class Watcher {
  readonly owner: WatchOwner;
  spec: WatchSpec;
  state: WatcherState = "scheduled";
  /** The first revision it has not been told of; while in a pass, as it was when it joined. */
  from = 0;
  /** The pass it has joined. */
  home: WatcherHome | null = null;
  /** While that tells it of events. */
  interest: Interest | null = null;
  /** Place among the interest's watchers, or in the heap of those scheduled. */
  place = -1;

  constructor(owner: WatchOwner, spec: WatchSpec) {
    this.owner = owner;
    this.spec = spec;
  }
}

/** Watchers of a pass that want the same: they are found, and their events put together, once. */
export class Interest {
  readonly spec: WatchSpec;
  readonly hash: number;
  /** Null: removed while their events were on the way. */
  readonly watchers: (Watcher | null)[];
  holes = 0;
  /** Others in the same bucket, or of the same range. */
  next: Interest | null = null;
  /** Neighbours in the list of all. */
  before: Interest | null = null;
  after: Interest | null = null;
  /** Events of the slice that is under way: links of the slice's list, −1 for none. */
  firstLink = -1;
  lastLink = -1;
  events = 0;
  eventBytes = 0;
  /** Whether their bytes are kept. */
  isHeld = true;

  /** With its first watcher: a list that begins empty has room for many, which most never get. */
  constructor(first: Watcher, hash: number) {
    this.spec = first.spec;
    this.hash = hash;
    this.watchers = [first];
  }
}
