import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../sim/world/clock.ts";
import { JobRunner } from "./jobs.ts";

test("jobs take turns until they are over, and none goes on after the end", () => {
  const clock = new VirtualClock();
  const jobs = new JobRunner(clock);
  const steps: string[] = [];
  const job = (name: string, count: number): void => {
    let left = count;
    jobs.add({
      step: () => {
        steps.push(name);
        left -= 1;
        return left === 0;
      },
    });
  };
  job("a", 3);
  job("b", 1);
  job("c", 2);
  clock.runUntilIdle();
  assert.equal(steps.join(""), "abcaca");
  steps.length = 0;
  job("d", 5);
  jobs.stop();
  clock.runUntilIdle();
  assert.deepEqual(steps, []);
});
