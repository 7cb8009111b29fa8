import { Ghosts } from "./ghost.ts";
import { messageText } from "./fingerprint.ts";
import { Input, Members, MESSAGE, type Outcome } from "./members.ts";

/** How large a world is. */
export interface Bounds {
  readonly terms: number;
  /** Entries that clients propose. */
  readonly proposals: number;
  /** Membership changes, each through a joint configuration. */
  readonly changes: number;
  readonly crashes: number;
  /** Heartbeats that leaders send of their own. */
  readonly beats: number;
  /** Messages under way at one time. */
  readonly messages: number;
  /** Writes under way at one disk at one time; 0: each is durable at once. */
  readonly writes: number;
  /** The world begins with member 1 as the leader of term 1, whose first entry all committed. */
  readonly isElected: boolean;
  /** Exploring ends with so many states, the nearest to the start first. */
  readonly statesMax: number;
}

/** What was found. */
export interface Exploration {
  readonly states: number;
  readonly steps: number;
  /** Distinct states of single members, each made by the core itself. */
  readonly memberStates: number;
  /** True when there are no further states. */
  readonly isComplete: boolean;
  /** What broke, and how to get there; null when nothing did. */
  readonly violation: { readonly text: string; readonly trace: readonly string[] } | null;
}

const MEMBERS = 3;
/** A member's state in a key: two units of 15 bits. */
const UNIT = 0x8000;
const KINDS = ["proposals", "changes", "crashes", "beats"] as const;
const HEAD = 2 * MEMBERS + 2 + KINDS.length;

/** A state of the world: numbers of the members' states, of their history, counts, messages. */
interface World {
  readonly members: readonly number[];
  readonly ghost: number;
  /** Of each of KINDS, how many happened. */
  readonly counts: readonly number[];
  /** Ascending; a message that is sent twice is one. */
  readonly network: readonly number[];
}

/**
 * Visits every state of a small world, breadth first: messages arrive in any order or are lost,
 * disks sync when they like, members crash, campaign, propose. Safety is asserted in each.
 */
export function explore(bounds: Bounds): Exploration {
  return new Explorer(bounds).run();
}

class Explorer {
  readonly #bounds: Bounds;
  readonly #members = new Members(MEMBERS);
  readonly #ghosts = new Ghosts(this.#members);
  /** Keys by the order of discovery, and from which state each was found. */
  readonly #keys: string[] = [];
  readonly #parents: number[] = [];
  readonly #seen = new Set<string>();
  #steps = 0;
  #at = 0;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  run(): Exploration {
    let violation = null;
    try {
      this.#add(this.#start());
      while (this.#at < this.#keys.length && this.#keys.length < this.#bounds.statesMax) {
        this.#expand(decode(this.#keys[this.#at]!));
        this.#at += 1;
      }
    } catch (error) {
      // The core's own assertions are findings as well.
      if (!(error instanceof Error)) throw error;
      violation = { text: error.message, trace: this.#trace() };
    }
    return {
      states: this.#keys.length,
      steps: this.#steps,
      memberStates: this.#members.stateCount,
      isComplete: this.#at === this.#keys.length,
      violation,
    };
  }

