import assert from "node:assert/strict";
import { test } from "node:test";
import type { KeySpace } from "../../src/mvcc/store/key-space.ts";
import {
  createCompactionRequest,
  createHashKVRequest,
  createPutRequest,
  createRangeRequest,
  createTxnRequest,
  encodeCompactionRequestToBytes,
  encodeHashKVRequestToBytes,
  encodePutRequestToBytes,
  encodeRangeRequestToBytes,
  encodeTxnRequestToBytes,
  type RangeRequest,
} from "../../src/proto/gen/etcdserverpb.ts";
import type { ByteSource, ReplySink, Token } from "../../src/service/rpc.ts";
import { VirtualClock } from "../../src/sim/world/clock.ts";
import { VirtualDisk } from "../../src/sim/world/disk.ts";
import { SimMember } from "./sim-member.ts";

const READY_LIMIT_MS = 60_000;
const VALUE_BYTES = 10_000;
/** What a compaction may wait for a reader that makes no progress: 30 s, and ticks. */
const COMPACTION_LIMIT_MS = 60_000;
const COMPACTED = "etcdserver: mvcc: required revision has been compacted";
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What a reader of one call has got so far. */
class Reader {
  readonly bytes: number[] = [];
  source: ByteSource | null = null;
  owedBytes = 0;
  isStream = false;
  end: string | null = null;
}

/** Readers that take what they are told to. */
class PullSink implements ReplySink {
  readonly readers = new Map<Token, Reader>();
  writable: (token: Token) => void = () => {};
  cancel: (token: Token) => void = () => {};

  reply(token: Token, bytes: Uint8Array, start: number, end: number): void {
    const reader = this.readers.get(token)!;
    reader.bytes.push(...bytes.subarray(start, end));
    reader.end = "ok";
  }
  replyFrom(token: Token, totalBytes: number, source: ByteSource): void {
    Object.assign(this.readers.get(token)!, { source, owedBytes: totalBytes });
  }
  send(): boolean {
    throw new Error("not used here");
  }
  sendFrom(token: Token, totalBytes: number, source: ByteSource): void {
    Object.assign(this.readers.get(token)!, { source, owedBytes: totalBytes, isStream: true });
  }
  finish(token: Token, _code: number, message: string): void {
    this.readers.get(token)!.end = message === "" ? "ok" : message;
  }
  metadata(): string | undefined {
    return undefined;
  }
  remoteAddress(): string {
    return "sim";
  }

  /** Takes up to `bytesMax` of what is owed at once; as the edge does it otherwise. */
  take(token: Token, bytesMax: number): number {
    const reader = this.readers.get(token)!;
    const { source } = reader;
    if (source === null) return 0;
    const into = new Uint8Array(Math.min(bytesMax, reader.owedBytes));
    const count = source.read(into, 0, into.length);
    if (count < 0) {
      source.release();
      reader.source = null;
      reader.end = source.failure?.message ?? "failed";
      this.cancel(token);
      return 0;
    }
    for (const byte of into.subarray(0, count)) reader.bytes.push(byte);
    reader.owedBytes -= count;
    if (reader.owedBytes > 0) return count;
    source.release();
    reader.source = null;
    if (reader.isStream) this.writable(token);
    else reader.end = "ok";
    return count;
  }
}

class World {
  readonly clock = new VirtualClock();
  readonly sink = new PullSink();
  readonly member: SimMember;
  readonly #methods = new Map<string, number>();
  #nextToken = 1;

