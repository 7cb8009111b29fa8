import { startServer, skeinProgram } from "../ctl/servers.ts";
import type { RunningServer, ServerProgram } from "../ctl/servers.ts";
import { parse } from "../errors/proto-writer.ts";
import { frame, type RawAnswer, RawClient } from "../errors/raw-client.ts";
import { oraclePath } from "../oracles/oracles.ts";
import { isAllowed } from "./allowed.ts";
import { encode, type Fields, print } from "./schema.ts";
import { applyDamage, type CallSpec, CALLS, printStep, type Step } from "./steps.ts";

/** gRPC's answer to bytes that are no message; what follows is the words of a library. */
const UNMARSHAL = /^(grpc: error unmarshalling request: |grpc: failed to unmarshal [a-z ]+: ).*$/;
const ALL_KEYS: Fields = { key: Uint8Array.of(0), range_end: Uint8Array.of(0) };
/** Brings any state to the empty one of a compacted store. */
const RESET: readonly Step[] = [
  ...[0n, 1n, 2n].flatMap((member) =>
    [1n, 2n, 3n].map((alarm): Step => ({ call: "Alarm", fields: { action: 2n, member, alarm } })),
  ),
  { call: "DeleteRange", fields: ALL_KEYS },
  { call: "Compact", fields: { revision: { base: "now", delta: 0 }, physical: true } },
];
/** What shows whether two stores still hold the same. */
const STATE: readonly Step[] = [
  { call: "HashKV", fields: {} },
  { call: "Range", fields: ALL_KEYS },
];
/** Time for the work of a compaction to end: two seconds, on a busy machine too. */
const SETTLE_TRIES = 40;
const SETTLE_PAUSE_MS = 50;
/** No gRPC status: the server closed the stream or is gone. */
const CODE_NONE = -1;
const CODE_UNAVAILABLE = 14;

/** A step that was answered differently. */
export interface Difference {
  /** Place in the program. */
  readonly at: number;
  readonly step: Step;
  readonly etcd: readonly string[];
  readonly skein: readonly string[];
}

/** What both say to a step. */
interface Answers {
  readonly etcd: readonly string[];
  readonly skein: readonly string[];
  readonly isEtcdAlive: boolean;
}

/** How a program went: `etcdDied` ends it without a verdict. */
export interface ProgramResult {
  readonly difference: Difference | null;
  readonly etcdDied: boolean;
  /** Steps that both answered. */
  readonly steps: number;
}

/** A fresh etcd 3.7.1 and a fresh Skein that get the same requests, one at a time. */
export class Pair {
  readonly #servers: readonly [RunningServer, RunningServer];
  readonly #clients: readonly [RawClient, RawClient];
  #now = 1n;
  #compacted = -1n;
  #hasCompacted = false;
  /** Revisions of transactions that may have deleted a key and put it again. */
  readonly #rewriting = new Set<bigint>();
  #etcdMayHaveLost = false;

  private constructor(etcd: RunningServer, skein: RunningServer) {
    this.#servers = [etcd, skein];
    this.#clients = [new RawClient(etcd.endpoint), new RawClient(skein.endpoint)];
  }

  /** @throws Error when the oracle is not there or a server does not start. */
  static async start(): Promise<Pair> {
    const command = oraclePath("etcd", "3.7");
    if (command === undefined) throw new Error("etcd 3.7 is missing: npm run oracles");
    const etcd: ServerProgram = { label: "etcd 3.7.1", command, prefix: [] };
    const [first, second] = await Promise.all([
      startServer(etcd, ["--unsafe-no-fsync", "--log-level=panic"]),
      startServer(skeinProgram(), []),
    ]);
    return new Pair(first, second);
  }

  /** Sends the steps one by one, up to the first that is answered differently. */
  async run(steps: readonly Step[]): Promise<ProgramResult> {
    for (const [at, step] of steps.entries()) {
      const { etcd, skein, isEtcdAlive } = await this.#askSettled(step);
      if (!isEtcdAlive) return { difference: null, etcdDied: true, steps: at };
      if (etcd.join("\n") !== skein.join("\n") && !this.#isAllowed(step, { etcd, skein })) {
        return { difference: { at, step, etcd, skein }, etcdDied: false, steps: at };
      }
    }
    return { difference: null, etcdDied: false, steps: steps.length };
  }

  /** Empties both stores; false when they do not agree on it. */
  async reset(): Promise<boolean> {
    const { difference } = await this.run(RESET);
    // What etcd lost is deleted now.
    this.#etcdMayHaveLost = false;
    return difference === null && this.agrees();
  }

