import assert from "node:assert/strict";
import { test } from "node:test";
import { Lessor } from "../../lease/lessor.ts";
import { openStore } from "../../mvcc/store/kv-store.ts";
import {
  decodeLeaseKeepAliveResponse,
  encodeLeaseKeepAliveRequestToBytes,
} from "../../proto/gen/etcdserverpb.ts";
import { VirtualClock } from "../../sim/world/clock.ts";
import { openMemoryBackend } from "../../storage/backend/memory/memory-backend.ts";
import type { Consensus } from "../consensus.ts";
import { HeaderWriter } from "../header.ts";
import { type Job, JobRunner } from "../jobs.ts";
import { Proposer } from "../propose/proposer.ts";
import { PendingReads } from "../reads.ts";
import type { Code, ReplySink, Token } from "../rpc.ts";
import { StreamCalls } from "../streams.ts";
import { KeepAlives } from "./keep-alives.ts";

const CALL = 7;

/** One call of keep-alives, with everything around it played. */
class Rig {
  readonly clock = new VirtualClock();
  readonly jobs = new JobRunner(this.clock);
  readonly lessor = new Lessor({ hashSeed: 1, ttlMinSeconds: 2, hasCheckpoints: false });
  readonly said: string[] = [];
  readonly proposed: Uint8Array[] = [];
  readonly reads: PendingReads;
  readonly keepAlives: KeepAlives;
  readonly streams: StreamCalls;
  readonly proposer: Proposer;
  isCaughtUp = true;
  isFull = false;

  constructor() {
    const { clock, lessor, said, proposed } = this;
    lessor.promote(0, 0);
    const consensus: Consensus = {
      propose: (data) => {
        proposed.push(data);
        return null;
      },
      readNow: () => this.isCaughtUp,
      readIndex: () => true,
      hasLeader: () => true,
      appliedTerm: () => 2,
      status: () => ({ leader: 1n, term: 2, commitIndex: 0, appliedIndex: 0 }),
    };
    const sink = {
      send: (_: Token, bytes: Uint8Array, start: number, end: number) => {
        const { header, id, ttl } = decodeLeaseKeepAliveResponse(bytes, start, end);
        said.push(`${id}:${ttl} at ${header?.revision}`);
        return !this.isFull;
      },
      finish: (_: Token, code: Code, message: string) => said.push(`end ${code} ${message}`),
    } as unknown as ReplySink;
    this.reads = new PendingReads(consensus, clock);
    this.streams = new StreamCalls(() => sink);
    this.proposer = new Proposer({
      clock,
      consensus,
      memberId: 9n,
      maxRequestBytes: 1000,
      electionTimeoutMs: 1000,
      sink: () => sink,
      onGivenUp: () => {},
    });
    this.keepAlives = new KeepAlives({
      clock,
      lessor,
      consensus,
      reads: this.reads,
      jobs: this.jobs,
      proposer: this.proposer,
      store: openStore({ backend: openMemoryBackend(), hashSeed: 1 }),
      header: new HeaderWriter({ clusterId: 1n, memberId: 9n, term: () => 2 }),
      replies: this.streams,
    });
    this.streams.open(CALL, this.keepAlives);
  }

  ask(...ids: bigint[]): void {
    this.askOf(CALL, ids);
  }

  askOf(call: Token, ids: readonly bigint[]): void {
    for (const id of ids) {
      const bytes = encodeLeaseKeepAliveRequestToBytes({ id });
      this.streams.message(call, bytes, 0, bytes.length);
    }
  }

  revoke(id: bigint): void {
    const slot = this.lessor.find(id);
    this.lessor.beginRevoke(slot);
    this.lessor.endRevoke(slot);
    this.keepAlives.leaseRevoked(id);
  }

  /** What the member does by itself in one turn of its loop. */
  turn(): void {
    this.clock.runFor(0);
  }
}

test("what has expired is answered with 0 when it is gone, what was asked later after that", () => {
  const rig = new Rig();
  rig.lessor.grant(1n, 2, 0);
  rig.lessor.grant(-(2n ** 63n), 50, 0);
  rig.clock.runFor(2000);
  rig.ask(1n, -(2n ** 63n), 1n);
  rig.streams.halfClose(CALL);
  assert.deepEqual(rig.said, []);
  rig.revoke(1n);
  assert.deepEqual(rig.said, [], "not while an entry is applied");
  rig.turn();
  assert.deepEqual(rig.said, ["1:0 at 1", `${-(2n ** 63n)}:50 at 1`, "1:0 at 1", "end 0 "]);
});

