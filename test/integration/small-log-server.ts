/**
 * `node small-log-server.ts <flags as of etcd>`: a member with one flag that etcd does not have,
 * `--wal-segment-bytes`, so that its log is cut and purged within seconds. Knows only the flags
 * that suites give.
 */
import { parseArgs } from "node:util";
import { httpUrl, memberConfig } from "../../src/member/config.ts";
import { startMember } from "../../src/member/member.ts";
import type { Logger } from "../../src/platform/logger.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";

const LOGGER: Logger = {
  enabled: (level) => level === "error" || level === "warn",
  log: (level, message, fields) => {
    if (LOGGER.enabled(level)) console.error(level, message, fields);
  },
  with: () => LOGGER,
};

const text = { type: "string" } as const;
const { values } = parseArgs({
  options: {
    name: text,
    "data-dir": text,
    "listen-client-urls": text,
    "advertise-client-urls": text,
    "listen-peer-urls": text,
    "initial-advertise-peer-urls": text,
    "initial-cluster": text,
    "snapshot-count": text,
    "wal-segment-bytes": text,
  },
});

function urlOf(flag: string): ReturnType<typeof httpUrl> {
  const { hostname, port } = new URL(flag);
  return httpUrl(hostname, Number(port));
}

const client = urlOf(values["listen-client-urls"]!);
const peer = urlOf(values["listen-peer-urls"] ?? "http://localhost:2380");
const name = values.name ?? "default";
const count = values["snapshot-count"];
const segmentBytes = values["wal-segment-bytes"];
const config = memberConfig({
  name,
  dataDir: values["data-dir"]!,
  listenClientUrls: [client],
  advertiseClientUrls: [client],
  listenPeerUrls: [peer],
  initialAdvertisePeerUrls: [peer],
  initialCluster: [{ name, peerUrls: [peer.text] }],
  ...(count === undefined ? {} : { snapshotCount: Number(count) }),
});
const platform = nodePlatform(LOGGER);
const member = await startMember(config, platform, {
  ...(segmentBytes === undefined ? {} : { walSegmentBytes: Number(segmentBytes) }),
});
console.log("ready to serve client requests");
process.once("SIGTERM", () => void member.close());
const reason = await member.closed;
platform.close();
if (reason !== null) {
  console.error(reason);
  process.exitCode = 1;
}
