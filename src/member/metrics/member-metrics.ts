import { alarmName } from "../../cluster/alarms.ts";
import type { MetricsRegistry } from "../../base/metrics/registry.ts";
import { EMULATED_VERSION } from "../../service/maintenance/maintenance-service.ts";
import type { MemberConfig } from "../config.ts";
import type { Core } from "../core.ts";
import { registerLeaseMetrics } from "./lease-metrics.ts";
import { watchMetrics } from "./watch-metrics.ts";

type Read = () => number;

/** Registers what the member's parts know, under etcd's names; everything is read when scraped. */
export function registerMemberMetrics(
  metrics: MetricsRegistry,
  core: Core,
  config: MemberConfig,
): void {
  const gauge = (name: string, help: string, read: Read): void =>
    metrics.sampled({ name, help, type: "gauge" }, read);
  const counter = (name: string, help: string, read: Read): void =>
    metrics.sampled({ name, help, type: "counter" }, read);
  registerServer(core, config, gauge, counter);
  registerStore(core, gauge);
  registerLeaseMetrics(metrics, core);
  watchMetrics(metrics, core);
  registerInfo(metrics, core);
}

type Register = (name: string, help: string, read: Read) => void;

function registerServer(
  core: Core,
  config: MemberConfig,
  gauge: Register,
  counter: Register,
): void {
  const { node } = core.group;
  const hasLeader = (): number => (node.leader === 0n ? 0 : 1);
  const isLeader = (): number => (node.leader === node.id ? 1 : 0);
  gauge(
    "etcd_server_has_leader",
    "Whether or not a leader exists. 1 is existence, 0 is not.",
    hasLeader,
  );
  gauge(
    "etcd_server_is_leader",
    "Whether or not this member is a leader. 1 if is, 0 otherwise.",
    isLeader,
  );
  gauge(
    "etcd_server_is_learner",
    "Whether or not this member is a learner. 1 if is, 0 otherwise.",
    () => 0,
  );
  counter("etcd_server_leader_changes_seen_total", "The number of leader changes seen.", hasLeader);
  gauge(
    "etcd_server_proposals_committed_total",
    "The total number of consensus proposals committed.",
    () => node.commitIndex,
  );
  gauge(
    "etcd_server_proposals_applied_total",
    "The total number of consensus proposals applied.",
    () => node.appliedIndex,
  );
  gauge(
    "etcd_server_proposals_pending",
    "The current number of pending proposals to commit.",
    () => core.service.proposer.pending,
  );
  counter(
    "etcd_server_proposals_failed_total",
    "The total number of failed proposals seen.",
    () => core.service.proposer.failures,
  );
  gauge(
    "etcd_server_quota_backend_bytes",
    "Current backend storage quota size in bytes.",
    () => config.quotaBackendBytes,
  );
}

function registerStore(core: Core, gauge: Register): void {
  const { store, backend } = core;
  gauge(
    "etcd_mvcc_db_total_size_in_bytes",
    "Total size of the underlying database physically allocated in bytes.",
    () => backend.sizeBytes,
  );
  gauge(
    "etcd_mvcc_db_total_size_in_use_in_bytes",
    "Total size of the underlying database logically in use in bytes.",
    () => backend.sizeInUseBytes,
  );
  gauge("etcd_debugging_mvcc_keys_total", "Total number of keys.", () => store.keyCount);
  gauge(
    "etcd_debugging_mvcc_current_revision",
    "The current revision of store.",
    () => store.currentRevision,
  );
  gauge(
    "etcd_debugging_mvcc_compact_revision",
    "The revision of the last compaction in store.",
    () => store.compactRevision,
  );
}

function registerInfo(metrics: MetricsRegistry, core: Core): void {
  const info = (name: string, help: string, label: string, read: () => string | null): void =>
    metrics.collected({ name, help, type: "gauge", labels: [label] }, (emit) => {
      const value = read();
      if (value !== null) emit(1, [value]);
    });
  info(
    "etcd_server_version",
    "Which version is running. 1 for 'server_version' label with current version.",
    "server_version",
    () => EMULATED_VERSION,
  );
  info(
    "etcd_server_id",
    "Server or member ID in hexadecimal format. 1 for 'server_id' label with current ID.",
    "server_id",
    () => core.start.memberId.toString(16),
  );
  info(
    "etcd_cluster_version",
    "Which version is running. 1 for 'cluster_version' label with current cluster version",
    "cluster_version",
    () => core.membership.clusterVersion?.split(".").slice(0, 2).join(".") ?? null,
  );
  metrics.collected(
    {
      name: "etcd_debugging_server_alarms",
      help:
        "Alarms for every member in cluster. 1 for 'server_id' label with current ID. " +
        "2 for 'alarm_type' label with type of this alarm",
      type: "gauge",
      labels: ["server_id", "alarm_type"],
    },
    (emit) => {
      // One that was cleared stays, at 0: a series that vanishes looks like a scrape that failed.
      for (const { memberId, type } of core.alarms.seen()) {
        const value = core.alarms.has(memberId, type) ? 1 : 0;
        emit(value, [memberId.toString(16), alarmName(type)]);
      }
    },
  );
}
