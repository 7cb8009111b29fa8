import {
  createWatchCreateRequest,
  decodeWatchResponse,
  encodeWatchRequestToBytes,
  type WatchResponse,
} from "../proto/gen/etcdserverpb.ts";
import type { Event } from "../proto/gen/mvccpb.ts";
import { EtcdError, GrpcCode } from "./errors.ts";
import { selectKeys } from "./keys.ts";
import type { ClientPlatform } from "./platform.ts";
import { backoffMs } from "./transport/channel.ts";
import { METHODS } from "./transport/method.ts";
import type { Rpc } from "./transport/rpc.ts";
import type { Bytes, KeySelector, KeyValue } from "./types.ts";

const REASON_COMPACTED = "etcdserver: mvcc: required revision has been compacted";
/** WatchCreateRequest.FilterType. */
const FILTERS = { put: 0, delete: 1 } as const;
const TYPE_DELETE = 1;

/** What to watch, and from when on. */
export interface WatchOptions extends KeySelector {
  /** The first revision that is wanted; 0 or absent: what comes next. */
  readonly startRevision?: number;
  /** With the key as it was before. */
  readonly prevKv?: boolean;
  /** Kinds of events that are not wanted. */
  readonly without?: readonly ("put" | "delete")[];
  /** Ask for a report now and then when nothing happens: it comes as a batch without events. */
  readonly progressNotify?: boolean;
  readonly signal?: AbortSignal;
}

/** A change of a key. */
export interface WatchEvent {
  readonly type: "put" | "delete";
  /** Of a deletion only key and modRevision are set. */
  readonly kv: KeyValue;
  readonly prevKv: KeyValue | undefined;
}

/** Events of whole revisions. Everything that was wanted up to `revision` has come with it. */
export interface WatchBatch {
  readonly revision: number;
  readonly events: readonly WatchEvent[];
}

/** The history that a watch needs was compacted. */
export class WatchCompactedError extends EtcdError {
  /** The first revision that can still be watched from. */
  readonly compactRevision: number;

  constructor(compactRevision: number) {
    super(GrpcCode.outOfRange, REASON_COMPACTED);
    this.compactRevision = compactRevision;
  }
}

/**
 * Watches as async iterators: each event once, in order, whatever happens to connections and
 * members. A watch that broke off is asked for again from the revision after the last batch; a
 * revision that came in part is dropped and comes again.
 */
export class Watches {
  readonly #rpc: Rpc;
  readonly #platform: ClientPlatform;

  /** The calls of `rpc` must have no time limit. */
  constructor(rpc: Rpc, platform: ClientPlatform) {
    this.#rpc = rpc;
    this.#platform = platform;
  }

  /**
   * Watches one key or a set of keys until the loop is left or `signal` says so. It throws
   * WatchCompactedError when what comes next was compacted, and EtcdError when it is refused.
   */
  async *watch(
    key: Bytes,
    options: WatchOptions = {},
  ): AsyncGenerator<WatchBatch, void, undefined> {
    const range = selectKeys(key, options);
    const { prevKv = false, progressNotify = false, without = [], signal } = options;
    const filters = without.map((kind) => FILTERS[kind]);
    const place = { next: options.startRevision ?? 0 };
    const created = { ...createWatchCreateRequest(), ...range, prevKv, progressNotify, filters };
    for (;;) {
      const value = { ...created, fragment: true, startRevision: place.next };
      const request = encodeWatchRequestToBytes({ requestUnion: { case: "createRequest", value } });
      try {
        const call = signal === undefined ? {} : { signal };
        yield* batches(this.#rpc.stream(METHODS.watch, request, call), place);
      } catch (error) {
        if (!isPassing(error)) throw error;
      }
      await this.#pause();
    }
  }

  #pause(): Promise<void> {
    const platform = this.#platform;
    return new Promise((resolve) => void platform.startTimer(backoffMs(platform), resolve));
  }
}

/** What etcd's client takes for passing: the watch goes on elsewhere, or later. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof EtcdError) || error instanceof WatchCompactedError) return false;
  return error.grpcCode === GrpcCode.unavailable || error.grpcCode === GrpcCode.internal;
}

/** Puts the fragments of revisions together; `place.next` is what to ask for when it breaks off. */
async function* batches(
  messages: AsyncIterableIterator<Uint8Array>,
  place: { next: number },
): AsyncGenerator<WatchBatch, void, undefined> {
  let events: WatchEvent[] = [];
  for await (const bytes of messages) {
    const response = decodeWatchResponse(bytes, 0, bytes.length);
    if (response.canceled) throw canceledError(response);
    const revision = response.header?.revision ?? 0;
    if (response.created) {
      // What is put while it is not connected is wanted, too.
      if (place.next === 0) place.next = revision + 1;
      continue;
    }
    for (const event of response.events) events.push(watchEvent(event));
    if (response.fragment) continue;
    const told = events.at(-1)?.kv.modRevision ?? revision;
    const batch = { revision: told, events };
    events = [];
    // A report may be of a revision before the one that was asked for.
    place.next = Math.max(place.next, told + 1);
    yield batch;
  }
}

function canceledError({ compactRevision, cancelReason }: WatchResponse): EtcdError {
  if (compactRevision > 0) return new WatchCompactedError(compactRevision);
  return new EtcdError(GrpcCode.unknown, cancelReason);
}

function watchEvent({ type, kv, prevKv }: Event): WatchEvent {
  return { type: type === TYPE_DELETE ? "delete" : "put", kv: kv as KeyValue, prevKv };
}
