import assert from "node:assert/strict";
import { test } from "node:test";
import { BusyClock } from "../sim/world/busy-clock.ts";
import { SHARED_TURN_MS, SharedTurns } from "./shared-turns.ts";

test("work beyond the time of a turn waits for the next, in order, none left out", () => {
  const clock = new BusyClock();
  const turns = new SharedTurns(clock);
  const done: string[] = [];
  const ask = (name: string, ms = SHARED_TURN_MS / 4): void =>
    turns.add(() => {
      clock.spentMs += ms;
      done.push(name);
    });
  const slow = (name: string): void => ask(name, 5 * SHARED_TURN_MS);
  const turn = (): string => {
    done.length = 0;
    clock.turn();
    return done.join(" ");
  };
  slow("A");
  slow("B");
  ask("c");
  ask("d");
  slow("E");
  ask("f");
  assert.equal(done.length, 0, "nothing is done while sockets are read");
  assert.equal(turn(), "A");
  ask("g");
  assert.equal(turn(), "B");
  assert.equal(turn(), "c d E");
  assert.equal(turn(), "f g");
  assert.equal(turn(), "");
});

test("who asks again waits for the next turn", () => {
  const clock = new BusyClock();
  const turns = new SharedTurns(clock);
  let runs = 0;
  const again = (): void => {
    runs += 1;
    turns.add(again);
  };
  turns.add(again);
  clock.turn();
  assert.equal(runs, 1);
  clock.turn();
  assert.equal(runs, 2);
});
