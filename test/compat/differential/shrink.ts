import { type Fields, isRelative, type Value } from "./schema.ts";
import type { Step } from "./steps.ts";

/** Whether a candidate still shows the difference. */
export type Fails = (steps: readonly Step[]) => Promise<boolean>;

/**
 * A program as small as removing things makes it: steps, then parts of the steps left. Ends early
 * when `hasTime` says so. `steps` itself must fail.
 */
export async function shrink(
  steps: readonly Step[],
  fails: Fails,
  hasTime: () => boolean,
): Promise<readonly Step[]> {
  let best = await removeSteps(steps, fails, hasTime);
  for (let isSmaller = true; isSmaller && hasTime();) {
    isSmaller = false;
    for (let at = best.length - 1; at >= 0 && hasTime(); at -= 1) {
      for (const simpler of simplerSteps(best[at]!)) {
        if (!hasTime()) break;
        const candidate = best.with(at, simpler);
        if (!(await fails(candidate))) continue;
        best = candidate;
        isSmaller = true;
        at += 1;
        break;
      }
    }
  }
  return best;
}

/** Removes halves, quarters, … down to single steps (delta debugging). */
async function removeSteps(
  steps: readonly Step[],
  fails: Fails,
  hasTime: () => boolean,
): Promise<readonly Step[]> {
  let best = steps;
  let size = Math.max(1, Math.floor(best.length / 2));
  for (;;) {
    let removed = false;
    for (let at = Math.max(0, best.length - size); hasTime(); at -= size) {
      const from = Math.max(0, at);
      const candidate = [...best.slice(0, from), ...best.slice(from + size)];
      if (candidate.length < best.length && (await fails(candidate))) {
        best = candidate;
        removed = true;
      }
      if (from === 0) break;
    }
    if (!hasTime() || (size === 1 && !removed)) return best;
    if (size > 1) size = Math.max(1, Math.floor(size / 2));
  }
}

/** Variants of a step with one part less each, big parts first. */
export function* simplerSteps(step: Step): Iterable<Step> {
  if (step.damage !== undefined) yield { call: step.call, fields: step.fields };
  for (const fields of simplerFields(step.fields)) yield { ...step, fields };
}

function* simplerFields(fields: Fields): Iterable<Fields> {
  for (const [name, value] of Object.entries(fields)) {
    if (Array.isArray(value) && value.length > 1) {
      const half = Math.ceil(value.length / 2);
      yield { ...fields, [name]: value.slice(0, half) };
      yield { ...fields, [name]: value.slice(half) };
    }
  }
  for (const name of Object.keys(fields)) {
    if (name !== "key") {
      yield Object.fromEntries(Object.entries(fields).filter(([other]) => other !== name));
    }
  }
  for (const [name, value] of Object.entries(fields)) {
    for (const simpler of simplerValues(value)) yield { ...fields, [name]: simpler };
  }
}

function* simplerValues(value: Value): Iterable<Value> {
  if (Array.isArray(value)) {
    const list = value as readonly Fields[];
    for (let at = 0; at < list.length; at += 1) yield list.toSpliced(at, 1);
    for (let at = 0; at < list.length; at += 1) {
      for (const simpler of simplerFields(list[at]!)) yield list.with(at, simpler);
    }
  } else if (value instanceof Uint8Array) {
    if (value.length > 2) yield value.slice(0, 1);
  } else if (typeof value === "object" && !isRelative(value)) {
    yield* simplerFields(value as Fields);
  }
}
