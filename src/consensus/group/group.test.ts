import assert from "node:assert/strict";
import { test } from "node:test";
import { LogOfOne } from "../../raft/log-of-one.ts";
import type { Entry, HardState } from "../../raft/types.ts";
import { VirtualClock } from "../../sim/world/clock.ts";
import type { LogStorage, StateMachine } from "../state-machine.ts";
import { APPLY_BACKLOG_MAX, Group } from "./group.ts";

/** A log whose durability the test decides. */
class ManualLog implements LogStorage {
  readonly saved: number[] = [];
  readonly states: (HardState | null)[] = [];
  full = false;
  ticket = 0;
  durable = 0;
  flushes = 0;

  save(hardState: HardState | null, entries: readonly Entry[]): number {
    assert.equal(this.full, false, "saved into a full log");
    this.states.push(hardState);
    this.saved.push(...entries.map((entry) => entry.index));
    this.ticket += 1;
    return this.ticket;
  }

  flush(): void {
    this.flushes += 1;
  }

  durableTicket(): number {
    return this.durable;
  }

  isFull(): boolean {
    return this.full;
  }
}

/** Applies `perCall` entries a call, 0 for a stuck one. */
class CountingMachine implements StateMachine {
  readonly applied: number[] = [];
  perCall = Number.POSITIVE_INFINITY;
  isBlocked = false;
  calls = 0;

  apply(entries: readonly Entry[], from: number): number {
    this.calls += 1;
    const count = this.isBlocked ? 0 : Math.min(entries.length - from, this.perCall);
    for (let i = from; i < from + count; i += 1) this.applied.push(entries[i]!.index);
    return count;
  }
}

interface Rig {
  readonly clock: VirtualClock;
  readonly log: ManualLog;
  readonly machine: CountingMachine;
  readonly group: Group;
  readonly readable: number[];
  readonly fatal: Error[];
  /** Makes everything saved durable, and runs what follows from it. */
  sync(): void;
}

function newRig(): Rig {
  const clock = new VirtualClock();
  const log = new ManualLog();
  const machine = new CountingMachine();
  const readable: number[] = [];
  const fatal: Error[] = [];
  const node = new LogOfOne({
    id: 1n,
    hardState: { term: 0, vote: 0n, commit: 0 },
    entries: [],
    appliedIndex: 0,
    unappliedBytesMax: 1_000_000,
  });
  const group = new Group({
    node,
    log,
    stateMachine: machine,
    clock,
    tickMs: 100,
    onReadable: (context) => readable.push(context),
    onTick: () => {},
    onFatal: (error) => fatal.push(error),
  });
  const sync = (): void => {
    log.durable = log.ticket;
    group.durable();
    spin(clock);
  };
  assert.equal(group.readNow(), false, "before there is a leader");
  group.start();
  clock.runFor(10);
  sync();
  assert.equal(group.readNow(), false, "before the first entry of the term is applied");
  sync();
  return { clock, log, machine, group, readable, fatal, sync };
}

const DATA = new Uint8Array(10);

/** Some turns of the loop: time cannot be run while a stuck machine is asked in every turn. */
function spin(clock: VirtualClock): void {
  for (let step = 0; step < 50; step += 1) clock.step(clock.monotonicMs());
}

test("nothing is applied before the log reports it durable", () => {
  const { clock, log, machine, group, sync } = newRig();
  group.propose(DATA);
  clock.runFor(10);
  assert.deepEqual(log.saved, [1, 2]);
  assert.deepEqual(machine.applied, [1]);
  sync();
  assert.deepEqual(machine.applied, [1, 2]);
});

test("proposals of one turn share a save; those during a sync gather for the next", () => {
  const { clock, log, group } = newRig();
  const before = log.flushes;
  for (let i = 0; i < 50; i += 1) group.propose(DATA);
  clock.runFor(1);
  assert.equal(log.flushes, before + 1);
  assert.equal(log.saved.length, 51);
});

test("a full log is not saved into; what waited goes when there is room", () => {
  const { clock, log, machine, group, sync } = newRig();
  log.full = true;
  group.propose(DATA);
  clock.runFor(10);
  assert.deepEqual(log.saved, [1]);
  log.full = false;
  sync();
  sync();
  assert.deepEqual(machine.applied, [1, 2]);
});

test("reads that were confirmed wait for apply", () => {
  const { clock, machine, group, readable, sync } = newRig();
  assert.equal(group.readNow(), true);
  machine.perCall = 0;
  group.propose(DATA);
  spin(clock);
  group.readIndex(1);
  spin(clock);
  assert.deepEqual(readable, [1], "what is not committed need not be seen");
  sync();
  group.readIndex(2);
  spin(clock);
  assert.deepEqual(readable, [1]);
  machine.perCall = 1;
  clock.runFor(10);
  assert.deepEqual(readable, [1, 2]);
  assert.equal(group.readNow(), true);
});

test("proposals are refused while too many committed entries wait for apply", () => {
  const { clock, machine, group, sync } = newRig();
  machine.perCall = 0;
  for (let i = 0; i <= APPLY_BACKLOG_MAX; i += 1) assert.equal(group.propose(DATA), null);
  spin(clock);
  sync();
  assert.equal(group.propose(DATA), "too many requests");
  machine.perCall = 1000;
  clock.runFor(100);
  assert.equal(group.propose(DATA), null);
});

test("while the state machine is blocked it is not asked all the time", () => {
  const { clock, machine, group, sync } = newRig();
  machine.isBlocked = true;
  group.propose(DATA);
  spin(clock);
  sync();
  const before = machine.calls;
  clock.runFor(100);
  assert.ok(machine.calls > before + 10 && machine.calls < before + 200, `${machine.calls} calls`);
  machine.isBlocked = false;
  clock.runFor(10);
  assert.deepEqual(machine.applied, [1, 2]);
});

test("entries are applied once each and in order, however apply is cut into slices", () => {
  const { clock, machine, group, sync } = newRig();
  machine.perCall = 3;
  for (let i = 0; i < 100; i += 1) {
    group.propose(DATA);
    if (i % 7 === 0) clock.runFor(1);
    if (i % 11 === 0) sync();
  }
  sync();
  sync();
  clock.runFor(1000);
  assert.deepEqual(
    machine.applied,
    Array.from({ length: 101 }, (_, at) => at + 1),
  );
});

test("an exception while applying stops the group and is reported", () => {
  const { clock, machine, group, fatal, sync } = newRig();
  machine.apply = () => {
    throw new Error("broken");
  };
  group.propose(DATA);
  clock.runFor(10);
  sync();
  assert.deepEqual(
    fatal.map((error) => error.message),
    ["broken"],
  );
  const applied = group.node.appliedIndex;
  sync();
  assert.equal(group.node.appliedIndex, applied);
});
