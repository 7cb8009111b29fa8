import path from "node:path";
import type { InitialMember, MemberConfig, MemberUrl } from "../../../member/config.ts";
import { DEFAULT_QUOTA_BACKEND_BYTES } from "../../../member/config.ts";
import type { AutoCompaction } from "../../../service/compaction/auto-compactor.ts";
import type { Parsed } from "../../go/go-number.ts";
import { parseRetention } from "./retention.ts";
import type { Settings } from "./settings.ts";
import { isUnspecified, parseUrl } from "../../common/urls.ts";

const MS_PER_SECOND = 1000;
const BYTES_PER_MEGABYTE = 1024 * 1024;

/** The data directory: the flag, else the member's name with `.etcd`. */
export function dataDirOf(settings: Settings): string {
  return settings.text("data-dir") || `${settings.text("name")}.etcd`;
}

/**
 * What is advertised to clients. When only the listen URLs are given etcd does not start; here they
 * are advertised, unless they name no address: then etcd's error.
 */
export function advertiseClientUrls(settings: Settings): Parsed<readonly MemberUrl[]> {
  const listens = settings.urls("listen-client-urls");
  if (
    settings.isSet("advertise-client-urls") ||
    !settings.isSet("listen-client-urls") ||
    settings.file !== ""
  ) {
    return { value: settings.urls("advertise-client-urls") };
  }
  if (!listens.some(isUnspecified)) return { value: listens };
  return {
    error: "--advertise-client-urls is required when --listen-client-urls is set explicitly",
  };
}

/** `--initial-cluster`; only `--name` set means this member at its advertised URLs. */
export function initialCluster(settings: Settings): Parsed<readonly InitialMember[]> {
  const name = settings.text("name");
  const own = settings.urls("initial-advertise-peer-urls").map((url) => `${name}=${url.text}`);
  const isDefault = !settings.isChanged("initial-cluster");
  const text = name !== "default" && isDefault ? own.join(",") : settings.text("initial-cluster");
  const members = new Map<string, Set<string>>();
  for (const part of text.split(",").map((each) => each.trim())) {
    if (part === "") continue;
    const [member, url] = [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)];
    if (!part.includes("=") || member === "" || url === "") {
      return { error: `empty URL given for "${part.replace(/=.*/, "")}"` };
    }
    const parsed = parseUrl(url);
    if ("error" in parsed) return parsed;
    if (!members.has(member)) members.set(member, new Set());
    members.get(member)!.add(url);
  }
  return {
    value: [...members].map(([member, urls]) => ({ name: member, peerUrls: [...urls].sort() })),
  };
}

/** etcd's checks of a member that has no data yet, or null. */
export function bootstrapError(
  settings: Settings,
  cluster: readonly InitialMember[],
): string | null {
  const name = settings.text("name");
  const own = cluster.find((member) => member.name === name);
  if (own === undefined) {
    return `couldn't find local name "${name}" in the initial cluster configuration`;
  }
  const advertised = settings.urls("initial-advertise-peer-urls").map((url) => url.text);
  const told = advertised.join(",");
  const missing = own.peerUrls.filter((url) => !advertised.includes(url));
  if (missing.length > 0) {
    const which = missing.map((url) => `${name}=${url}`).join(",");
    const why = differingUrls(advertised, own.peerUrls);
    const from = `--initial-advertise-peer-urls=${told}`;
    return `--initial-cluster has ${which} but missing from ${from} (${why})`;
  }
  const extra = advertised.filter((url) => !own.peerUrls.includes(url));
  if (extra.length > 0) {
    // etcd shows the advertised URLs here once more, not those of the cluster.
    const named = advertised.map((url) => `${name}=${url}`).join(",");
    const flag = `--initial-advertise-peer-urls has ${extra.join(",")}`;
    return `${flag} but missing from --initial-cluster=${named}`;
  }
  const all = cluster.flatMap((member) => member.peerUrls);
  if (new Set(all).size < all.length) {
    const shown = cluster.flatMap((each) => each.peerUrls.map((url) => `${each.name}=${url}`));
    return `initial cluster ${shown.sort().join(",")} has duplicate url`;
  }
  if (cluster.length === 1) return null;
  const count = cluster.length;
  return `--initial-cluster names ${count} members; clusters of several are not yet served`;
}

/** How etcd explains that two sorted lists of URLs are not the same. */
function differingUrls(a: readonly string[], b: readonly string[]): string {
  const quoted = (urls: readonly string[]): string =>
    `[${urls.map((url) => `"${url}"`).join(" ")}]`;
  if (a.length !== b.length) return `len(${quoted(a)}) != len(${quoted(b)})`;
  const at = a.findIndex((url, index) => url !== b[index]);
  return `resolved urls: "${a[at]}" != "${b[at]}"`;
}

function autoCompaction(settings: Settings): AutoCompaction {
  const mode = settings.text("auto-compaction-mode");
  const parsed = parseRetention(mode, settings.text("auto-compaction-retention"));
  return "value" in parsed ? parsed.value : { mode: "off" };
}

