import assert from "node:assert/strict";
import { test } from "node:test";
import { BusyClock } from "../../../sim/world/busy-clock.ts";
import { intakeSliceBytes, intakeTurnMs } from "../limits.ts";
import { Intake } from "./intake.ts";
import type { Intaking } from "./intake.ts";

class Source implements Intaking {
  readonly held: Uint8Array[] = [];
  readonly name: string;
  readonly rig: Rig;
  /** Time that a slice takes. */
  readonly costMs: number;
  /** All bytes handled, in order. */
  readonly bytes: number[] = [];
  isPaused = false;

  constructor(rig: Rig, name: string, costMs: number) {
    this.rig = rig;
    this.name = name;
    this.costMs = costMs;
  }

  process(bytes: Uint8Array): void {
    assert.ok(bytes.length <= intakeSliceBytes, "a slice is no larger");
    this.rig.order.push(this.name);
    this.rig.clock.spentMs += this.costMs;
    for (const byte of bytes) this.bytes.push(byte);
  }

  heldChanged(): void {
    this.isPaused = this.held.length > 0;
  }

  send(slices: number, mark = 0): void {
    const chunk = new Uint8Array(slices * intakeSliceBytes).map((_, at) => (at + mark) & 255);
    this.rig.intake.receive(this, chunk);
    // Lent for the call.
    chunk.fill(0xdb);
  }
}

class Rig {
  readonly clock = new BusyClock();
  readonly intake = new Intake(this.clock);
  readonly order: string[] = [];

  source(name: string, costMs: number): Source {
    return new Source(this, name, costMs);
  }

  /** One turn; what happened in it. */
  turn(): string {
    this.order.length = 0;
    this.intake.nextTurn();
    return this.order.join("");
  }
}

test("what fits into the turn is handled as it comes", () => {
  const rig = new Rig();
  const a = rig.source("a", 0.1);
  const b = rig.source("b", 0.1);
  a.send(3);
  b.send(2);
  assert.equal(rig.order.join(""), "aaabb");
  assert.equal(a.isPaused, false);
});

test("beyond the turn's time all connections go on in turn, and none reads more meanwhile", () => {
  const rig = new Rig();
  const [a, b, c] = ["a", "b", "c"].map((name) => rig.source(name, intakeTurnMs / 2));
  a!.send(6);
  assert.equal(rig.order.join(""), "aa");
  b!.send(2);
  assert.deepEqual([a!.isPaused, b!.isPaused], [true, true]);
  assert.equal(rig.turn(), "ab");
  // It is small, and waits for one round only.
  c!.send(1);
  assert.equal(rig.turn(), "ab");
  assert.equal(b!.isPaused, false);
  assert.equal(rig.turn(), "ca");
  assert.equal(rig.turn(), "a");
  assert.equal(a!.isPaused, false);
  assert.equal(rig.turn(), "");
});

test("bytes stay in order when more arrives while some are held", () => {
  const rig = new Rig();
  const a = rig.source("a", intakeTurnMs);
  a.send(2, 1);
  a.send(1, 7);
  while (a.isPaused) assert.notEqual(rig.turn(), "", "input was forgotten");
  const chunk = (slices: number, mark: number): number[] =>
    Array.from({ length: slices * intakeSliceBytes }, (_, at) => (at + mark) & 255);
  assert.ok(Buffer.from(a.bytes).equals(Buffer.from([...chunk(2, 1), ...chunk(1, 7)])));
});

test("a connection that was closed meanwhile is passed over", () => {
  const rig = new Rig();
  const a = rig.source("a", intakeTurnMs);
  const b = rig.source("b", intakeTurnMs);
  a.send(3);
  b.send(1);
  a.held.length = 0;
  assert.equal(rig.turn(), "b");
  assert.equal(rig.turn(), "");
});
