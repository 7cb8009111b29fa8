import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../base/prng.ts";
import type { Entry, HardState } from "../../raft/types.ts";
import { LogRig } from "../../sim/world/log-rig.ts";
import { WalError } from "./wal.ts";

/**
 * A log under random load is crashed at random moments, again and again. What it reported durable
 * must be there, what comes after must be a prefix of what was saved, and the chain goes on.
 * Set SEED to replay one seed, ROUNDS for more of them.
 */
const ROUNDS = Number(process.env["ROUNDS"] ?? 60);
const CRASHES = 6;

/** The log as it must be: everything saved in order, and how much of it is known durable. */
class Model {
  /** Every save since the last crash, oldest first. */
  saves: { ticket: number; entries: readonly Entry[]; state: HardState | null }[] = [];
  entries: Entry[] = [];
  state: HardState | null = null;

  /** The log after the first `count` saves. */
  after(count: number): { entries: Entry[]; state: HardState | null } {
    const entries = this.entries.slice();
    let state = this.state;
    for (const save of this.saves.slice(0, count)) {
      for (const entry of save.entries) {
        entries.length = entry.index - 1;
        entries.push(entry);
      }
      state = save.state ?? state;
    }
    return { entries, state };
  }
}

/** Random bytes, now and then with sectors of zeros in them. */
function randomData(prng: Prng): Uint8Array {
  const data = new Uint8Array(prng.chance(0.1) ? prng.below(5000) : prng.below(300));
  if (!prng.chance(0.05)) prng.fill(data);
  return data;
}

function saveSome(rig: LogRig, prng: Prng, model: Model): void {
  const last = model.after(model.saves.length);
  const count = prng.below(4);
  const entries: Entry[] = [];
  // Sometimes the end is overwritten, as by a new leader.
  let index = last.entries.length + 1;
  if (prng.chance(0.1)) index = Math.max(1, index - prng.below(4));
  const term = Math.max(1, last.state?.term ?? 1);
  for (let i = 0; i < count; i++) {
    entries.push({ type: 0, term, index: index + i, data: randomData(prng) });
  }
  const state: HardState | null = prng.chance(0.5)
    ? { term: term + (prng.chance(0.2) ? 1 : 0), vote: BigInt(prng.below(3)), commit: index - 1 }
    : null;
  const ticket = rig.wal.save(state, entries);
  model.saves.push({ ticket, entries, state });
  if (prng.chance(0.7)) rig.wal.flush();
}

/** What was read must be the log after some number of saves, at least the acknowledged ones. */
function check(rig: LogRig, model: Model, durable: number): void {
  const opened = rig.open();
  const must = acknowledged(model, (save) => save.ticket <= durable && save.entries.length > 0);
  let matches = false;
  for (let count = model.saves.length; count >= must && !matches; count--) {
    matches = sameUpToParts(model, count, opened.entries);
  }
  assert.ok(
    matches,
    `${opened.entries.length} entries read are not what saves ${must} to ` +
      `${model.saves.length} make`,
  );
  const states = acknowledged(model, (save) => save.ticket <= durable && save.state !== null);
  const atLeast = model.after(states).state?.term ?? 0;
  assert.ok((opened.hardState?.term ?? 0) >= atLeast, "an acknowledged term is lost");
  model.entries = opened.entries.slice();
  model.state = opened.hardState;
  model.saves = [];
}

type Save = Model["saves"][number];

/** One more than the position of the last save that `which` holds for. */
function acknowledged(model: Model, which: (save: Save) => boolean): number {
  return model.saves.findLastIndex(which) + 1;
}

/** The log after `count` saves, and then any number of the next save's entries. */
function sameUpToParts(model: Model, count: number, found: readonly Entry[]): boolean {
  const { entries } = model.after(count);
  if (sameEntries(entries, found)) return true;
  for (const entry of model.saves[count]?.entries ?? []) {
    entries.length = entry.index - 1;
    entries.push(entry);
    if (sameEntries(entries, found)) return true;
  }
  return false;
}

function sameEntries(a: readonly Entry[], b: readonly Entry[]): boolean {
  return a.length === b.length && a.every((entry, i) => sameEntry(entry, b[i]));
}

function sameEntry(a: Entry, b: Entry): boolean {
  return a.index === b.index && a.term === b.term && Buffer.compare(a.data, b.data) === 0;
}

function runSeed(seed: number): void {
  const prng = new Prng(seed);
  const rig = new LogRig({
    seed,
    latencyMs: { min: 0, max: 2 },
    wal: { segmentBytes: prng.between(2000, 20_000) },
  });
  const model = new Model();
  for (let crash = 0; crash < CRASHES; crash++) {
    const steps = prng.below(60);
    for (let i = 0; i < steps; i++) {
      saveSome(rig, prng, model);
      if (prng.chance(0.4)) rig.clock.runFor(prng.below(4));
    }
    const durable = rig.wal.durableTicket();
    assert.deepEqual(rig.failures, []);
    rig.crash(prng.chance(0.8) ? "power" : "kill");
    check(rig, model, durable);
  }
}

function attempt(seed: number): void {
  try {
    runSeed(seed);
  } catch (error) {
    const text = error instanceof WalError ? error.message : String(error);
    throw new Error(
      `seed ${seed} (replay: SEED=${seed} node --test ${import.meta.filename}): ${text}`,
      { cause: error },
    );
  }
}

test("after any crash: all that was acknowledged, nothing invented, and it goes on", () => {
  const one = process.env["SEED"];
  if (one !== undefined) return runSeed(Number(one));
  for (let seed = 1; seed <= ROUNDS; seed++) attempt(seed);
});
