import type { KvStore } from "../../mvcc/store/store.ts";
import type { WatchHub } from "../../mvcc/watch/hub.ts";
import type { Delivery, Watcher, WatchOwner, WatchSpec } from "../../mvcc/watch/watcher.ts";
import type { Clock } from "../../platform/clock.ts";
import { decodeWatchRequest, type WatchCreateRequest } from "../../proto/gen/etcdserverpb.ts";
import type { JobRunner } from "../jobs.ts";
import { Code, type ReplySink, type Token } from "../rpc.ts";
import type { StreamReplies } from "../streams.ts";
import { LargeDelivery } from "./large-delivery.ts";
import { readSpec } from "./range.ts";
import { type ControlAnswer, NO_WATCH_ID, type WatchId, type WatchResponses } from "./responses.ts";
import { StreamWatcher } from "./stream-watcher.ts";

/** errors.md 3. */
const REASON_COMPACTED = "etcdserver: mvcc: required revision has been compacted";
const REASON_EMPTY_RANGE = "mvcc: watcher range is empty";
const REASON_DUPLICATE_ID = "mvcc: duplicate watch ID provided on the WatchStream";
/** Ours. */
const REASON_TOO_MANY = "skein: too many watchers";

/** What streams share. */
export interface WatchStreamContext {
  readonly clock: Clock;
  readonly store: KvStore;
  readonly hub: WatchHub;
  readonly sink: () => ReplySink;
  readonly streams: StreamReplies;
  readonly responses: WatchResponses;
  readonly jobs: JobRunner;
  /** A response of this size is split for those who want that (WE9). */
  readonly fragmentBytes: number;
  /** False when there is no memory for a watcher of a range of so many bytes. */
  readonly takeMemory: (rangeBytes: number) => boolean;
  readonly giveMemory: (rangeBytes: number) => void;
  readonly onEvents: (count: number) => void;
  /** A call was ended from here. */
  readonly onEnd: (token: Token) => void;
}

/** One Watch call: its watchers, what they are answered, and what waits for its reader. */
export class WatchStream implements WatchOwner {
  liveWatchers = 0;
  readonly token: Token;
  readonly #context: WatchStreamContext;
  readonly #watchers = new Map<bigint, StreamWatcher>();
  /** Those that had events for which there was no room. */
  #parked = new Set<Watcher>();
  /** Those that were asked to begin at a revision that did not exist. */
  readonly #future = new Set<StreamWatcher>();
  #nextId = 0n;
  #hasRoom = true;
  #large: LargeDelivery | null = null;
  /** Answers that wait for the end of it: nothing comes between fragments (as in etcd). */
  #answers: Uint8Array[] = [];
  #isClosed = false;
  #wantsProgress = false;

  constructor(context: WatchStreamContext, token: Token) {
    this.#context = context;
    this.token = token;
  }

