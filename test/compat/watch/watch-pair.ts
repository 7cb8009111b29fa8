import { type ClientHttp2Session, connect } from "node:http2";
import { skeinProgram, startServer } from "../ctl/servers.ts";
import type { RunningServer } from "../ctl/servers.ts";
import { message, parse } from "../errors/proto-writer.ts";
import { frame, RawClient } from "../errors/raw-client.ts";
import { oraclePath } from "../oracles/oracles.ts";
import type { Step } from "./program.ts";
import {
  cancelRequest,
  createRequest,
  progressRequest,
  type Response,
  WatchCall,
} from "./watch-call.ts";

/** etcd looks for watchers that are behind every 100 ms. */
const CATCH_UP_MS = 140;
/** What was written is told long before. */
const LIVE_MS = 30;
/** Both have said by then what they are going to say. */
const EQUAL_LIMIT_MS = 4000;
const POLL_MS = 10;
const STREAMS = 2;

/** A server, and the watch calls of the program that runs. */
interface Side {
  readonly server: RunningServer;
  readonly client: RawClient;
  readonly session: ClientHttp2Session;
  calls: WatchCall[];
}

/** A fresh etcd 3.7.1 and a fresh Skein that get the same requests. */
export class WatchPair {
  readonly #sides: readonly [Side, Side];
  /** As both have it. */
  revision = 1n;

  private constructor(servers: readonly [RunningServer, RunningServer]) {
    const [etcd, skein] = servers.map((server): Side => {
      const session = connect(`http://${server.endpoint}`);
      session.on("error", () => {});
      return { server, session, client: new RawClient(server.endpoint), calls: [] };
    });
    this.#sides = [etcd!, skein!];
  }

  /** @throws Error when the oracle is not there or a server does not start. */
  static async start(): Promise<WatchPair> {
    const command = oraclePath("etcd", "3.7");
    if (command === undefined) throw new Error("etcd 3.7 is missing: npm run oracles");
    const etcd = { label: "etcd 3.7.1", command, prefix: [] };
    const servers = await Promise.all([
      startServer(etcd, ["--unsafe-no-fsync", "--log-level=panic"]),
      startServer(skeinProgram(), []),
    ]);
    return new WatchPair(servers);
  }

  async stop(): Promise<void> {
    for (const { session, client } of this.#sides) {
      session.destroy();
      client.close();
    }
    await Promise.all(this.#sides.map(({ server }) => server.stop()));
  }

  /** New watch calls; the old ones end. */
  begin(): void {
    for (const side of this.#sides) {
      for (const call of side.calls) call.close();
      side.calls = Array.from({ length: STREAMS }, () => new WatchCall(side.session));
    }
  }

  /** Takes a step; null, or the difference that was there when all was told. */
  async step(step: Step): Promise<string | null> {
    switch (step.kind) {
      case "write":
        await this.write(step.path, step.request);
        return null;
      case "compact":
        return (await this.settle(LIVE_MS)) ?? (await this.#compact(step.back));
      case "create":
        return this.#create(step);
      case "cancel":
        this.#say(step.stream, cancelRequest(step.watchId));
        return this.settle(LIVE_MS);
      case "progress": {
        const before = await this.settle(LIVE_MS);
        this.#say(step.stream, progressRequest());
        return before ?? this.settle(LIVE_MS);
      }
    }
  }

  /** A request of the key-value service to both. @throws Error when one refuses it. */
  async write(path: string, request: Uint8Array): Promise<void> {
    const body = frame(request);
    const answers = await Promise.all(this.#sides.map(({ client }) => client.call({ path, body })));
    for (const answer of answers) {
      if (answer.code !== 0) throw new Error(`${path}: ${answer.message}`);
    }
    const header = parse(answers[0]!.messages[0]!).get(1)![0] as Uint8Array;
    this.revision = parse(header).get(3)![0] as bigint;
  }

  /** Has both say all they have, after `waitMs`; null when that is the same. */
  async settle(waitMs: number): Promise<string | null> {
    await sleep(waitMs);
    const limitMs = performance.now() + EQUAL_LIMIT_MS;
    for (;;) {
      const difference = this.#difference();
      if (difference === null || performance.now() > limitMs) return difference;
      await sleep(POLL_MS);
    }
  }

  /** What a call was told: etcd's, and ours. */
  told(stream: number): readonly [readonly Response[], readonly Response[]] {
    const [etcd, skein] = this.#sides;
    return [etcd.calls[stream]!.responses, skein.calls[stream]!.responses];
  }

  /** Says the same on a call to both. */
  #say(stream: number, request: Uint8Array): void {
    for (const { calls } of this.#sides) calls[stream]!.send(request);
  }

  async #compact(back: number): Promise<string | null> {
    const revision = this.revision - BigInt(back);
    if (revision < 1n) return null;
    const body = frame(message([1, revision]));
    const path = "/etcdserverpb.KV/Compact";
    const answers = await Promise.all(this.#sides.map(({ client }) => client.call({ path, body })));
    const [etcd, skein] = answers.map(({ code, message: text }) => `${code} ${text}`);
    return etcd === skein ? null : `compact ${revision}: etcd ${etcd}, skein ${skein}`;
  }

  /** Nothing is written until the history was told: its header says the revision of that time. */
  async #create(step: Step & { readonly kind: "create" }): Promise<string | null> {
    const { fields, stream } = step;
    const before = await this.settle(LIVE_MS);
    const asked = Number(fields.startRevision ?? 0);
    const relative = Math.max(1, Number(this.revision) + asked);
    const startRevision = asked === 0 || asked === -1 ? asked : relative;
    this.#say(stream, createRequest({ ...fields, startRevision }));
    return before ?? this.settle(startRevision > 0 ? CATCH_UP_MS : LIVE_MS);
  }

  #difference(): string | null {
    for (let stream = 0; stream < STREAMS; stream += 1) {
      const [etcd, skein] = this.#sides.map(({ calls }) => byWatcher(calls[stream]!));
      for (const id of new Set([...etcd!.keys(), ...skein!.keys()])) {
        const theirs = (etcd!.get(id) ?? []).join("\n    ");
        const ours = (skein!.get(id) ?? []).join("\n    ");
        if (theirs === ours) continue;
        return `stream ${stream}, watcher ${id}:\n  etcd\n    ${theirs}\n  skein\n    ${ours}`;
      }
    }
    return null;
  }
}

/** Watchers of one call are not in order with each other. */
function byWatcher({ responses, status }: WatchCall): Map<string, string[]> {
  const told = new Map<string, string[]>();
  const add = (id: string, line: string): void => {
    told.set(id, [...(told.get(id) ?? []), line]);
  };
  for (const { watchId, head, events } of responses) {
    add(String(watchId), [head, ...events].join("; "));
  }
  if (status !== null) add("end", status);
  return told;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
