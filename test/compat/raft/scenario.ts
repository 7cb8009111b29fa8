import type { Prng } from "../../../src/base/prng.ts";
import { DataFileError, readDirectives } from "../../../src/raft/testing/data-file.ts";
import { interactionCommands } from "../../../src/raft/testing/interaction/commands.ts";
import { Environment } from "../../../src/raft/testing/interaction/environment.ts";
import { StateType } from "../../../src/raft/types.ts";

/**
 * A random scenario in the language of the golden files, a command a text, without outputs: what
 * they must be is for the Go library to say. Timers are set before each tick, since the library
 * draws them. Our harness plays along, so that what is asked makes sense: nothing is compacted that
 * was not applied.
 */
export function randomScenario(prng: Prng): readonly string[] {
  return new ScenarioWriter(prng).write();
}

/** Joins commands into a file whose outputs are still to be recorded. */
export function scenarioFile(commands: readonly string[]): string {
  return commands.map((command) => `${command}\n----\nok\n`).join("\n");
}

const COMMANDS_MIN = 15;
const COMMANDS_MAX = 70;
const NODES_MAX = 6;
const MESSAGE_TYPES = ["MsgApp", "MsgAppResp", "MsgHeartbeat", "MsgVote", "MsgSnap"];

class ScenarioWriter {
  readonly #prng: Prng;
  readonly #commands: string[] = [];
  readonly #environment = new Environment();
  readonly #interpret = interactionCommands(this.#environment);
  readonly #isAsync: boolean;
  /** Without it sizes may be limited: the library counts two bytes more for a refused change. */
  readonly #changesMembers: boolean;
  #nodes = 0;
  #proposals = 0;
  /** A command made the core stop: there is nothing to see behind it. */
  #isOver = false;

  constructor(prng: Prng) {
    this.#prng = prng;
    this.#isAsync = prng.chance(0.4);
    this.#changesMembers = prng.chance(0.7);
  }

