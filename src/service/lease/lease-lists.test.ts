import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "../../base/byte-writer.ts";
import { newSpan } from "../../base/span.ts";
import { Lessor } from "../../lease/lessor.ts";
import { openStore } from "../../mvcc/store/kv-store.ts";
import type { Clock } from "../../platform/clock.ts";
import {
  decodeLeaseLeasesResponse,
  decodeLeaseTimeToLiveResponse,
} from "../../proto/gen/etcdserverpb.ts";
import { openMemoryBackend } from "../../storage/backend/memory/memory-backend.ts";
import { JobRunner } from "../jobs.ts";
import { TableMemory } from "../range/table-memory.ts";
import type { ByteSource, ReplySink, Token } from "../rpc.ts";
import { LeaseLists, LISTS_MAX } from "./lease-lists.ts";

/** Time that passes with each look at the clock: a turn has room for a step or two. */
const LOOK_MS = 0.3;
const KEY_BYTES = 40;
const HEAD = [0x0a, 0];

/** A head with an empty ResponseHeader. */
function newHead(): ByteWriter {
  const head = new ByteWriter();
  for (const byte of HEAD) head.byte(byte);
  return head;
}

class Rig {
  readonly lessor = new Lessor({ hashSeed: 1, ttlMinSeconds: 2, hasCheckpoints: false });
  readonly store = openStore({
    backend: openMemoryBackend(),
    hashSeed: 1,
    onLeaseChange: (change) => this.lessor.leaseChanged(change),
  });
  readonly replies = new Map<Token, Uint8Array>();
  readonly sources: ByteSource[] = [];
  readonly errors = new Map<Token, string>();
  readonly memory: TableMemory;
  readonly lists: LeaseLists;
  /** Most that was held behind any turn. */
  heldMaxBytes = 0;
  turns = 0;
  readonly #deferred: (() => void)[] = [];
  #nowMs = 0;

