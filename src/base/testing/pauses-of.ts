import type { Sliced } from "../sliced.ts";

/** Does sliced work; returns how often it paused. */
export function pausesOf(work: Sliced<unknown>): number {
  let pauses = 0;
  while (work.next().done !== true) pauses += 1;
  return pauses;
}
