import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Prng } from "../../../src/base/prng.ts";
import { Client } from "../../../src/client/index.ts";
import { NodeDisk } from "../../../src/platform/node/disk.ts";
import { SnapDirectory } from "../../../src/storage/snap/snap-directory.ts";
import type { SnapFile } from "../../../src/storage/snap/snap-file.ts";
import { decodeV2Tree } from "../../../src/storage/snap/v2-decode.ts";
import { encodeV2Tree } from "../../../src/storage/snap/v2-tree.ts";
import type { V2Membership } from "../../../src/storage/snap/v2-tree.ts";
import { validSnapshots } from "../../../src/storage/wal/wal.ts";
import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { startServer } from "../ctl/servers.ts";
import type { RunningServer } from "../ctl/servers.ts";
import { oraclePath } from "../oracles/oracles.ts";

const VERSIONS = ["3.5", "3.6", "3.7"] as const;
type Version = (typeof VERSIONS)[number];
const ROUNDS = { ci: 1, full: 4 } as const;
/** Entries between two snapshots; etcd's least useful, our most. */
const SNAPSHOT_COUNT = 10;
const FLAGS = [`--snapshot-count=${SNAPSHOT_COUNT}`, "--log-level=info"];
const PUTS_MIN = 3 * SNAPSHOT_COUNT;
/** A leader decides the cluster's version within seconds of its election. */
const DECIDE_TIMEOUT_MS = 15_000;
const CTL_TIMEOUT_MS = 10_000;
const LOG_TIMEOUT_MS = 2_000;
const POLL_INTERVAL_MS = 50;

/**
 * Snapshot files between etcd and us: what each version wrote is read, and says what its server
 * said; each version starts on a file of ours in its place, serves its data, goes on and writes the
 * next, which is read again. That a server of 3.5 or 3.6 reads the file at all is shown by one that
 * it must refuse; 3.5 must also serve a member's URL that only our file has.
 */
export async function run({ seed, size }: LongOptions): Promise<LongResult> {
  let passed = 0;
  let failed = 0;
  for (let round = 0; round < ROUNDS[size]; round += 1) {
    for (const version of VERSIONS) {
      const name = `etcd ${version}, round ${round}`;
      const dir = mkdtempSync(path.join(tmpdir(), "snap-"));
      const disk = new NodeDisk();
      try {
        console.log(`${name}: ${await new Scenario({ version, dir, disk, seed }).run(round)}`);
        passed += 1;
      } catch (error) {
        console.log(`${name}: FAILED`, error);
        failed += 1;
      } finally {
        await new Promise<void>((closed) => disk.close(closed));
        rmSync(dir, { recursive: true, force: true });
      }
    }
  }
  return { passed, failed };
}

/** What a server says it holds. */
interface Said {
  readonly membership: Omit<V2Membership, "removed">;
  readonly term: number;
  readonly applied: number;
  readonly kvs: readonly string[];
}

class Scenario {
  readonly #version: Version;
  readonly #dir: string;
  readonly #disk: NodeDisk;
  readonly #seed: number;

  constructor(about: { version: Version; dir: string; disk: NodeDisk; seed: number }) {
    this.#version = about.version;
    this.#dir = about.dir;
    this.#disk = about.disk;
    this.#seed = about.seed;
  }

  async run(round: number): Promise<string> {
    const prng = new Prng(this.#seed + round);
    const written = path.join(this.#dir, "written");
    const { server, said, removed } = await this.#write(written, PUTS_MIN + prng.below(40));
    const snapshot = this.#load(written);
    await toldIndex(server, snapshot.index);
    const membership = this.#compare(snapshot, said, [removed]);
    await this.#startOnOurs(written, { snapshot, membership, said });
    if (this.#version !== "3.7") await this.#mustRefuse(written, snapshot);
    if (this.#version === "3.5") await this.#serveOurUrl(written, { snapshot, membership });
    return `snapshot at ${snapshot.index}, ${snapshot.data.length} bytes of tree`;
  }

  /** A cluster with a learner that never came and a member that was removed. */
  async #write(dataDir: string, puts: number) {
    const server = await this.#start(dataDir);
    try {
      await decided(server);
      // One after the other: etcd allows one learner at a time.
      const removed = this.#addLearner(server, "http://127.0.0.1:2");
      this.#ctl(server, ["member", "remove", removed.toString(16)]);
      this.#addLearner(server, "http://127.0.0.1:1");
      await put(server, "first", puts);
      return { server, said: await ask(server), removed };
    } finally {
      await server.stop();
    }
  }

  /** etcd starts where our file is the only one, serves, goes on, and writes its next. */
  async #startOnOurs(
    written: string,
    first: { snapshot: SnapFile; membership: V2Membership; said: Said },
  ): Promise<void> {
    const ours = await this.#copyWith(written, "ours", {
      ...first.snapshot,
      data: encodeV2Tree(first.membership),
    });
    const server = await this.#start(ours);
    try {
      const found = await ask(server);
      expectEqual("keys on our file", found.kvs, first.said.kvs);
      expectEqual("ids on our file", idsOf(found.membership), idsOf(first.membership));
      await put(server, "second", PUTS_MIN);
      const said = await ask(server);
      await server.stop();
      const next = this.#load(ours);
      if (next.index <= first.snapshot.index) throw new Error("no later snapshot was written");
      const names = this.#disk.listSync(path.join(ours, "member", "snap"));
      expectEqual(
        "refused by etcd",
        names.filter((name) => name.endsWith(".broken")),
        [],
      );
      this.#compare(next, said, first.membership.removed);
      await toldIndex(server, next.index);
    } finally {
      await server.stop();
    }
  }

