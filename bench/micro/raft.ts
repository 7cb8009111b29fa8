/**
 * What the Raft core costs: groups of three in memory, messages handed over at once.
 *
 *   node --expose-gc bench/micro/raft.ts [seconds per row]
 *
 * `messages` are those between members; proposals, Readys and storage come on top of them.
 */
import {
  decodeConfChange,
  EntryType,
  MemoryStorage,
  type Message,
  RawNode,
} from "../../src/raft/index.ts";
import { Prng } from "../../src/base/prng.ts";

const MEMBERS = [1n, 2n, 3n];
const PAYLOAD = new Uint8Array(256);
/** Entries kept behind the applied one; as many again gather before they are compacted. */
const KEPT_ENTRIES = 2_000;
const IDLE_GROUPS = 1_000;

/** One member with its log in memory. */
interface Seat {
  readonly node: RawNode;
  readonly storage: MemoryStorage;
  applied: number;
}

/** A group in one process: what a member sends is stepped by the others in the same round. */
class BenchGroup {
  readonly seats: readonly Seat[];
  messages = 0;
  #inbox: Message[] = [];

  constructor(seed: number) {
    const prng = new Prng(seed);
    this.seats = MEMBERS.map((id) => {
      const storage = new MemoryStorage();
      const node = new RawNode({
        id,
        electionTicks: 10,
        heartbeatTicks: 1,
        storage,
        random: (bound) => prng.below(bound),
        bytesPerMessageMax: 1024 * 1024,
        inflightMessagesMax: 512,
        checkQuorum: true,
        preVote: true,
      });
      node.bootstrap(MEMBERS.map((member) => ({ id: member, context: new Uint8Array(0) })));
      return { node, storage, applied: 0 };
    });
    this.settle();
    this.seats[0]!.node.campaign();
    this.settle();
  }

  get leader(): RawNode {
    return this.seats[0]!.node;
  }

  /** Until nobody has anything to do. */
  settle(): void {
    let isBusy = true;
    while (isBusy) {
      isBusy = false;
      for (const seat of this.seats) {
        if (!seat.node.hasReady()) continue;
        isBusy = true;
        this.#work(seat);
      }
      const inbox = this.#inbox;
      if (inbox.length === 0) continue;
      this.#inbox = [];
      this.messages += inbox.length;
      for (const message of inbox) this.seats[Number(message.to) - 1]!.node.step(message);
    }
  }

  #work(seat: Seat): void {
    const { node, storage } = seat;
    const ready = node.ready();
    if (ready.hardState !== null) storage.setHardState(ready.hardState);
    storage.append(ready.entries);
    for (const entry of ready.committedEntries) {
      if (entry.type !== EntryType.normal) node.applyConfChange(decodeConfChange(entry));
      seat.applied = entry.index;
    }
    for (const message of ready.messages) this.#inbox.push(message);
    node.advance();
    const first = storage.firstIndex();
    if (seat.applied - first > 2 * KEPT_ENTRIES) storage.compact(seat.applied - KEPT_ENTRIES);
  }
}

interface Row {
  readonly name: string;
  /** Work of one round; returns how many operations it was. */
  round(): number;
  readonly groups: readonly BenchGroup[];
}

function replication(batch: number): Row {
  const group = new BenchGroup(1);
  const round = (): number => {
    for (let at = 0; at < batch; at += 1) group.leader.propose(PAYLOAD);
    group.settle();
    return batch;
  };
  return { name: `put 256 B, ${batch} a round`, round, groups: [group] };
}

function reading(batch: number): Row {
  const group = new BenchGroup(2);
  const context = new Uint8Array(8);
  const round = (): number => {
    for (let at = 0; at < batch; at += 1) group.leader.readIndex(context);
    group.settle();
    return batch;
  };
  return { name: `read index, ${batch} a round`, round, groups: [group] };
}

function idle(): Row {
  const groups = Array.from({ length: IDLE_GROUPS }, (_, seed) => new BenchGroup(seed));
  const round = (): number => {
    for (const group of groups) {
      for (const { node } of group.seats) node.tick();
      group.settle();
    }
    return groups.length;
  };
  return { name: `tick of an idle group of 3, ${IDLE_GROUPS} groups`, round, groups };
}

function measure({ name, round, groups }: Row, ms: number): void {
  const warmUp = performance.now() + ms / 2;
  while (performance.now() < warmUp) round();
  globalThis.gc?.();
  const count = (): number => groups.reduce((sum, group) => sum + group.messages, 0);
  const [before, start] = [count(), performance.now()];
  let operations = 0;
  while (performance.now() < start + ms) operations += round();
  const seconds = (performance.now() - start) / 1000;
  const messages = count() - before;
  const parts = [
    name.padEnd(46),
    `${Math.round(operations / seconds).toLocaleString("en")} ops/s`.padStart(18),
    `${Math.round(messages / seconds).toLocaleString("en")} messages/s`.padStart(24),
    `${bytesOf(round)} B/op`.padStart(14),
  ];
  console.log(parts.join(""));
}

/** Heap that one operation takes, as long as no collection comes between. */
function bytesOf(round: () => number): number {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  let operations = 0;
  while (operations < 1_000) operations += round();
  const bytes = process.memoryUsage().heapUsed - before;
  return bytes < 0 ? Number.NaN : Math.round(bytes / operations);
}

const ms = Number(process.argv[2] ?? 2) * 1000;
for (const row of [replication(1), replication(64), reading(1), reading(64), idle()]) {
  measure(row, ms);
}
