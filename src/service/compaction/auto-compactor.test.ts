import assert from "node:assert/strict";
import { test } from "node:test";
import type { RequestError } from "../../apply/errors.ts";
import type { LogFields, Logger } from "../../platform/logger.ts";
import { VirtualClock } from "../../sim/world/clock.ts";
import { type AutoCompaction, AutoCompactor, planOf } from "./auto-compactor.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A store that gets a revision each minute: at minute m it is at 1000 + m. */
class World {
  readonly clock = new VirtualClock();
  /** Minute and revision of each compaction that was asked for. */
  readonly asked: [minute: number, revision: number][] = [];
  readonly lines: string[] = [];
  /** What the next compactions come to; then all succeed. */
  readonly ends: (RequestError | null)[] = [];
  isLeader = true;
  /** The revision stands still when set. */
  frozen: number | null;
  readonly compactor: AutoCompactor;

  constructor(config: Exclude<AutoCompaction, { mode: "off" }>, frozen: number | null = null) {
    this.frozen = frozen;
    const log = (level: string, message: string, fields: LogFields = {}): void => {
      this.lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
    };
    const logger: Logger = { enabled: () => true, log, with: () => logger };
    this.compactor = new AutoCompactor({
      clock: this.clock,
      logger,
      plan: planOf(config, this.clock.monotonicMs()),
      revision: () => this.frozen ?? 1000 + Math.floor(this.minute),
      isLeader: () => this.isLeader,
      compact: (revision, done) => {
        this.asked.push([this.minute, revision]);
        done(this.ends.shift() ?? null);
      },
    });
    this.compactor.start();
  }

  get minute(): number {
    return this.clock.monotonicMs() / MINUTE_MS;
  }

  runTo(minute: number): void {
    this.clock.runFor(minute * MINUTE_MS - this.clock.monotonicMs());
  }
}

const periodic = (retentionMs: number, frozen: number | null = null): World =>
  new World({ mode: "periodic", retentionMs }, frozen);

test("a period below an hour: first after the period, then every period", () => {
  const world = periodic(10 * MINUTE_MS);
  world.runTo(9.99);
  assert.deepEqual(world.asked, []);
  world.runTo(41);
  // Eleven samples are kept, one a minute, and one is taken just after each look.
  assert.deepEqual(world.asked, [
    [10, 1000],
    [20, 1009],
    [30, 1019],
    [40, 1029],
  ]);
});

test("a period above an hour: first after the period, then every hour", () => {
  const world = periodic(2 * HOUR_MS);
  world.runTo(119.9);
  assert.deepEqual(world.asked, []);
  world.runTo(301);
  assert.deepEqual(world.asked, [
    [120, 1000],
    [180, 1054],
    [240, 1114],
    [300, 1174],
  ]);
});

test("periods whose tenth is not whole keep eleven samples, and compact at their end", () => {
  for (const periodMs of [1, 7, 333, 700, 3_599_999]) {
    const world = periodic(periodMs, 5);
    world.clock.runFor(periodMs * 1.2 + 20);
    assert.equal(world.asked.length, 1, `${periodMs} ms`);
  }
});

test("what was compacted to is not compacted to again", () => {
  const world = periodic(HOUR_MS, 77);
  world.runTo(24 * 60);
  assert.deepEqual(world.asked, [[60, 77]]);
  world.frozen = 78;
  world.runTo(26 * 60);
  // The new revision is seen after 6 minutes, and is the oldest sample 66 minutes later.
  assert.deepEqual(world.asked[1], [24 * 60 + 6 + 66, 78]);
});

test("a failure is tried again a tenth of an hour later, and told", () => {
  const world = periodic(2 * HOUR_MS);
  world.ends.push("timeout", "noLeader");
  world.runTo(200);
  assert.deepEqual(world.asked, [
    [120, 1000],
    [126, 1000],
    [132, 1006],
    [192, 1066],
  ]);
  assert.deepEqual(world.lines.slice(0, 2), [
    'info starting auto periodic compaction {"revision":1000,"compact-period":"2h0m0s"}',
    'warn failed auto periodic compaction {"revision":1000,"compact-period":"2h0m0s",' +
      '"retry-interval":"6m0s","error":"etcdserver: request timed out"}',
  ]);
  assert.equal(
    world.lines[5],
    'info completed auto periodic compaction {"revision":1006,"compact-period":"2h0m0s",' +
      '"took":"0s"}',
  );
});

test("compacted already is as good as success", () => {
  const world = periodic(10 * MINUTE_MS);
  world.ends.push("compacted");
  world.runTo(21);
  assert.deepEqual(world.asked, [
    [10, 1000],
    [20, 1009],
  ]);
  assert.match(world.lines[1]!, /^info completed/u);
});

test("who does not lead samples and does not compact", () => {
  const world = periodic(10 * MINUTE_MS);
  world.isLeader = false;
  world.runTo(25.5);
  assert.deepEqual(world.asked, []);
  world.isLeader = true;
  world.runTo(36.5);
  assert.deepEqual(world.asked, [
    [26, 1015],
    [36, 1025],
  ]);
});

test("by revision: every five minutes to so many below the newest", () => {
  const world = new World({ mode: "revision", retentionRevisions: 1007 });
  world.runTo(21);
  assert.deepEqual(world.asked, [
    [10, 3],
    [15, 8],
    [20, 13],
  ]);
  assert.equal(
    world.lines[0],
    'info starting auto revision compaction {"revision":3,"revision-compaction-retention":1007}',
  );
});

test("by revision: a failure is tried again, the same revision is not", () => {
  const world = new World({ mode: "revision", retentionRevisions: 10 }, 100);
  world.ends.push("timeout");
  world.runTo(60);
  assert.deepEqual(world.asked, [
    [5, 90],
    [10, 90],
  ]);
  assert.match(world.lines[1]!, /"retry-interval":"5m0s","error":"etcdserver: request timed out"/u);
});

test("stopped, it leaves nothing behind", () => {
  const world = periodic(HOUR_MS);
  world.runTo(30);
  world.compactor.stop();
  assert.equal(world.clock.waiting, 0);
});