  /** The proof that the file was read: with a tree that is none the server must not start. */
  async #mustRefuse(written: string, snapshot: SnapFile): Promise<void> {
    const data = Buffer.from("not a tree");
    const spoilt = await this.#copyWith(written, "spoilt", { ...snapshot, data });
    let server: RunningServer;
    try {
      server = await this.#start(spoilt);
    } catch (error) {
      if (/recover.*(v2|store)|panic/i.test(String(error))) return;
      throw error;
    }
    await server.stop();
    throw new Error("it started on a tree that is none: the snapshot is not read");
  }

  async #serveOurUrl(
    written: string,
    { snapshot, membership }: { snapshot: SnapFile; membership: V2Membership },
  ): Promise<void> {
    const peerUrls = ["http://127.0.0.1:3"];
    const members = membership.members.map((each) =>
      each.isLearner ? { ...each, peerUrls } : each,
    );
    const data = encodeV2Tree({ ...membership, members });
    const changed = await this.#copyWith(written, "changed", { ...snapshot, data });
    const server = await this.#start(changed);
    try {
      const found = (await ask(server)).membership.members.find(({ isLearner }) => isLearner);
      expectEqual("the learner's URL of our file", found?.peerUrls, peerUrls);
    } finally {
      await server.stop();
    }
  }

  #start(dataDir: string): Promise<RunningServer> {
    const command = oraclePath("etcd", this.#version);
    if (command === undefined) throw new Error(`etcd ${this.#version} is missing: npm run oracles`);
    return startServer({ label: `etcd ${this.#version}`, command, prefix: [] }, FLAGS, dataDir);
  }

  #ctl(server: RunningServer, args: readonly string[]): string {
    const command = oraclePath("etcdctl", this.#version)!;
    const all = ["--endpoints", server.endpoint, ...args];
    return execFileSync(command, all, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      timeout: CTL_TIMEOUT_MS,
    });
  }

  #addLearner(server: RunningServer, url: string): bigint {
    const told = this.#ctl(server, ["member", "add", "later", "--learner", `--peer-urls=${url}`]);
    const id = /Member\s+([0-9a-f]+)\s+added/.exec(told)?.[1];
    if (id === undefined) throw new Error(`member add: ${told}`);
    return BigInt(`0x${id}`);
  }

  /** The newest snapshot that the log of a stopped server has a record of, as etcd chooses. */
  #load(dataDir: string): SnapFile {
    const member = path.join(dataDir, "member");
    const records = validSnapshots({ disk: this.#disk, dir: path.join(member, "wal") });
    const snaps = new SnapDirectory(this.#disk, path.join(member, "snap"));
    const matches = (index: number, term: number): boolean =>
      records.some((record) => record.index === index && record.term === term);
    const { snapshot, broken } = snaps.loadNewest(matches);
    if (snapshot === null || broken.length > 0) throw new Error("no snapshot, or a broken one");
    const record = records.find(({ index }) => index === snapshot.index);
    expectEqual("conf state of the log's record", snapshot.confState, record?.confState);
    return snapshot;
  }

  /** Throws unless the file says what the server said; returns its membership. */
  #compare(snapshot: SnapFile, said: Said, removedIds: readonly bigint[]): V2Membership {
    const tree = decodeV2Tree(snapshot.data);
    const { members, removed, clusterVersion } = tree;
    expectEqual("other content", [tree.hasOtherContent, tree.hasV2Data], [false, false]);
    expectEqual("membership", { members, clusterVersion }, said.membership);
    expectEqual("removed", removed, removedIds);
    expectEqual("term", snapshot.term, said.term);
    if (snapshot.index > said.applied) throw new Error(`snapshot beyond ${said.applied}`);
    const ids = (isLearner: boolean): bigint[] =>
      members.filter((each) => each.isLearner === isLearner).map(({ id }) => id);
    expectEqual("voters", snapshot.confState.voters, ids(false));
    expectEqual("learners", snapshot.confState.learners, ids(true));
    if (ids(true).length !== 1) throw new Error("the learner is not among them");
    const membership = { members, removed, clusterVersion };
    expectEqual("our tree", nodesOf(encodeV2Tree(membership)), nodesOf(snapshot.data));
    return membership;
  }

  /** A copy of the directory whose one snapshot file is `snapshot`, written by us. */
  async #copyWith(written: string, name: string, snapshot: SnapFile): Promise<string> {
    const copy = path.join(this.#dir, name);
    cpSync(written, copy, { recursive: true });
    const dir = path.join(copy, "member", "snap");
    const snaps = new SnapDirectory(this.#disk, dir);
    for (const each of snaps.list()) this.#disk.unlinkSync(path.join(dir, each.name));
    await new Promise<void>((done, fail) =>
      snaps.save(snapshot, (error) => (error === null ? done() : fail(error))),
    );
    return copy;
  }
}

/** The cluster's version once there is one. */
async function decided(server: RunningServer): Promise<string> {
  const deadlineMs = performance.now() + DECIDE_TIMEOUT_MS;
  for (;;) {
    const reply = await fetch(`http://${server.endpoint}/version`);
    const { etcdcluster } = (await reply.json()) as { readonly etcdcluster: string };
    if (/^\d+\.[1-9]\d*\.\d+$/.test(etcdcluster)) return etcdcluster;
    if (performance.now() > deadlineMs) throw new Error(`cluster version ${etcdcluster}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

/** The last snapshot that a stopped server told of is the one at `index`. */
async function toldIndex(server: RunningServer, index: number): Promise<void> {
  // The last lines may arrive after the end of the process.
  const deadlineMs = performance.now() + LOG_TIMEOUT_MS;
  for (;;) {
    const saved = [...server.log().matchAll(/"saved snapshot[^\n]*"snapshot-index":(\d+)/g)];
    const told = Number(saved.at(-1)?.[1] ?? 0);
    if (told === index) return;
    if (performance.now() > deadlineMs) expectEqual("index", index, told);
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

async function put(server: RunningServer, prefix: string, puts: number): Promise<void> {
  const client = new Client({ endpoints: [server.endpoint] });
  try {
    for (let i = 0; i < puts; i += 1) await client.kv.put(`${prefix} ${i}`, `value ${i}`);
  } finally {
    client.close();
  }
}

async function ask(server: RunningServer): Promise<Said> {
  const client = new Client({ endpoints: [server.endpoint] });
  try {
    const clusterVersion = await decided(server);
    const { members } = await client.cluster.memberList();
    const { kvs } = await client.kv.range("\0", { rangeEnd: "\0" });
    const { raftTerm, raftAppliedIndex } = await client.maintenance.status();
    return {
      membership: {
        clusterVersion,
        members: members
          .map(({ id, name, peerURLs, clientURLs, isLearner }) => {
            return { id, name, peerUrls: peerURLs, clientUrls: clientURLs, isLearner };
          })
          .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
      },
      term: raftTerm,
      applied: raftAppliedIndex,
      kvs: kvs.map(({ key, value, modRevision }) => {
        return [modRevision, Buffer.from(key), Buffer.from(value)].join(" ");
      }),
    };
  } finally {
    client.close();
  }
}

/** Paths, values and kinds of all nodes; the store's indexes are its own affair. */
function nodesOf(tree: Uint8Array): readonly string[] {
  interface Node {
    readonly Path: string;
    readonly Value: string;
    readonly Children: Readonly<Record<string, Node>> | null;
  }
  const nodes: string[] = [];
  const visit = ({ Path, Value, Children }: Node): void => {
    nodes.push(`${Path} ${Children === null ? "leaf" : "directory"} ${Value}`);
    for (const child of Object.values(Children ?? {})) visit(child);
  };
  visit((JSON.parse(Buffer.from(tree).toString()) as { readonly Root: Node }).Root);
  return nodes.toSorted();
}

function idsOf({ members }: Pick<V2Membership, "members">): readonly unknown[] {
  return members.map(({ id, isLearner }) => [id, isLearner]);
}

function expectEqual(what: string, found: unknown, wanted: unknown): void {
  if (isDeepStrictEqual(found, wanted)) return;
  const short = (value: unknown): string =>
    JSON.stringify(value, (_, each: unknown) =>
      typeof each === "bigint" ? each.toString(16) : each,
    )?.slice(0, 1000);
  throw new Error(`${what}: found ${short(found)}, wanted ${short(wanted)}`);
}