  constructor(lookMs: number) {
    const { clock, sink } = this;
    const disk = new VirtualDisk({ clock, seed: 1 });
    this.member = new SimMember({ clock, disk, seed: 1, lookMs });
    const { router } = this.member.core.service;
    router.bind(sink);
    sink.writable = (token) => router.writable(token);
    sink.cancel = (token) => router.cancel(token);
    router.methods.forEach(({ service, name }, id) => this.#methods.set(`${service}/${name}`, id));
    assert.ok(clock.runUntil(() => this.member.core.isReady, READY_LIMIT_MS));
  }

  call(method: string, request: Uint8Array): Token {
    const token = this.#nextToken++;
    this.sink.readers.set(token, new Reader());
    const id = this.#methods.get(`etcdserverpb.${method}`)!;
    this.member.core.service.router.request(id, token, request, 0, request.length);
    return token;
  }

  reader(token: Token): Reader {
    return this.sink.readers.get(token)!;
  }

  /** Runs until the call has ended, or has something to be taken. */
  settle(token: Token): Reader {
    const reader = this.reader(token);
    const isSettled = (): boolean => reader.end !== null || reader.source !== null;
    assert.ok(this.clock.runUntil(isSettled, READY_LIMIT_MS));
    return reader;
  }

  put(key: string, valueBytes: number): void {
    const request = { ...createPutRequest(), key: utf8(key), value: new Uint8Array(valueBytes) };
    assert.equal(this.settle(this.call("KV/Put", encodePutRequestToBytes(request))).end, "ok");
  }

  range(method: string, changes: Partial<RangeRequest> = {}): Token {
    const everything = { key: utf8("a"), rangeEnd: utf8("zz"), serializable: true };
    const request = { ...createRangeRequest(), ...everything, ...changes };
    return this.call(method, encodeRangeRequestToBytes(request));
  }

  /** A physical compaction of everything, after each key was written again. */
  compactAll(keys: number): Token {
    for (let i = 0; i < keys; i++) this.put(name(i), 1);
    const revision = this.member.core.store.currentRevision;
    const request = { ...createCompactionRequest(), revision, physical: true };
    return this.call("KV/Compact", encodeCompactionRequestToBytes(request));
  }

  /** Takes everything at once. */
  drain(token: Token): Reader {
    for (;;) {
      const reader = this.settle(token);
      if (reader.end !== null) return reader;
      this.sink.take(token, 65_536);
    }
  }
}

const name = (i: number): string => `k${String(i).padStart(6, "0")}`;

function worldWith(keys: number): World {
  const world = new World(0);
  for (let i = 0; i < keys; i++) world.put(name(i), VALUE_BYTES);
  return world;
}

for (const method of ["KV/Range", "KV/RangeStream"]) {
  test(`${method}: a reader that takes a byte now and then does not hold up compaction`, () => {
    const keys = 60;
    const world = worldWith(keys);
    const { clock, sink } = world;
    const slow = world.range(method);
    const whole = world.drain(world.range(method));
    world.settle(slow);
    sink.take(slow, 1);
    const compaction = world.reader(world.compactAll(keys));
    const startMs = clock.monotonicMs();
    while (compaction.end === null && clock.monotonicMs() - startMs < COMPACTION_LIMIT_MS) {
      clock.runFor(10_000);
      sink.take(slow, 1);
    }
    assert.equal(compaction.end, "ok", "the work of the compaction is done");
    const { core } = world.member;
    assert.equal(core.store.finishedCompactRevision, core.store.currentRevision);
    // It gets what was made before, and then the error.
    const reader = world.drain(slow);
    assert.equal(reader.end, COMPACTED);
    assert.ok(reader.bytes.length > 0 && reader.bytes.length < whole.bytes.length / 2);
    assert.deepEqual(reader.bytes, whole.bytes.slice(0, reader.bytes.length));
    assert.equal(reader.source, null);
  });

  test(`${method}: a reader at 100 kB/s is not cut off while a compaction waits`, () => {
    const keys = 900;
    const world = worldWith(keys);
    const { clock, sink } = world;
    const steady = world.range(method);
    const whole = world.drain(world.range(method));
    const compaction = world.reader(world.compactAll(keys));
    const reader = world.settle(steady);
    const startMs = clock.monotonicMs();
    while (reader.end === null) {
      clock.runFor(100);
      assert.equal(compaction.end, null, "what the reader still needs is not removed");
      for (let left = 10_000; left > 0 && reader.end === null;) {
        const taken = sink.take(steady, left);
        if (taken === 0) world.settle(steady);
        left -= taken;
      }
    }
    assert.equal(reader.end, "ok");
    assert.ok(clock.monotonicMs() - startMs > 80_000);
    assert.deepEqual(Buffer.from(reader.bytes), Buffer.from(whole.bytes));
    clock.runFor(5000);
    assert.equal(compaction.end, "ok");
  });
}

test("RangeStream: small chunks are no progress, however many are taken", () => {
  const world = new World(0);
  for (let i = 0; i < 3000; i++) world.put(name(i), 1);
  const { clock, sink } = world;
  const slow = world.range("KV/RangeStream");
  world.settle(slow);
  const compaction = world.reader(world.compactAll(20));
  const startMs = clock.monotonicMs();
  while (compaction.end === null && clock.monotonicMs() - startMs < COMPACTION_LIMIT_MS) {
    clock.runFor(20_000);
    sink.take(slow, 65_536);
  }
  assert.equal(compaction.end, "ok");
  assert.equal(world.drain(slow).end, COMPACTED);
});

/** Looks at records that one turn of the event loop, or one read, may take: well below 1 ms. */
const VISITS_MAX = 9000;
const ABSENT_KEYS = 30_000;

test("no turn passes over all the keys that are absent at the revision", () => {
  const world = new World(0.5);
  const { clock, sink, member } = world;
  const there = ["a", ...Array.from({ length: 29 }, (_, i) => `${name(i * 1000 + 500)}!`), "z"];
  for (const key of there) world.put(key, 1);
  const revision = member.core.store.currentRevision;
  for (let from = 0; from < ABSENT_KEYS; from += 100) {
    const success = Array.from({ length: 100 }, (_, at) => ({
      request: {
        case: "requestPut" as const,
        value: { ...createPutRequest(), key: utf8(name(from + at)), value: utf8("v") },
      },
    }));
    const request = encodeTxnRequestToBytes({ ...createTxnRequest(), success });
    assert.equal(world.settle(world.call("KV/Txn", request)).end, "ok");
  }
  const { index } = member.core.store as unknown as KeySpace;
  const stateAt = index.stateAt.bind(index);
  let visits = 0;
  index.stateAt = (record, atRevision, out) => {
    visits += 1;
    return stateAt(record, atRevision, out);
  };
  const hash = encodeHashKVRequestToBytes({ ...createHashKVRequest(), revision: 1 });
  const calls: [string, Token][] = [
    ["hash", world.call("Maintenance/HashKV", hash)],
    ["plain", world.range("KV/Range", { revision })],
    ["keys only", world.range("KV/Range", { revision, keysOnly: true })],
    ["sorted", world.range("KV/Range", { revision, sortOrder: 2, sortTarget: 1 })],
    ["stream", world.range("KV/RangeStream", { revision })],
  ];
  const passed = (what: string): void => {
    assert.ok(visits <= VISITS_MAX, `${what}: ${visits} records`);
    visits = 0;
  };
  for (const [what, token] of calls) {
    const reader = world.reader(token);
    while (reader.end === null) {
      passed("before");
      if (reader.source === null) clock.step();
      passed(`${what}, a turn`);
      // As the edge does: on and on, until there is nothing yet.
      while (sink.take(token, 65_536) > 0);
      passed(`${what}, the reads of a turn`);
    }
    assert.equal(reader.end, "ok", what);
  }
  const texts = calls.slice(1).map(([, token]) => Buffer.from(world.reader(token).bytes));
  for (const text of texts) for (const key of there) assert.ok(text.includes(key), key);
});