/** The member's settings; `settings` has passed every check. */
export function buildConfig(
  settings: Settings,
  cluster: readonly InitialMember[],
  advertised: readonly MemberUrl[],
): MemberConfig {
  const dataDir = path.resolve(dataDirOf(settings));
  const quota = settings.number("quota-backend-bytes");
  return {
    name: settings.text("name"),
    dataDir,
    walDir: path.resolve(settings.text("wal-dir") || path.join(dataDir, "member", "wal")),
    initialCluster: cluster,
    initialClusterState: settings.text("initial-cluster-state") as "new" | "existing",
    initialClusterToken: settings.text("initial-cluster-token"),
    initialAdvertisePeerUrls: settings.urls("initial-advertise-peer-urls"),
    advertiseClientUrls: advertised,
    strictReconfigCheck: settings.bool("strict-reconfig-check"),
    forceNewCluster: settings.bool("force-new-cluster"),
    maxLearners: settings.number("max-learners"),
    listenPeerUrls: settings.urls("listen-peer-urls"),
    listenClientUrls: settings.urls("listen-client-urls"),
    listenClientHttpUrls: settings.urls("listen-client-http-urls"),
    listenMetricsUrls: settings.urls("listen-metrics-urls"),
    enableGrpcGateway: settings.bool("enable-grpc-gateway"),
    cors: settings.list("cors"),
    hostWhitelist: settings.list("host-whitelist"),
    metrics: settings.text("metrics") === "extensive" ? "extensive" : "basic",
    quotaBackendBytes: quota || DEFAULT_QUOTA_BACKEND_BYTES,
    autoCompaction: autoCompaction(settings),
    authToken: settings.text("auth-token"),
    authTokenTtlMs: settings.number("auth-token-ttl") * MS_PER_SECOND,
    bcryptCost: bcryptCost(settings.number("bcrypt-cost")),
    featureGates: settings.gates(),
    ...raftSettings(settings),
    ...storageSettings(settings),
    ...requestSettings(settings),
  };
}

const BCRYPT_COST_DEFAULT = 10;

function bcryptCost(given: number): number {
  return given >= 4 && given <= 31 ? given : BCRYPT_COST_DEFAULT;
}

function raftSettings(settings: Settings) {
  return {
    heartbeatIntervalMs: settings.number("heartbeat-interval"),
    electionTimeoutMs: settings.number("election-timeout"),
    initialElectionTickAdvance: settings.bool("initial-election-tick-advance"),
    preVote: settings.bool("pre-vote"),
    snapshotCount: settings.number("snapshot-count") || 10_000,
    snapshotCatchupEntries: settings.number("snapshot-catchup-entries") || 5000,
    maxSnapshots: settings.number("max-snapshots"),
    maxWals: settings.number("max-wals"),
  };
}

function storageSettings(settings: Settings) {
  const isArray = settings.text("backend-bbolt-freelist-type") === "array";
  return {
    backendBatchIntervalMs: settings.number("backend-batch-interval") || 100,
    backendBatchLimitOps: settings.number("backend-batch-limit") || 10_000,
    backendFreelistType: isArray ? "array" : "map",
    bootstrapDefragThresholdBytes:
      settings.number("bootstrap-defrag-threshold-megabytes") * BYTES_PER_MEGABYTE,
    compactionBatchLimitRevisions: settings.number("compaction-batch-limit") || 1000,
    compactionSleepIntervalMs: settings.number("compaction-sleep-interval") || 10,
    corruptCheckTimeMs: settings.number("corrupt-check-time"),
    compactHashCheckTimeMs: settings.number("compact-hash-check-time"),
    downgradeCheckTimeMs: settings.number("downgrade-check-time"),
    unsafeNoFsync: settings.bool("unsafe-no-fsync"),
  } as const;
}

/** Time between two reports of progress to a watcher: 0 is ten minutes, and no less than 100 ms. */
function watchProgressInterval(settings: Settings): number {
  const intervalMs = settings.number("watch-progress-notify-interval") || 600_000;
  return Math.max(intervalMs, 100);
}

function requestSettings(settings: Settings) {
  return {
    maxTxnOps: settings.number("max-txn-ops"),
    maxRequestBytes: settings.number("max-request-bytes"),
    maxConcurrentStreams: settings.number("max-concurrent-streams"),
    grpcKeepaliveMinTimeMs: settings.number("grpc-keepalive-min-time"),
    grpcKeepaliveIntervalMs: settings.number("grpc-keepalive-interval"),
    grpcKeepaliveTimeoutMs: settings.number("grpc-keepalive-timeout"),
    watchProgressNotifyIntervalMs: watchProgressInterval(settings),
    warningApplyDurationMs: settings.number("warning-apply-duration"),
    warningUnaryRequestDurationMs: settings.number("warning-unary-request-duration") || 300,
  };
}
