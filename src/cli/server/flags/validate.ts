import type { MemberUrl } from "../../../member/config.ts";
import { goDuration } from "../../go/go-text.ts";
import { parseRetention } from "./retention.ts";
import type { Settings } from "./settings.ts";
import { bindError, hostError } from "../../common/urls.ts";

const ELECTION_MAX_MS = 50_000;
const TLS_VERSIONS = ["", "TLS1.2", "TLS1.3"];
const TRACING_RATE_MAX = 1_000_000;

/**
 * etcd's checks in etcd's order, with etcd's words. Null when all is well. One is missing: with
 * `--listen-client-urls` alone etcd demands `--advertise-client-urls`; see `advertiseClientUrls`.
 */
export function validate(settings: Settings): string | null {
  return (
    checkFallback(settings) ??
    checkLogging(settings) ??
    checkUrls(settings) ??
    checkBootstrap(settings) ??
    checkTicks(settings) ??
    checkFeatures(settings) ??
    checkTls(settings)
  );
}

function checkFallback(settings: Settings): string | null {
  if (settings.text("discovery-fallback") !== "proxy") return null;
  return `v2 proxy is deprecated, and --discovery-fallback can't be configured as "proxy"`;
}

function checkLogging(settings: Settings): string | null {
  const logger = settings.text("logger");
  if (logger === "capnslog") return "--logger=capnslog is removed in v3.5";
  if (logger !== "zap") return `unknown logger option "${logger}"`;
  const outputs = settings.list("log-outputs");
  if (outputs.length === 0) return "logger outputs is empty";
  if (outputs.length > 1 && outputs.includes("default")) {
    return `multi logoutput for "default" is not supported yet`;
  }
  if (settings.bool("enable-log-rotation")) {
    const files = outputs.filter((each) => !["default", "stderr", "stdout"].includes(each));
    if (outputs.length !== 1 || files.length !== 1) {
      return "--log-outputs requires a single file path when --log-rotate-config-json is defined";
    }
  }
  const level = settings.text("log-level");
  if (!["debug", "info", "warn", "error", "dpanic", "panic", "fatal"].includes(level)) {
    return `unrecognized level: "${level}"`;
  }
  const format = settings.text("log-format");
  if (format === "json" || format === "console") return null;
  return `unknown log format: ${format}, supported values json, console`;
}

function texts(urls: readonly MemberUrl[]): string {
  return urls.map((url) => url.text).join(",");
}

function checkUrls(settings: Settings): string | null {
  const listeners = [
    "listen-peer-urls",
    "listen-client-urls",
    "listen-client-http-urls",
    "listen-metrics-urls",
  ];
  for (const name of listeners) {
    const cause = bindError(settings.urls(name));
    if (cause !== null) return cause;
  }
  const peers = settings.urls("initial-advertise-peer-urls");
  const peerCause = hostError(peers);
  if (peerCause !== null) {
    return `--initial-advertise-peer-urls "${texts(peers)}" must be "host:port" (${peerCause})`;
  }
  const clients = settings.urls("advertise-client-urls");
  const clientCause = hostError(clients);
  if (clientCause === null) return null;
  const forms = `"host:port", "unix:/path/to/socket" or "unixs:/path/to/socket"`;
  const flag = `--advertise-client-urls "${texts(clients)}"`;
  return `${flag} must be in the format ${forms} (${clientCause})`;
}

/** Discovery clears the default cluster, so only one that was named conflicts with it. */
function checkBootstrap(settings: Settings): string | null {
  const state = settings.text("initial-cluster-state");
  if (state !== "new" && state !== "existing") return `unexpected clusterState "${state}"`;
  const endpoints = settings.list("discovery-endpoints");
  const ways = [
    settings.isSet("initial-cluster") && settings.text("initial-cluster") !== "",
    settings.text("discovery-srv") !== "",
    endpoints.length > 0,
  ];
  if (ways.filter(Boolean).length > 1) {
    const names = `"initial-cluster", "discovery-endpoints" or "discovery-srv"`;
    return `multiple discovery or bootstrap flags are set. Choose one of ${names}`;
  }
  if ((settings.text("discovery-token") !== "") !== endpoints.length > 0) {
    return "both --discovery-token and --discovery-endpoints must be set";
  }
  return null;
}

function checkTicks(settings: Settings): string | null {
  const tick = settings.number("heartbeat-interval");
  const election = settings.number("election-timeout");
  if (tick === 0) return "--heartbeat-interval must be >0 (set to 0ms)";
  if (election === 0) return "--election-timeout must be >0 (set to 0ms)";
  const flag = `--election-timeout[${election}ms]`;
  if (5 * tick > election) {
    return `${flag} should be at least as 5 times as --heartbeat-interval[${tick}ms]`;
  }
  if (election <= ELECTION_MAX_MS) return null;
  return `${flag} is too long, and should be set less than ${ELECTION_MAX_MS}ms`;
}

function checkFeatures(settings: Settings): string | null {
  const mode = settings.text("auto-compaction-mode");
  if (mode === "") return "undefined auto-compaction-mode";
  if (mode !== "periodic" && mode !== "revision") return `unknown auto-compaction-mode "${mode}"`;
  const rate = settings.number("distributed-tracing-sampling-rate");
  if (settings.bool("enable-distributed-tracing") && (rate < 0 || rate > TRACING_RATE_MAX)) {
    const cause =
      rate < 0
        ? "tracing sampling rate must be positive"
        : `tracing sampling rate must be less than ${TRACING_RATE_MAX}`;
    return `distributed tracing configurition is not valid: (${cause})`;
  }
  const gates = settings.gates();
  if (gates.LeaseCheckpointPersist && !gates.LeaseCheckpoint) {
    const needs = "requires enabling feature gate LeaseCheckpoint";
    return `enabling feature gate LeaseCheckpointPersist ${needs}`;
  }
  const hashCheckMs = settings.number("compact-hash-check-time");
  if (hashCheckMs <= 0) {
    return `--compact-hash-check-time must be >0 (set to ${goDuration(hashCheckMs)})`;
  }
  const retention = parseRetention(mode, settings.text("auto-compaction-retention"));
  return "error" in retention ? retention.error : null;
}

function checkTls(settings: Settings): string | null {
  const min = settings.text("tls-min-version");
  const max = settings.text("tls-max-version");
  for (const version of [min, max]) {
    if (!TLS_VERSIONS.includes(version)) {
      return `unexpected TLS version "${version}" (must be one of: TLS1.2, TLS1.3)`;
    }
  }
  if (max !== "" && min > max) {
    return `min version (${min}) is greater than max version (${max})`;
  }
  if (min === "TLS1.3" && settings.list("cipher-suites").length > 0) {
    return "cipher suites cannot be configured when only TLS1.3 is enabled";
  }
  return null;
}
