import { ReadOnlyOption } from "../../config.ts";
import { type Snapshot, UNLIMITED } from "../../types.ts";
import { CommandError, firstId, parseBool, parseNumber, parseUint } from "../arguments.ts";
import type { Directive } from "../data-file.ts";
import type { Environment } from "./environment.ts";
import { TestNode, type TestNodeOptions } from "./test-node.ts";

/** Options of the core that a file may set, and where each comes from. */
type Settings = Partial<{ -readonly [Key in keyof TestNodeOptions]: TestNodeOptions[Key] }>;

const INFLIGHT_MAX = 2 ** 31 - 1;
/** Term of the snapshot that bootstrapped nodes start from. */
const BOOTSTRAP_TERM = 1;

type Setter = (settings: Settings, value: string) => void;

const SETTERS: Readonly<Record<string, Setter>> = {
  inflight: (to, value) => (to.inflightMessagesMax = parseNumber(value)),
  "async-storage-writes": (to, value) => (to.asyncStorageWrites = parseBool(value)),
  prevote: (to, value) => (to.preVote = parseBool(value)),
  checkquorum: (to, value) => (to.checkQuorum = parseBool(value)),
  "max-committed-size-per-ready": (to, value) =>
    (to.committedBytesPerReadyMax = Number(parseUint(value))),
  "disable-conf-change-validation": (to, value) =>
    (to.disableConfChangeValidation = parseBool(value)),
  "read-only": (to, value) => (to.readOnly = parseReadOnly(value)),
  "step-down-on-removal": (to, value) => (to.stepDownOnRemoval = parseBool(value)),
};

/** `add-nodes N [voters=(…)] [learners=(…)] [index=I] [content=S] [OPTION=VALUE …]` */
export function addNodes(environment: Environment, directive: Directive): void {
  const count = Number(firstId(directive));
  const settings: Settings = {};
  for (const { key, values } of directive.args.slice(1)) {
    for (const value of values) SETTERS[key]?.(settings, value);
  }
  const snapshot = readSnapshot(directive);
  const isBootstrapped = !isEmpty(snapshot);
  const { index } = snapshot.metadata;
  if (isBootstrapped && count > 0 && index <= 1) {
    throw new CommandError("index must be specified as > 1 due to bootstrap");
  }
  for (let made = 0; made < count; made += 1) {
    const id = BigInt(environment.nodes.length + 1);
    const node = new TestNode({
      id,
      electionTicks: 3,
      heartbeatTicks: 1,
      bytesPerMessageMax: UNLIMITED,
      inflightMessagesMax: INFLIGHT_MAX,
      applied: index,
      logger: environment.output,
      // Files do not depend on a draw; those that wait for a timer set it.
      random: () => 0,
      ...settings,
      snapshot,
      isBootstrapped,
    });
    environment.nodes.push(node);
  }
}

/** The snapshot that the nodes start from, empty when nothing of it is given. */
function readSnapshot({ args }: Directive): Snapshot {
  const valuesOf = (key: string): readonly string[] =>
    args.filter((arg) => arg.key === key).flatMap((arg) => arg.values);
  const confState = {
    voters: valuesOf("voters").map(parseUint),
    learners: valuesOf("learners").map(parseUint),
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
  const index = parseNumber(valuesOf("index").at(-1) ?? "0");
  const data = new TextEncoder().encode(valuesOf("content").at(-1) ?? "");
  const snapshot = { data, metadata: { confState, index, term: 0 } };
  if (isEmpty(snapshot)) return snapshot;
  return { data, metadata: { confState, index, term: BOOTSTRAP_TERM } };
}

function isEmpty({ data, metadata }: Snapshot): boolean {
  const { confState, index } = metadata;
  return (
    index === 0 &&
    data.length === 0 &&
    confState.voters.length === 0 &&
    confState.learners.length === 0
  );
}

function parseReadOnly(text: string): ReadOnlyOption {
  if (text === "safe") return ReadOnlyOption.safe;
  if (text === "lease-based") return ReadOnlyOption.leaseBased;
  throw new CommandError(`invalid read-only option ${JSON.stringify(text)}`);
}
