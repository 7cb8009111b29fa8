import assert from "node:assert/strict";
import {
  createCompactionRequest,
  createDeleteRangeRequest,
  createPutRequest,
  createTxnRequest,
  createWatchCreateRequest,
  decodeWatchResponse,
  encodeCompactionRequestToBytes,
  encodeDeleteRangeRequestToBytes,
  encodePutRequestToBytes,
  encodeTxnRequestToBytes,
  encodeWatchRequestToBytes,
  type WatchCreateRequest,
  type WatchRequest,
  type WatchResponse,
} from "../../../src/proto/gen/etcdserverpb.ts";
import type { MemberConfig } from "../../../src/member/config.ts";
import type { Token } from "../../../src/service/rpc.ts";
import { VirtualClock } from "../../../src/sim/world/clock.ts";
import { VirtualDisk } from "../../../src/sim/world/disk.ts";
import { SimMember } from "../sim-member.ts";
import { StreamReader, StreamSink } from "./stream-sink.ts";

const LIMIT_MS = 60_000;
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** How a world differs from the usual. */
export interface WorldOptions {
  readonly seed: number;
  /** Time that passes with each look at the clock: work is cut into slices by it. */
  readonly lookMs?: number;
  readonly config?: Partial<MemberConfig>;
}

/** A member in virtual time, its watch streams and their readers. */
export class WatchWorld {
  readonly clock = new VirtualClock();
  readonly sink = new StreamSink();
  readonly member: SimMember;
  readonly #methods = new Map<string, number>();
  #nextToken = 1;

  constructor({ seed, lookMs = 0, config = {} }: WorldOptions) {
    const { clock, sink } = this;
    const disk = new VirtualDisk({ clock, seed });
    this.member = new SimMember({ clock, disk, seed, lookMs, config });
    const { router } = this.member.core.service;
    router.bind(sink);
    sink.writable = (token) => router.writable(token);
    sink.cancel = (token) => router.cancel(token);
    router.methods.forEach(({ service, name }, id) => this.#methods.set(`${service}/${name}`, id));
    assert.ok(clock.runUntil(() => this.member.core.isReady, LIMIT_MS));
  }

  get revision(): number {
    return this.member.core.store.currentRevision;
  }

  /** Opens a Watch call. */
  open(): Token {
    const token = this.#begin();
    this.member.core.service.router.open(this.#methods.get("etcdserverpb.Watch/Watch")!, token);
    return token;
  }

  /** The client says something on it. */
  say(token: Token, requestUnion: WatchRequest["requestUnion"]): void {
    const bytes = encodeWatchRequestToBytes({ requestUnion });
    const buffer = new Uint8Array(bytes.length + 2).fill(0xee);
    buffer.set(bytes, 1);
    this.member.core.service.router.message(token, buffer, 1, bytes.length + 1);
    buffer.fill(0xdd);
  }

  watch(token: Token, key: string, changes: Partial<WatchCreateRequest> = {}): void {
    const value = { ...createWatchCreateRequest(), key: utf8(key), ...changes };
    this.say(token, { case: "createRequest", value });
  }

  reader(token: Token): StreamReader {
    return this.sink.readers.get(token)!;
  }

  /** Responses that the reader of a stream has, decoded. */
  responses(token: Token): WatchResponse[] {
    return this.reader(token).messages.map((bytes) => decodeWatchResponse(bytes, 0, bytes.length));
  }

  put(key: string, value: string | Uint8Array): void {
    const bytes = typeof value === "string" ? utf8(value) : value;
    const request = { ...createPutRequest(), key: utf8(key), value: bytes };
    this.#done("KV/Put", encodePutRequestToBytes(request));
  }

  /** Puts in one revision. */
  putAll(keys: readonly string[], value: string): void {
    const success = keys.map((key) => ({
      request: {
        case: "requestPut" as const,
        value: { ...createPutRequest(), key: utf8(key), value: utf8(value) },
      },
    }));
    this.#done("KV/Txn", encodeTxnRequestToBytes({ ...createTxnRequest(), success }));
  }

  delete(key: string, rangeEnd = ""): void {
    const range = { key: utf8(key), rangeEnd: utf8(rangeEnd) };
    const request = { ...createDeleteRangeRequest(), ...range };
    this.#done("KV/DeleteRange", encodeDeleteRangeRequestToBytes(request));
  }

  compact(revision: number): void {
    const request = { ...createCompactionRequest(), revision };
    this.#done("KV/Compact", encodeCompactionRequestToBytes(request));
  }

  /** Readers take everything until nothing more comes. */
  drain(...tokens: Token[]): void {
    for (let quiet = 0; quiet < 3;) {
      this.clock.runFor(200);
      let taken = 0;
      for (const token of tokens) taken += this.sink.take(token, 1e9);
      quiet = taken === 0 ? quiet + 1 : 0;
    }
  }

  #begin(): Token {
    const token = this.#nextToken++;
    this.sink.readers.set(token, new StreamReader());
    return token;
  }

  #done(method: string, request: Uint8Array): void {
    const token = this.#begin();
    const id = this.#methods.get(`etcdserverpb.${method}`)!;
    this.member.core.service.router.request(id, token, request, 0, request.length);
    const reader = this.reader(token);
    assert.ok(this.clock.runUntil(() => reader.end !== null, LIMIT_MS));
    assert.equal(reader.end, "ok");
    this.sink.readers.delete(token);
  }
}