  /** One of its watchers wants to be told of progress from time to time. */
  get wantsProgress(): boolean {
    return this.#wantsProgress;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** False while what was sent waits for the reader. */
  get hasRoom(): boolean {
    return this.#hasRoom;
  }

  get watchers(): Iterable<StreamWatcher> {
    return this.#watchers.values();
  }

  /**
   * True when it has watchers and each was told of everything up to `revision`, which has reached
   * the revision it was to begin with.
   */
  isCaughtUp(revision: number): boolean {
    const { size } = this.#watchers;
    if (size === 0 || this.liveWatchers !== size) return false;
    for (const watcher of this.#future) {
      if (watcher.startRevision > revision) return false;
      this.#future.delete(watcher);
    }
    return true;
  }

  /** @throws ProtoError. What the client says; "progress": it asks for that. */
  message(bytes: Uint8Array, start: number, end: number): "progress" | null {
    const { requestUnion: request } = decodeWatchRequest(bytes, start, end);
    if (request?.case === "createRequest") this.#create(request.value);
    else if (request?.case === "cancelRequest") this.#cancel(request.value.watchId);
    else if (request?.case === "progressRequest") return "progress";
    return null;
  }

  /** Says that everything up to `revision` was told: to one watcher, or null: to all of them. */
  sendProgress(revision: number, watcher: StreamWatcher | null): void {
    this.#control(revision, watcher ?? NO_WATCH_ID, {});
  }

  deliver(watcher: Watcher, delivery: Delivery): boolean {
    if (this.#isClosed) return true;
    if (!this.#hasRoom) {
      this.#parked.add(watcher);
      return false;
    }
    const { store, responses, onEvents } = this.#context;
    const own = watcher as StreamWatcher;
    own.isQuiet = false;
    onEvents(delivery.events);
    const revision = delivery.isLive ? delivery.last : store.currentRevision;
    if (delivery.body === null) {
      this.#deliverLarge(own, delivery, revision);
      return true;
    }
    responses.events(revision, own, delivery.body);
    this.#send(responses.out.bytes, responses.out.length);
    return true;
  }

  compacted(watcher: Watcher, compactRevision: number): void {
    if (this.#isClosed) return;
    this.#control(0, watcher as StreamWatcher, { canceled: true, compactRevision });
  }

  /** The reader took what waited. */
  writable(): void {
    if (this.#isClosed) return;
    if (this.#large !== null) {
      this.#large.writable();
      return;
    }
    this.#makeRoom();
  }

  /** The call is over: nothing more is sent. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#large?.stop();
    this.#large = null;
    this.#answers = [];
    this.#parked = new Set();
    this.#future.clear();
    const { hub } = this.#context;
    hub.removeAll(this.#forgetting());
  }

  /** Ends the call. */
  fail(code: Code, message: string): void {
    if (this.#isClosed) return;
    this.#context.streams.finish(this.token, code, message);
    this.#context.onEnd(this.token);
  }

  *#forgetting(): Iterator<Watcher> {
    for (const watcher of this.#watchers.values()) {
      this.#context.giveMemory(rangeBytes(watcher.spec));
      yield watcher;
    }
    this.#watchers.clear();
  }

  #create(request: WatchCreateRequest): void {
    const { store, hub, takeMemory } = this.#context;
    const revision = store.currentRevision;
    const spec = readSpec(request);
    let reason = "";
    if (request.startRevision < 0) reason = REASON_COMPACTED;
    else if (spec === null) reason = REASON_EMPTY_RANGE;
    else if (this.#watchers.has(request.watchId) && request.watchId !== 0n) {
      reason = REASON_DUPLICATE_ID;
    } else if (!takeMemory(rangeBytes(spec))) reason = REASON_TOO_MANY;
    if (reason !== "" || spec === null) {
      const refusal = { created: true, canceled: true, cancelReason: reason };
      this.#control(revision, NO_WATCH_ID, refusal);
      return;
    }
    const { startRevision, fragment, progressNotify } = request;
    const id = request.watchId === 0n ? this.#autoId() : request.watchId;
    const options = { id, startRevision, fragment, progressNotify };
    const watcher = new StreamWatcher(this, spec, options);
    this.#watchers.set(id, watcher);
    this.#wantsProgress ||= progressNotify;
    if (startRevision > revision) this.#future.add(watcher);
    this.#control(revision, watcher, { created: true });
    hub.add(watcher, startRevision === 0 ? revision + 1 : startRevision);
  }

  #autoId(): bigint {
    while (this.#watchers.has(this.#nextId)) this.#nextId += 1n;
    const id = this.#nextId;
    this.#nextId += 1n;
    return id;
  }

  #cancel(id: bigint): void {
    const { store, hub, giveMemory } = this.#context;
    const watcher = this.#watchers.get(id);
    if (watcher === undefined) return;
    this.#watchers.delete(id);
    this.#parked.delete(watcher);
    this.#future.delete(watcher);
    giveMemory(rangeBytes(watcher.spec));
    hub.remove(watcher);
    if (this.#large?.watcher === watcher) this.#large.cut();
    this.#control(store.currentRevision, watcher, { canceled: true });
  }

  #deliverLarge(watcher: StreamWatcher, delivery: Delivery, revision: number): void {
    const { clock, store, sink, responses, jobs, fragmentBytes } = this.#context;
    this.#fillUp();
    this.#large = new LargeDelivery({
      ...{ clock, store, watcher, delivery },
      fragmentBytes: watcher.fragment ? fragmentBytes : null,
      head: (isFragment) => {
        responses.head(revision, watcher, isFragment);
        return responses.out.bytes.slice(0, responses.out.length);
      },
      send: (totalBytes, source) => sink().sendFrom(this.token, totalBytes, source),
      run: (job) => jobs.add(job),
      onEnd: () => this.#largeEnded(),
      onLost: () => this.fail(Code.unavailable, "skein: history was compacted, watch again"),
    });
    this.#large.start();
  }

  #largeEnded(): void {
    this.#large = null;
    const answers = this.#answers;
    this.#answers = [];
    this.#makeRoom();
    for (const bytes of answers) this.#send(bytes, bytes.length);
  }

  #control(revision: number, id: WatchId, answer: ControlAnswer): void {
    const { responses } = this.#context;
    responses.control(revision, id, answer);
    const { bytes, length } = responses.out;
    if (this.#large === null) this.#send(bytes, length);
    else this.#answers.push(bytes.slice(0, length));
  }

  #send(bytes: Uint8Array, length: number): void {
    if (!this.#context.sink().send(this.token, bytes, 0, length)) this.#fillUp();
  }

  #fillUp(): void {
    if (!this.#hasRoom) return;
    this.#hasRoom = false;
    // Who does not read its answers may not ask for more of them.
    this.#context.sink().holdInput?.(this.token, true);
  }

  #makeRoom(): void {
    if (this.#hasRoom) return;
    this.#hasRoom = true;
    const { sink, hub } = this.#context;
    sink().holdInput?.(this.token, false);
    if (this.#parked.size === 0) return;
    hub.resumeAll(this.#parked.values());
    this.#parked = new Set();
  }
}

function rangeBytes({ key, end }: WatchSpec): number {
  return key.length + (end?.length ?? 0);
}
