import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Prng } from "../../../src/base/prng.ts";
import { Client, ops } from "../../../src/client/index.ts";
import { type Change, History, type Write } from "../../sim/history.ts";
import { freePort, type ServerProcess } from "../server-process.ts";

/** A fresh directory now and then, so that restarts do not grow ever longer. */
const ROUNDS_PER_DIRECTORY = 10;
const CLIENTS = 64;
const CONNECTIONS = 8;
const KEYS = 40;
const PREFIX = "kill/";
/** Revisions read at once when the history is fetched. */
const FETCHES = 64;
/** Older revisions looked at again after each restart. */
const OLD_SAMPLES = 100;

/** What is killed, and how often. */
export interface KillOptions {
  readonly rounds: number;
  readonly start: (dataDir: string, port: number) => Promise<ServerProcess>;
  /** Writes acknowledged before the kill: at least, and fewer than so many more. */
  readonly acksMin: number;
  readonly acksMoreMax: number;
  /** Looks at what a killed server left; returns what is wrong, or null. */
  readonly inspect: (dataDir: string) => string | null;
}

/** Counts of many rounds. */
export interface KillResult {
  readonly passed: number;
  readonly acknowledged: number;
}

/** Load by 64 clients, kill -9, restart: every acknowledged write is there, and nothing else. */
export async function killAgainAndAgain(prng: Prng, options: KillOptions): Promise<KillResult> {
  let acknowledged = 0;
  let passed = 0;
  for (let done = 0; done < options.rounds; done += ROUNDS_PER_DIRECTORY) {
    const rounds = Math.min(ROUNDS_PER_DIRECTORY, options.rounds - done);
    const result = await runDirectory(prng, { ...options, rounds });
    acknowledged += result.acknowledged;
    passed += result.passed;
  }
  return { passed, acknowledged };
}

async function runDirectory(prng: Prng, options: KillOptions): Promise<KillResult> {
  const { rounds, start, inspect } = options;
  const dataDir = mkdtempSync(path.join(os.tmpdir(), "skein-kill-"));
  const history = new History();
  const port = await freePort();
  let checkedTo = 1;
  let passed = 0;
  try {
    for (let round = 0; round < rounds; round += 1) {
      let server = await start(dataDir, port);
      const acks = options.acksMin + prng.below(options.acksMoreMax);
      await load(prng, server, history, { round, acks });
      const left = inspect(dataDir);
      server = await start(dataDir, port);
      const { problems, revision } = await verify(prng, server, history, checkedTo);
      await server.end("SIGKILL");
      const found = left === null ? problems : [left, ...problems];
      if (found.length > 0) {
        process.stdout.write(`round ${round}:\n  ${found.slice(0, 5).join("\n  ")}\n`);
        break;
      }
      checkedTo = revision;
      passed += 1;
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
  return { passed, acknowledged: history.acknowledged };
}

async function load(
  prng: Prng,
  server: ServerProcess,
  history: History,
  { round, acks }: { readonly round: number; readonly acks: number },
): Promise<void> {
  const connections = Array.from(
    { length: CONNECTIONS },
    () => new Client({ endpoints: [server.endpoint] }),
  );
  const before = history.acknowledged;
  const target = before + acks;
  let isOver = false;
  const writers = Array.from({ length: CLIENTS }, async (_, number) => {
    const client = connections[number % CONNECTIONS]!;
    for (let turn = 0; !isOver; turn += 1) {
      await writeOnce(prng, client, history, `${round}.${number}.${turn}`).catch(() => {
        // Killed under way: nobody knows whether it happened, which is what the history allows for.
        isOver = true;
      });
      if (history.acknowledged >= target && !isOver) {
        isOver = true;
        await server.end("SIGKILL");
      }
    }
  });
  await Promise.all(writers);
  await server.end("SIGKILL");
  for (const client of connections) client.close();
}

async function writeOnce(
  prng: Prng,
  client: Client,
  history: History,
  name: string,
): Promise<void> {
  const key = `${PREFIX}${prng.below(KEYS)}`;
  const kind = prng.below(10);
  const write: Write = { puts: [], deletes: [], ackRevision: 0, foundRevision: 0 };
  if (kind < 7) {
    const made = { ...write, puts: [{ key, value: `v${name}` }] };
    history.invoked(made);
    const { header } = await client.kv.put(key, `v${name}`);
    history.acked(made, header.revision, true);
  } else if (kind < 9) {
    const second = `${key}+`;
    const puts = [
      { key, value: `a${name}` },
      { key: second, value: `b${name}` },
    ];
    const made = { ...write, puts };
    history.invoked(made);
    const { header } = await client.kv
      .txn()
      .then(...puts.map((put) => ops.put(put.key, put.value)))
      .commit();
    history.acked(made, header.revision, true);
  } else {
    const made = { ...write, deletes: [key] };
    history.invoked(made);
    const { header, deleted } = await client.kv.delete(key);
    history.acked(made, header.revision, deleted > 0);
  }
}

async function verify(
  prng: Prng,
  server: ServerProcess,
  history: History,
  checkedTo: number,
): Promise<{ problems: string[]; revision: number }> {
  const client = new Client({ endpoints: [server.endpoint] });
  try {
    const { header } = await client.kv.range("x");
    const last = header.revision;
    const wanted = [];
    for (let revision = checkedTo + 1; revision <= last; revision += 1) wanted.push(revision);
    const fresh = await fetchChanges(client, wanted);
    const problems = history.check(
      { currentRevision: last, changesAt: (revision) => fresh.get(revision) ?? [] },
      checkedTo + 1,
    );
    const samples = Array.from({ length: checkedTo > 1 ? OLD_SAMPLES : 0 }, () =>
      prng.between(2, checkedTo),
    );
    const old = await fetchChanges(client, samples);
    for (const revision of samples) {
      const source = { currentRevision: revision, changesAt: () => old.get(revision) ?? [] };
      problems.push(...history.check(source, revision).filter((line) => !line.includes("is lost")));
    }
    return { problems, revision: last };
  } finally {
    client.close();
  }
}

async function fetchChanges(
  client: Client,
  revisions: readonly number[],
): Promise<Map<number, readonly Change[]>> {
  const changes = new Map<number, readonly Change[]>();
  for (let at = 0; at < revisions.length; at += FETCHES) {
    const some = revisions.slice(at, at + FETCHES);
    const found = await Promise.all(some.map((revision) => fetchOne(client, revision)));
    some.forEach((revision, place) => changes.set(revision, found[place]!));
  }
  return changes;
}

/** The puts of a revision, or, when there are none, the key that was there one revision before. */
async function fetchOne(client: Client, revision: number): Promise<Change[]> {
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const kvs = await client.kv.getAll(PREFIX, { revision, minModRevision: revision });
  if (kvs.length > 0) {
    return kvs.map((kv) => ({ key: text(kv.key), value: text(kv.value) }));
  }
  const [now, before] = await Promise.all(
    [revision, revision - 1].map((at) =>
      client.kv.getAll(PREFIX, { revision: at, keysOnly: true }),
    ),
  );
  const kept = new Set(now!.map((kv) => text(kv.key)));
  return before!
    .map((kv) => text(kv.key))
    .filter((key) => !kept.has(key))
    .map((key) => ({ key, value: null }));
}