  write(): readonly string[] {
    this.#bootstrap();
    const count = this.#prng.between(COMMANDS_MIN, COMMANDS_MAX);
    for (let at = 0; at < count && !this.#isOver; at += 1) this.#step();
    this.#push("stabilize");
    this.#push("raft-state");
    for (let id = 1; id <= this.#nodes; id += 1) {
      this.#push(`status ${id}`);
      this.#push(`raft-log ${id}`);
    }
    return this.#commands;
  }

  #push(command: string): void {
    if (this.#isOver) return;
    this.#commands.push(command);
    try {
      for (const directive of readDirectives(command)) this.#interpret(directive);
    } catch (error) {
      this.#isOver = true;
      // Nodes that talk for ever would do so in the library.
      if (error instanceof DataFileError) this.#commands.pop();
    }
  }

  #bootstrap(): void {
    const prng = this.#prng;
    const voters = prng.between(1, 5);
    const learners = prng.chance(0.3) ? prng.between(1, NODES_MAX - voters) : 0;
    const index = prng.between(2, 12);
    this.#nodes = voters + learners;
    const ids = (from: number, count: number): string =>
      Array.from({ length: count }, (_, at) => from + at).join(",");
    const learnerList = learners > 0 ? ` learners=(${ids(voters + 1, learners)})` : "";
    this.#push(
      `add-nodes ${this.#nodes} voters=(${ids(1, voters)})${learnerList} ` +
        `index=${index}${this.#options()}`,
    );
    // Most begin with a leader; the others find one, or do not.
    if (!prng.chance(0.8)) return;
    this.#push("campaign 1");
    this.#push("stabilize");
  }

  #options(): string {
    const prng = this.#prng;
    let text = this.#isAsync ? " async-storage-writes=true" : "";
    if (prng.chance(0.4)) text += " prevote=true";
    const checkQuorum = prng.chance(0.4);
    if (checkQuorum) text += " checkquorum=true";
    if (checkQuorum && prng.chance(0.3)) text += " read-only=lease-based";
    if (prng.chance(0.4)) text += ` inflight=${prng.between(1, 4)}`;
    if (prng.chance(0.3)) {
      const bytes = this.#changesMembers ? 1 : prng.between(1, 80);
      text += ` max-committed-size-per-ready=${bytes}`;
    }
    if (prng.chance(0.15)) text += " disable-conf-change-validation=true";
    if (prng.chance(0.3)) text += " step-down-on-removal=true";
    return text;
  }

  #step(): void {
    const prng = this.#prng;
    const total = STEPS.reduce((sum, [weight]) => sum + weight, 0);
    let draw = prng.below(total);
    for (const [weight, step] of STEPS) {
      if (draw < weight) {
        step.call(null, this);
        return;
      }
      draw -= weight;
    }
  }

  id(): number {
    return this.#prng.between(1, this.#nodes);
  }

  /** Some nodes, seldom all, in any order. */
  ids(): string {
    const all = Array.from({ length: this.#nodes }, (_, at) => at + 1);
    const chosen = all.filter(() => this.#prng.chance(0.6));
    if (chosen.length === 0) chosen.push(this.id());
    if (this.#prng.chance(0.2)) chosen.reverse();
    return chosen.join(" ");
  }

  campaign(): void {
    this.#push(`campaign ${this.id()}`);
  }

  propose(): void {
    this.#proposals += 1;
    const long = this.#prng.chance(0.2) ? "x".repeat(this.#prng.between(1, 90)) : "";
    this.#push(`propose ${this.id()} prop_${this.#proposals}${long}`);
  }

  proposeConfChange(): void {
    if (!this.#changesMembers) return;
    const prng = this.#prng;
    const change = (): string => `${"vvlru"[prng.below(5)]}${prng.between(1, NODES_MAX)}`;
    if (prng.chance(0.3)) {
      this.#push(`propose-conf-change ${this.id()} v1=true\n${change()}`);
      return;
    }
    const transition = ["", "", " transition=auto", " transition=implicit", " transition=explicit"];
    const count = prng.below(4);
    const input = count === 0 ? "" : `\n${Array.from({ length: count }, change).join(" ")}`;
    this.#push(`propose-conf-change ${this.id()}${transition[prng.below(5)]}${input}`);
  }

  addNode(): void {
    if (this.#nodes >= NODES_MAX || !this.#changesMembers) return;
    this.#nodes += 1;
    this.#push(`add-nodes 1${this.#options()}`);
  }

  processReady(): void {
    this.#push(`process-ready ${this.ids()}`);
  }

  deliver(): void {
    const prng = this.#prng;
    const type = prng.chance(0.15)
      ? ` type=${MESSAGE_TYPES[prng.below(MESSAGE_TYPES.length)]}`
      : "";
    this.#push(`deliver-msgs ${this.ids()}${type}`);
  }

  drop(): void {
    this.#push(`deliver-msgs drop=(${this.ids().replaceAll(" ", ",")})`);
  }

  stabilize(): void {
    this.#push(`stabilize ${this.ids()}`);
  }

  stabilizeAll(): void {
    this.#push(this.#prng.chance(0.1) ? "stabilize log-level=none" : "stabilize");
  }

  tick(): void {
    const prng = this.#prng;
    const id = this.id();
    this.#push(`set-randomized-election-timeout ${id} timeout=${prng.between(3, 5)}`);
    this.#push(`${prng.chance(0.5) ? "tick-election" : "tick-heartbeat"} ${id}`);
  }

  transfer(): void {
    this.#push(`transfer-leadership from=${this.id()} to=${this.id()}`);
  }

  forget(): void {
    this.#push(`forget-leader ${this.id()}`);
  }

  unreachable(): void {
    this.#push(`report-unreachable ${this.id()} ${this.id()}`);
  }

  /** Only a leader sends one: members believe a message of their term to be from its leader. */
  snapshot(): void {
    const to = this.id();
    const leaders = this.#environment.nodes.filter(
      ({ id, raw }) => raw.core.state === StateType.leader && id !== BigInt(to),
    );
    const from = leaders.at(this.#prng.below(Math.max(1, leaders.length)));
    if (from !== undefined) this.#push(`send-snapshot ${from.id} ${to}`);
  }

  compact(): void {
    const id = this.id();
    const { storage, raw } = this.#environment.node(BigInt(id));
    const first = storage.firstIndex();
    // What is applied may be on its way to the disk still, in asynchronous mode.
    const last = Math.min(storage.lastIndex(), raw.core.log.applied);
    if (first <= last) this.#push(`compact ${id} ${this.#prng.between(first, last)}`);
  }

  threads(): void {
    if (!this.#isAsync) return;
    const thread = this.#prng.chance(0.6) ? "append" : "apply";
    this.#push(`process-${thread}-thread ${this.ids()}`);
  }

  status(): void {
    this.#push(`status ${this.id()}`);
  }

  state(): void {
    this.#push("raft-state");
  }
}

/** What may happen next, and how often. */
const STEPS: readonly (readonly [number, (writer: ScenarioWriter) => void])[] = [
  [3, (writer) => writer.campaign()],
  [12, (writer) => writer.propose()],
  [4, (writer) => writer.proposeConfChange()],
  [1, (writer) => writer.addNode()],
  [12, (writer) => writer.processReady()],
  [10, (writer) => writer.deliver()],
  [4, (writer) => writer.drop()],
  [5, (writer) => writer.stabilize()],
  [5, (writer) => writer.stabilizeAll()],
  [8, (writer) => writer.tick()],
  [2, (writer) => writer.transfer()],
  [2, (writer) => writer.forget()],
  [2, (writer) => writer.unreachable()],
  [1, (writer) => writer.snapshot()],
  [3, (writer) => writer.compact()],
  [10, (writer) => writer.threads()],
  [2, (writer) => writer.status()],
  [2, (writer) => writer.state()],
];
