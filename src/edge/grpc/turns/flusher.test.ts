import assert from "node:assert/strict";
import { BusyClock } from "../../../sim/world/busy-clock.ts";
import { test } from "node:test";
import { VirtualClock } from "../../../sim/world/clock.ts";
import { Flusher } from "./flusher.ts";
import type { Flushable } from "./flusher.ts";
import { flushTurnMs } from "../limits.ts";

interface Rig {
  readonly clock: BusyClock;
  readonly flusher: Flusher;
  readonly order: string[];
  /** A connection with so many slices to send, each of which takes `costMs`. */
  connection(name: string, slices: number, costMs?: number): Flushable;
  turn(): void;
}

function newRig(): Rig {
  const clock = new BusyClock();
  const order: string[] = [];
  return {
    clock,
    flusher: new Flusher(clock),
    order,
    connection(name, slices, costMs = 0): Flushable {
      let left = slices;
      return {
        flushDue: false,
        get bulky() {
          return left > 0 && left < slices;
        },
        flush() {
          order.push(name);
          clock.spentMs += costMs;
          left -= 1;
          return left > 0;
        },
      };
    },
    turn: () => void clock.step(clock.monotonicMs()),
  };
}

test("a small reply goes before the next slice of a large one that was there first", () => {
  const { flusher, order, connection, turn } = newRig();
  flusher.add(connection("large", 4));
  turn();
  flusher.add(connection("small", 1));
  turn();
  assert.deepEqual(order.slice(0, 3), ["large", "small", "large"]);
});

test("large replies take turns, and none is left out when time is short", () => {
  const { flusher, order, connection, turn } = newRig();
  for (const name of ["a", "b", "c"]) flusher.add(connection(name, 4, flushTurnMs));
  for (let i = 0; i < 12; i += 1) turn();
  assert.deepEqual(order.slice(3), ["a", "b", "c", "a", "b", "c", "a", "b", "c"]);
});

test("a large reply gets on however many small ones there are", () => {
  const { flusher, order, connection, turn } = newRig();
  flusher.add(connection("large", 3));
  turn();
  for (let round = 0; round < 2; round += 1) {
    for (let i = 0; i < 40; i += 1) flusher.add(connection("small", 1, flushTurnMs));
    turn();
  }
  assert.equal(order.filter((name) => name === "large").length, 3);
});

test("who has more input is asked in every turn, until there is none", () => {
  const clock = new VirtualClock();
  let asked = 0;
  const flusher = new Flusher(clock, () => (asked += 1) < 3);
  const connection = { flushDue: false, bulky: false, flush: () => false };
  flusher.add(connection);
  clock.runFor(10);
  assert.equal(asked, 3);
  flusher.add(connection);
  clock.runFor(10);
  assert.equal(asked, 4);
});
