import { isDeepStrictEqual } from "node:util";
import { Client } from "../../../src/client/index.ts";
import { startServer } from "../ctl/servers.ts";
import { needProgram } from "./tools.ts";

/** What a server says of what it holds, apart from what is its own address. */
export interface Said {
  readonly kvs: readonly string[];
  readonly revision: number;
  readonly clusterId: string;
  readonly members: readonly string[];
  readonly hash: readonly number[];
}

/** Starts an etcd of the series (3.7) on a data directory, asks it, and stops it. */
export async function startedOn(dataDir: string, version = "3.7"): Promise<Said> {
  const command = needProgram("etcd", version);
  const program = { label: `etcd ${version}`, command, prefix: [] };
  const server = await startServer(program, ["--log-level=error"], dataDir);
  const client = new Client({ endpoints: [server.endpoint], timeoutMs: 20_000 });
  try {
    const { kvs, header } = await client.kv.range("\0", { rangeEnd: "\0" });
    const { members } = await client.cluster.memberList();
    const { hash, compactRevision, hashRevision } = await client.maintenance.hashKv();
    return {
      kvs: kvs.map((kv) => {
        const { createRevision, modRevision, version: count, lease } = kv;
        const bytes = [kv.key, kv.value].map((each) => Buffer.from(each).toString("base64"));
        return [...bytes, createRevision, modRevision, count, lease].join(" ");
      }),
      revision: header.revision,
      clusterId: header.clusterId.toString(16),
      members: members.map(({ id, name, peerURLs }) => [id.toString(16), name, ...peerURLs].join()),
      hash: [hash, compactRevision, hashRevision],
    };
  } finally {
    client.close();
    await server.stop();
  }
}

/** @throws Error that shows both, shortened. */
export function expectEqual(what: string, found: unknown, wanted: unknown): void {
  if (isDeepStrictEqual(found, wanted)) return;
  const short = (value: unknown): string =>
    JSON.stringify(value, (_, each: unknown) =>
      typeof each === "bigint" ? each.toString(16) : each,
    )?.slice(0, 2000);
  throw new Error(`${what}:\nfound  ${short(found)}\nwanted ${short(wanted)}`);
}
