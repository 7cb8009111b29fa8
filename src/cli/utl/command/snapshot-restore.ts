import { DiskError } from "../../../platform/disk.ts";
import { removeRestored, restore, type Restore } from "../../../storage/restore/restore.ts";
import { type FlagSet, type FlagSpec, UsageError } from "../../common/flags.ts";
import { ToolError, Exit } from "../../common/exit.ts";
import { type Command, type Invocation, textFlag } from "../command-line.ts";
import { clusterOf } from "../initial-cluster.ts";
import { logInfo } from "../log.ts";
import { quoted } from "../print/print.ts";
import { Progress } from "../progress.ts";
import type { World } from "../world.ts";

const FLAGS: readonly FlagSpec[] = [
  {
    name: "data-dir",
    type: "string",
    fallback: "",
    usage: "directory to make; <name>.etcd when it is not given",
  },
  {
    name: "wal-dir",
    type: "string",
    fallback: "",
    usage: "directory for the log, when it is not to be in the data directory",
  },
  { name: "name", type: "string", fallback: "default", usage: "name of the restored member" },
  {
    name: "initial-cluster",
    type: "string",
    fallback: "default=http://localhost:2380",
    usage: "all members of the new cluster with their peer URLs",
  },
  {
    name: "initial-cluster-token",
    type: "string",
    fallback: "etcd-cluster",
    usage: "makes the ids of the new cluster its own",
  },
  {
    name: "initial-advertise-peer-urls",
    type: "string",
    fallback: "http://localhost:2380",
    usage: "this member's peer URLs",
  },
  {
    name: "skip-hash-check",
    type: "bool",
    fallback: "false",
    usage: "do not look at the digest (for a file copied from a data directory)",
  },
  {
    name: "initial-memory-map-size",
    type: "string",
    fallback: "10737418240",
    usage: "taken and ignored: files are not mapped into memory",
  },
  {
    name: "bump-revision",
    type: "string",
    fallback: "0",
    usage: "raise the newest revision by so much",
  },
  {
    name: "mark-compacted",
    type: "bool",
    fallback: "false",
    usage: "have what is below the raised revision compacted (with --bump-revision only)",
  },
];

/** Flags of etcdutl that take an unsigned number, read here. */
const UNSIGNED = ["initial-memory-map-size", "bump-revision"] as const;

/** A flag that Go reads as unsigned. @throws UsageError in Go's words. */
function unsignedFlag(flags: FlagSet, name: string): number {
  const text = textFlag(flags, name);
  const digits = /^(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|\d+)$/.test(text);
  const value = digits ? BigInt(/^0\d+$/.test(text) ? `0o${text.slice(1)}` : text) : -1n;
  if (value >= 0n && value < 2n ** 64n) return Number(value);
  const why = value < 0n ? "invalid syntax" : "value out of range";
  const parsing = `strconv.ParseUint: parsing ${quoted(text)}: ${why}`;
  throw new UsageError(`invalid argument ${quoted(text)} for "--${name}" flag: ${parsing}`);
}

/** A path as Go's filepath.Clean would end it: without a slash behind it. */
function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/(?<=.)\/+$/, "") : path;
}

function restoreOf({ args, flags, world }: Invocation): Restore {
  const [source] = args;
  if (source === undefined || args.length !== 1) {
    throw new ToolError(Exit.badArgs, "snapshot restore requires exactly one argument");
  }
  const bumpRevision = unsignedFlag(flags, "bump-revision");
  if (bumpRevision > 0 !== flags.flag("mark-compacted")) {
    throw new ToolError(Exit.badArgs, "--mark-compacted required if --revision-bump > 0");
  }
  const name = textFlag(flags, "name");
  const cluster = clusterOf(world.crypto, {
    name,
    initialCluster: textFlag(flags, "initial-cluster"),
    token: textFlag(flags, "initial-cluster-token"),
    peerUrls: textFlag(flags, "initial-advertise-peer-urls"),
  });
  const dataDir = withoutSlash(textFlag(flags, "data-dir") || `${name}.etcd`);
  const walDir = withoutSlash(textFlag(flags, "wal-dir") || `${dataDir}/member/wal`);
  refuseExisting(world, dataDir, walDir);
  const progress = new Progress(world);
  const { disk, clock, newDigest } = world;
  return {
    ...{ disk, clock, newDigest, source, dataDir, walDir, cluster },
    skipDigest: flags.flag("skip-hash-check"),
    bumpRevision: bumpRevision === 0 ? null : bumpRevision,
    onProgress: (done, total) => {
      if (done === total) progress.end();
      else progress.show("copying", done, total);
    },
    onBump: (from, to) => {
      const change = { "latest-revision": from, "bump-amount": to - from };
      logInfo(world, "bumping latest revision", { ...change, "new-latest-revision": to });
      logInfo(world, "marking revision compacted", { revision: to });
    },
  };
}

/** Nothing that exists is written over. */
function refuseExisting({ disk }: World, dataDir: string, walDir: string): void {
  if (disk.existsSync(dataDir) && !isEmpty(disk, dataDir)) {
    throw new ToolError(Exit.error, `data-dir ${quoted(dataDir)} not empty or could not be read`);
  }
  if (disk.existsSync(walDir)) throw new ToolError(Exit.error, `wal-dir ${quoted(walDir)} exists`);
}

function isEmpty(disk: World["disk"], dir: string): boolean {
  try {
    return disk.listSync(dir).length === 0;
  } catch (error) {
    if (error instanceof DiskError) return false;
    throw error;
  }
}

function run(invocation: Invocation): Promise<number> {
  const { world } = invocation;
  const work = restoreOf(invocation);
  const { source, dataDir, walDir, cluster } = work;
  const paths = { path: source, "wal-dir": walDir, "data-dir": dataDir };
  const places = { ...paths, "snap-dir": `${dataDir}/member/snap` };
  logInfo(world, "restoring snapshot", places);
  try {
    restore(work);
  } catch (error) {
    // Half a member must not be started.
    removeRestored(work);
    throw error;
  }
  for (const { id, name, peerUrls } of cluster.members) {
    logInfo(world, "added member", {
      "cluster-id": cluster.clusterId.toString(16),
      "added-peer-id": id.toString(16),
      "added-peer-name": name,
      "added-peer-peer-urls": peerUrls,
    });
  }
  logInfo(world, "restored snapshot", places);
  return Promise.resolve(Exit.ok);
}

/** `snapshot restore FILE --data-dir DIR`. */
export const RESTORE: Command = {
  name: "restore",
  args: "<filename> --data-dir <directory>",
  summary: "Makes the data directory of a new cluster's member from a snapshot",
  flags: FLAGS,
  checkFlags: (flags) => UNSIGNED.forEach((name) => unsignedFlag(flags, name)),
  run,
};