test("an unknown lease waits until all that is committed is applied", () => {
  const rig = new Rig();
  rig.isCaughtUp = false;
  rig.ask(1n);
  assert.deepEqual(rig.said, []);
  rig.lessor.grant(1n, 5, 0);
  rig.reads.readable(1);
  assert.deepEqual(rig.said, ["1:5 at 1"]);
  rig.ask(2n);
  rig.reads.expire(Number.POSITIVE_INFINITY);
  assert.equal(
    rig.said[1],
    "end 14 etcdserver: request timed out, waiting for the applied index took too long",
  );
});

test("a checkpoint is cleared through the log before a renewal", () => {
  const rig = new Rig();
  rig.lessor.grant(1n, 500, 0);
  rig.lessor.checkpoint(1n, 100, 0);
  rig.ask(1n, 1n);
  assert.deepEqual(rig.said, []);
  assert.equal(rig.proposed.length, 1);
  rig.lessor.checkpoint(1n, 0, 0);
  rig.streams.halfClose(CALL);
  // The only entry there is: its id follows the clock.
  const first = (Math.floor(rig.clock.wallMs()) % 2 ** 40) * 256 + 1;
  rig.proposer.take(first);
  assert.deepEqual(rig.said, ["1:500 at 1", "1:500 at 1", "end 0 "]);
});

test("who does not read is not answered further, and ended when he asks for too much", () => {
  const rig = new Rig();
  rig.lessor.grant(1n, 500, 0);
  rig.isFull = true;
  rig.ask(1n, 1n, 1n);
  assert.equal(rig.said.length, 1);
  rig.isFull = false;
  rig.streams.writable(CALL);
  assert.equal(rig.said.length, 3);
  rig.isFull = true;
  for (let asked = 0; asked < 4098; asked += 1) rig.ask(1n);
  assert.equal(rig.said.length, 5);
  assert.match(rig.said[4]!, /^end 8 skein: too many keep-alives/);
  rig.ask(1n);
  assert.equal(rig.said.length, 5, "the call is over");
});

test("what is no request ends the call, and a call that is dead is not answered", () => {
  const rig = new Rig();
  rig.lessor.grant(1n, 2, 0);
  rig.streams.message(CALL, Uint8Array.of(0x08), 0, 1);
  assert.match(rig.said[0]!, /^end 13 grpc: failed to unmarshal/);
  rig.streams.open(CALL, rig.keepAlives);
  rig.clock.runFor(3000);
  rig.ask(1n);
  rig.streams.cancel(CALL);
  rig.revoke(1n);
  rig.turn();
  assert.equal(rig.said.length, 1);
});

test("a call that went while its lease was to be told of is not answered", () => {
  const rig = new Rig();
  rig.lessor.grant(1n, 2, 0);
  rig.clock.runFor(3000);
  rig.ask(1n);
  rig.streams.halfClose(CALL);
  assert.deepEqual(rig.said, [], "closed on one side, it still waits");
  rig.revoke(1n);
  rig.streams.cancel(CALL);
  rig.turn();
  assert.deepEqual(rig.said, []);
});

test("what waited for a lease that is gone is answered in steps", () => {
  const rig = new Rig();
  const steps: Job[] = [];
  rig.jobs.add = (job) => void steps.push(job);
  rig.lessor.grant(1n, 2, 0);
  rig.lessor.grant(2n, 500, 0);
  rig.clock.runFor(3000);
  const calls = [CALL, CALL + 1, CALL + 2];
  for (const call of calls.slice(1)) rig.streams.open(call, rig.keepAlives);
  const ids = [1n, ...Array.from({ length: 1000 }, () => 2n)];
  for (const call of calls) rig.askOf(call, ids);
  rig.revoke(1n);
  assert.equal(rig.said.length, 0);
  assert.equal(steps.length, 1, "one job for all of them");
  let most = 0;
  for (let isOver = false; !isOver;) {
    const before = rig.said.length;
    isOver = steps[0]!.step();
    most = Math.max(most, rig.said.length - before);
  }
  assert.equal(rig.said.length, calls.length * ids.length);
  assert.ok(most < 100, `${most} answers in one step`);
});

test("a call that is cancelled, or ended, leaves nothing behind with its lease", () => {
  const rig = new Rig();
  rig.lessor.grant(1n, 2, 0);
  rig.clock.runFor(3000);
  rig.ask(1n);
  assert.equal(rig.keepAlives.awaitingEnd, 1);
  rig.streams.halfClose(CALL);
  assert.equal(rig.keepAlives.awaitingEnd, 1);
  rig.streams.cancel(CALL);
  assert.equal(rig.keepAlives.awaitingEnd, 0);
  rig.streams.open(CALL, rig.keepAlives);
  for (let asked = 0; asked <= 4097; asked += 1) rig.ask(1n);
  assert.match(rig.said.at(-1)!, /^end 8/);
  assert.equal(rig.keepAlives.awaitingEnd, 0);
});