  constructor(bytesMax?: number) {
    this.memory = new TableMemory(bytesMax);
    const clock = {
      monotonicMs: () => (this.#nowMs += LOOK_MS),
      defer: (callback: () => void) => void this.#deferred.push(callback),
    } as unknown as Clock;
    const sink = {
      reply: (token: Token, bytes: Uint8Array, start: number, end: number) =>
        void this.replies.set(token, bytes.slice(start, end)),
      replyFrom: (token: Token, length: number, source: ByteSource) => {
        const bytes = new Uint8Array(length);
        assert.equal(source.read(bytes, 0, length), length);
        this.replies.set(token, bytes);
        this.sources.push(source);
      },
      finish: (token: Token, _code: number, message: string) =>
        void this.errors.set(token, message),
    } as unknown as ReplySink;
    const { lessor, store, memory } = this;
    const jobs = new JobRunner(clock);
    this.lists = new LeaseLists({ clock, store, jobs, lessor, memory, sink: () => sink });
    lessor.promote(0, 0);
  }

  grant(id: number, keys = 0): number {
    const slot = this.lessor.grant(BigInt(id), 10 + ((id * 7) % 1000), 0);
    assert.ok(typeof slot === "number");
    for (let key = 0; key < keys; key += 1) this.put(`${id}/${key}`, id);
    return slot;
  }

  put(name: string, lease: number): void {
    this.store.begin();
    const key = new TextEncoder().encode(name.padEnd(KEY_BYTES, "."));
    this.store.put(newSpan(key), newSpan(), BigInt(lease));
    this.store.end();
  }

  turn(): boolean {
    const deferred = this.#deferred.splice(0);
    for (const callback of deferred) callback();
    this.turns += 1;
    this.heldMaxBytes = Math.max(this.heldMaxBytes, this.memory.takenBytes);
    return deferred.length > 0;
  }

  run(): void {
    while (this.turn());
  }

  ids(token: Token): bigint[] {
    const bytes = this.replies.get(token)!;
    return decodeLeaseLeasesResponse(bytes, 0, bytes.length).leases.map(({ id }) => id);
  }

  keys(token: Token): string[] {
    const bytes = this.replies.get(token)!;
    const { keys } = decodeLeaseTimeToLiveResponse(bytes, 0, bytes.length);
    return keys.map((key) => new TextDecoder().decode(key).replace(/\.+$/, "")).sort();
  }

  release(): void {
    for (const source of this.sources.splice(0)) source.release();
  }
}

test("leases: those that expire first at the front; few at once, many later", () => {
  for (const count of [0, 50, 3000]) {
    const rig = new Rig();
    const ids = Array.from({ length: count }, (_, at) => at + 1);
    for (const id of ids) rig.grant(id);
    rig.lists.leases(1, newHead());
    assert.equal(rig.replies.size, count > 100 ? 0 : 1);
    rig.run();
    const ttls = rig.ids(1).map((id) => rig.lessor.ttlOf(rig.lessor.find(id)));
    assert.deepEqual(
      ttls,
      ttls.toSorted((x, y) => x - y),
    );
    assert.equal(new Set(rig.ids(1)).size, count);
  }
});

test("300 lists of all leases cost one, and what they hold counts until all are read", () => {
  const rig = new Rig();
  for (let id = 1; id <= 3000; id += 1) rig.grant(id);
  const calls = 300;
  for (let call = 0; call < calls; call += 1) rig.lists.leases(call, newHead());
  assert.equal(rig.memory.takenBytes, 0);
  rig.run();
  assert.equal(rig.replies.size, calls);
  assert.equal(rig.ids(calls - 1).length, 3000);
  assert.ok(rig.heldMaxBytes < 3000 * 50, `${rig.heldMaxBytes} bytes`);
  assert.ok(rig.turns < 400, `${rig.turns} turns`);
  const last = rig.sources.pop()!;
  rig.release();
  assert.equal(rig.memory.takenBytes, rig.replies.get(0)!.length - HEAD.length);
  last.release();
  assert.equal(rig.memory.takenBytes, 0);
});

test("no more than a few lists are made at a time", () => {
  const rig = new Rig();
  const [leases, keys] = [12, 2000];
  for (let id = 1; id <= leases; id += 1) {
    rig.lists.keys(id, newHead(), rig.grant(id, keys));
  }
  while (rig.turn()) rig.release();
  for (let id = 1; id <= leases; id += 1) assert.equal(rig.keys(id).length, keys);
  assert.ok(rig.heldMaxBytes > 0);
  assert.ok(rig.heldMaxBytes < (LISTS_MAX + 1) * keys * (KEY_BYTES + 2), `${rig.heldMaxBytes}`);
});

test("keys of very many: those that stay are there, those of other leases not", () => {
  const rig = new Rig();
  const slot = rig.grant(1, 6000);
  rig.grant(2, 10);
  rig.lists.keys(1, newHead(), slot);
  rig.turn();
  rig.turn();
  rig.put("1/5999", 2);
  rig.put("new", 2);
  rig.run();
  const expected = Array.from({ length: 5999 }, (_, at) => `1/${at}`).sort();
  assert.deepEqual(rig.keys(1), expected);
});

test("keys of a lease that went before its turn: none, whoever has its slot now", () => {
  const rig = new Rig();
  const slot = rig.grant(1, 1000);
  rig.lists.keys(1, newHead(), slot);
  rig.lessor.endRevoke(slot);
  assert.equal(rig.grant(2, 1000), slot);
  rig.lists.keys(2, newHead(), slot);
  rig.run();
  assert.equal(rig.keys(1).length, 0);
  assert.equal(rig.keys(2).length, 1000);
});

test("when replies that nobody reads hold too much, further lists are refused", () => {
  const rig = new Rig(200_000);
  const slots = [1, 2, 3].map((id) => rig.grant(id, 4000));
  for (const [at, slot] of slots.entries()) {
    rig.lists.keys(at + 1, newHead(), slot);
    rig.run();
  }
  assert.deepEqual([...rig.replies.keys()], [1]);
  const refused = "etcdserver: too many requests";
  assert.deepEqual(
    [...rig.errors.entries()],
    [2, 3].map((call) => [call, refused]),
  );
  rig.release();
  assert.equal(rig.memory.takenBytes, 0);
  rig.lists.keys(4, newHead(), slots[1]!);
  rig.run();
  assert.equal(rig.keys(4).length, 4000);
});

test("a list is not made when all its calls are dead, and goes on when one is not", () => {
  const rig = new Rig();
  const slot = rig.grant(1, 6000);
  for (const call of [1, 2]) rig.lists.keys(call, newHead(), slot);
  rig.turn();
  rig.turn();
  assert.ok(rig.memory.takenBytes > 0);
  rig.lists.cancel(1);
  rig.turn();
  assert.ok(rig.memory.takenBytes > 0);
  rig.lists.cancel(2);
  rig.turn();
  rig.turn();
  assert.equal(rig.memory.takenBytes, 0);
  for (const call of [3, 4]) rig.lists.keys(call, newHead(), slot);
  rig.lists.cancel(3);
  rig.run();
  assert.deepEqual([...rig.replies.keys()], [4]);
  assert.equal(rig.keys(4).length, 6000);
});