  /** Whether both hold the same, as far as they say. */
  async agrees(): Promise<boolean> {
    const { difference, etcdDied } = await this.run(STATE);
    return difference === null && !etcdDied;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    await Promise.all(this.#servers.map((server) => server.stop()));
  }

  /**
   * A hash may depend on how far the work of a compaction went: when nothing before it is kept,
   * etcd hashes what is not removed yet. So it may take a while until both say the same.
   */
  async #askSettled(step: Step): Promise<Answers> {
    let answers = await this.#ask(step);
    if (step.call !== "HashKV" || !this.#hasCompacted) return answers;
    for (let left = SETTLE_TRIES; left > 0; left -= 1) {
      if (answers.etcd.join("\n") === answers.skein.join("\n")) return answers;
      if (!answers.isEtcdAlive || this.#isAllowed(step, answers)) return answers;
      await new Promise((resolve) => setTimeout(resolve, SETTLE_PAUSE_MS));
      answers = await this.#ask(step);
    }
    return answers;
  }

  #isAllowed(step: Step, { etcd, skein }: Pick<Answers, "etcd" | "skein">): boolean {
    return isAllowed({ step, etcd, skein, etcdMayHaveLost: this.#etcdMayHaveLost });
  }

  async #ask(step: Step): Promise<Answers> {
    const call = CALLS[step.call];
    const position = { now: this.#now, compacted: this.#compacted };
    const bytes = applyDamage(encode(call.request, step.fields, position), step.damage);
    const body = frame(bytes);
    const [etcd, skein] = await Promise.all(
      this.#clients.map((client) => client.call({ path: call.path, body })),
    );
    this.#follow(step, etcd!, bytes);
    return {
      etcd: describe(call, etcd!),
      skein: describe(call, skein!),
      isEtcdAlive: etcd!.code !== CODE_NONE && etcd!.code !== CODE_UNAVAILABLE,
    };
  }

  /** Keeps track of where the stores are, by what etcd says. */
  #follow(step: Step, answer: RawAnswer, request: Uint8Array): void {
    if (answer.code !== 0) return;
    if (step.call === "Compact") {
      this.#compacted = revisionIn(request) ?? 0n;
      this.#hasCompacted = true;
      this.#etcdMayHaveLost ||= this.#rewriting.has(this.#compacted);
    }
    this.#now = headerRevision(merged(CALLS[step.call], answer)) ?? this.#now;
    if (step.call === "Txn" && isRewriting(step)) this.#rewriting.add(this.#now);
  }
}

function isRewriting(step: Step): boolean {
  const text = printStep(step);
  return text.includes("{put: ") && text.includes("{delete: ");
}

/** A stream's pieces put together are one RangeResponse: protobuf merges what is concatenated. */
function merged({ path }: CallSpec, answer: RawAnswer): Uint8Array {
  if (!path.endsWith("RangeStream")) return answer.messages[0] ?? new Uint8Array(0);
  return Buffer.concat(
    answer.messages.flatMap((piece) => (parse(piece).get(1) ?? []) as Uint8Array[]),
  );
}

/** The revision that a HashKV or Compact of these bytes asks for; null when they are no message. */
function revisionIn(request: Uint8Array): bigint | null {
  try {
    const revision = parse(request).get(1)?.at(-1);
    return typeof revision === "bigint" ? BigInt.asIntN(64, revision) : 0n;
  } catch {
    return null;
  }
}

function headerRevision(message: Uint8Array): bigint | undefined {
  const header = parse(message).get(1)?.[0];
  return header instanceof Uint8Array ? (parse(header).get(3)?.[0] as bigint) : undefined;
}

function describe(call: CallSpec, answer: RawAnswer): string[] {
  const { code, message } = answer;
  const text = message.replace(UNMARSHAL, "$1…");
  const status = `code ${code}${text === "" ? "" : ` "${text}"`}`;
  if (code !== 0 && answer.messages.length === 0) return [status];
  const lines = print(call.response, merged(call, answer));
  return [status, ...(call === CALLS.Alarm ? inOneOrder(lines) : lines)];
}

/** Alarms come in any order from etcd: those of an answer sorted, its header first. */
function inOneOrder(lines: readonly string[]): string[] {
  const [header = "", ...alarms] = lines.join("\n").split(/\n(?=alarms:)/);
  return [header, ...alarms.sort()].join("\n").split("\n");
}

/** The report of a difference: both answers, lines that only one has marked. */
export function printDifference({ at, step, etcd, skein }: Difference): string[] {
  const side = (name: string, mine: readonly string[], other: readonly string[]): string[] => [
    `  ${name}:`,
    ...mine.map((line) => `  ${other.includes(line) ? " " : "!"} ${line.slice(0, 200)}`),
  ];
  return [
    `step ${at}: ${printStep(step)}`,
    ...side("etcd", etcd, skein),
    ...side("skein", skein, etcd),
  ];
}