  #start(): World {
    const counts = KINDS.map(() => 0);
    const members = Array.from({ length: MEMBERS }, (_, at) => this.#members.start(at));
    let ghost = this.#ghosts.start();
    if (!this.#bounds.isElected) return { members, ghost, counts, network: [] };
    const inputs: [member: number, input: number][] = [[0, Input.campaign]];
    for (let next = inputs.shift(); next !== undefined; next = inputs.shift()) {
      const [member, input] = next;
      const { state, sent } = this.#synced(this.#members.after(members[member]!, input));
      members[member] = state;
      ghost = this.#ghosts.after(ghost, state);
      for (const message of sent) inputs.push([this.#receiver(message), MESSAGE + message]);
    }
    return { members, ghost, counts, network: [] };
  }

  #receiver(message: number): number {
    return Number(this.#members.messages.value(message).to) - 1;
  }

  /** The outcome when all its writes are durable. */
  #synced({ state, sent }: Outcome): Outcome {
    let [at, all] = [state, sent];
    while (this.#members.view(at).writes > 0) {
      const next = this.#members.after(at, Input.sync);
      at = next.state;
      all = [...all, ...next.sent];
    }
    return { state: at, sent: all };
  }

  #expand(world: World): void {
    const { network } = world;
    for (const [at, message] of network.entries()) {
      const rest = network.toSpliced(at, 1);
      this.#add({ ...world, network: rest });
      this.#act(world, this.#receiver(message), MESSAGE + message, rest);
    }
    for (let member = 0; member < MEMBERS; member += 1) this.#expandMember(world, member);
  }

  #expandMember(world: World, member: number): void {
    const { term, isLeader, writes } = this.#members.view(world.members[member]!);
    if (writes > 0) this.#act(world, member, Input.sync, world.network);
    if (!isLeader && term < this.#bounds.terms) {
      this.#act(world, member, Input.campaign, world.network);
    }
    if (isLeader) {
      this.#actCounted(world, member, Input.propose, 0);
      this.#actCounted(world, member, Input.change, 1);
      this.#actCounted(world, member, Input.beat, 3);
    }
    this.#actCounted(world, member, Input.crash, 2);
  }

  #actCounted(world: World, member: number, input: number, kind: number): void {
    const done = world.counts[kind]!;
    if (done >= this.#bounds[KINDS[kind]!]) return;
    const counts = world.counts.with(kind, done + 1);
    this.#act({ ...world, counts }, member, input, world.network);
  }

  #act(world: World, member: number, input: number, network: readonly number[]): void {
    const outcome = this.#members.after(world.members[member]!, input);
    const { state, sent } = this.#bounds.writes === 0 ? this.#synced(outcome) : outcome;
    if (this.#members.view(state).writes > this.#bounds.writes) return;
    const next = merge(network, sent);
    if (next.length > this.#bounds.messages) return;
    const members = world.members.with(member, state);
    const ghost = this.#ghosts.after(world.ghost, state);
    for (let other = 0; other < MEMBERS; other += 1) {
      if (other !== member) this.#ghosts.checkMatching(state, members[other]!);
    }
    if (this.#bounds.changes === 0) {
      this.#ghosts.checkDurable(ghost, members);
      this.#ghosts.checkElectable(ghost, members);
    }
    this.#add({ members, ghost, counts: world.counts, network: next });
  }

  #add(world: World): void {
    this.#steps += 1;
    const key = encode(world);
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#keys.push(key);
    this.#parents.push(this.#at);
  }

  /** The states on the way to the one being expanded, as texts. */
  #trace(): readonly string[] {
    const trace: string[] = [];
    for (let at = this.#at; ; at = this.#parents[at]!) {
      trace.unshift(this.#describe(decode(this.#keys[at]!)));
      if (at === 0) return trace;
    }
  }

  #describe({ members, network }: World): string {
    const views = members.map((state) => {
      const { term, isLeader, commit, log, durable, writes } = this.#members.view(state);
      const role = isLeader ? "leads" : "follows";
      return `${role} ${term}, log [${log}], disk [${durable}], commit ${commit}, ${writes} writes`;
    });
    const messages = network.map((message) => messageText(this.#members.messages.value(message)));
    return [...views, ...messages].join("\n    ");
  }
}

function merge(network: readonly number[], sent: readonly number[]): readonly number[] {
  if (sent.length === 0) return network;
  return [...new Set([...network, ...sent])].toSorted((a, b) => a - b);
}

function encode({ members, ghost, counts, network }: World): string {
  const units: number[] = [];
  for (const state of members) units.push(state % UNIT, Math.floor(state / UNIT));
  units.push(ghost % UNIT, Math.floor(ghost / UNIT), ...counts, ...network);
  return String.fromCharCode(...units);
}

function decode(key: string): World {
  const unit = (at: number): number => key.charCodeAt(at);
  const number = (at: number): number => unit(at) + unit(at + 1) * UNIT;
  return {
    members: Array.from({ length: MEMBERS }, (_, at) => number(2 * at)),
    ghost: number(2 * MEMBERS),
    counts: KINDS.map((_, at) => unit(2 * MEMBERS + 2 + at)),
    network: Array.from({ length: key.length - HEAD }, (_, at) => unit(HEAD + at)),
  };
}
