import { ALL_COMMITTED } from "../quorum/committed-index.ts";
import { JointConfig } from "../quorum/joint.ts";
import { MajorityConfig } from "../quorum/majority.ts";
import { describeVoteResult } from "../quorum/vote-result.ts";
import { parseUint } from "./arguments.ts";
import { DataFileError, type Directive } from "./data-file.ts";
import type { Interpreter } from "./replay.ts";
import { describeAcked } from "./quorum-table.ts";
import { alternatives } from "./quorum-twins.ts";

/** The commands of the `quorum` files (raft.md 19.4); each stands for itself. */
export function quorumCommands(): Interpreter {
  return (directive) => {
    const asked = readQuestion(directive);
    const union = new JointConfig(asked.config, asked.outgoing ?? MajorityConfig.empty).ids();
    if (union.length !== asked.values.length) {
      const voters = union.map((id) => `${id}:{}`).join(" ");
      const values = asked.values.map((each) => each ?? 0).join(" ");
      return `error: mismatched input (explicit or _) for voters map[${voters}]: [${values}]`;
    }
    return directive.command === "vote" ? vote(asked) : committed(asked);
  };
}

/** What a command asks: configuration, and a value per voter in order of appearance. */
interface Question {
  readonly config: MajorityConfig;
  /** Null without `cfgj`. */
  readonly outgoing: MajorityConfig | null;
  readonly order: readonly bigint[];
  /** Acknowledged indexes; or votes, 2 for yes and 1 for no. Null for nothing known. */
  readonly values: readonly (number | null)[];
}

const VOTES: Readonly<Record<string, number | null>> = { y: 2, n: 1, _: null };

function readQuestion(directive: Directive): Question {
  const { line, command, args } = directive;
  const refuse = (what: string): DataFileError => new DataFileError(`line ${line}: ${what}`);
  if (command !== "committed" && command !== "vote") throw refuse(`unknown command ${command}`);
  const ids: bigint[] = [];
  const outgoingIds: bigint[] = [];
  const values = { idx: [] as (number | null)[], votes: [] as (number | null)[] };
  let isJoint = false;
  for (const { key, values: texts } of args) {
    if (key === "cfg") ids.push(...texts.map(parseUint));
    else if (key === "cfgj") {
      isJoint = true;
      if (texts[0] !== "zero") outgoingIds.push(...texts.map(parseUint));
    } else if (key === "idx") {
      values.idx.push(...texts.map((text) => (text === "_" ? null : Number(parseUint(text)))));
      if (values.idx.includes(0)) throw refuse("cannot use 0 as idx");
    } else if (key === "votes") {
      if (texts.some((text) => VOTES[text] === undefined)) throw refuse("unknown vote");
      values.votes.push(...texts.map((text) => VOTES[text]!));
    } else throw refuse(`unknown argument ${key}`);
  }
  return {
    config: new MajorityConfig(ids),
    outgoing: isJoint ? new MajorityConfig(outgoingIds) : null,
    order: [...new Set([...ids, ...outgoingIds])],
    values: command === "vote" ? values.votes : values.idx,
  };
}

function known({ order, values }: Question): Map<bigint, number> {
  const map = new Map<bigint, number>();
  order.forEach((id, at) => {
    const value = values[at];
    if (value !== null && value !== undefined) map.set(id, value);
  });
  return map;
}

function committed(asked: Question): string {
  const acked = known(asked);
  const joint = new JointConfig(asked.config, asked.outgoing ?? MajorityConfig.empty);
  const index = joint.committedIndex(acked);
  const table = describeAcked(joint.ids(), acked);
  const others = alternatives(asked.config, asked.outgoing, acked)
    .filter((other) => other.index !== index)
    .map((other) => `${describeIndex(other.index)} <-- ${other.way}\n`);
  return `${table}${others.join("")}${describeIndex(index)}\n`;
}

function vote(asked: Question): string {
  const votes = new Map([...known(asked)].map(([id, value]) => [id, value === VOTES["y"]]));
  const { config, outgoing } = asked;
  const result = new JointConfig(config, outgoing ?? MajorityConfig.empty).voteResult(votes);
  const swapped = new JointConfig(outgoing ?? MajorityConfig.empty, config).voteResult(votes);
  const other = swapped === result ? "" : `${describeVoteResult(swapped)} <-- via symmetry\n`;
  return `${other}${describeVoteResult(result)}\n`;
}

function describeIndex(index: number): string {
  return index === ALL_COMMITTED ? "∞" : String(index);
}
