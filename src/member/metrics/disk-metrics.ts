import type { Logger } from "../../platform/logger.ts";
import type { Histogram, Metrics } from "../../platform/metrics.ts";
import { SLOW_SYNC_MS, type WalOptions } from "../../storage/wal/wal.ts";
import type { CommitObserver } from "../../storage/backend/bolt-pages/page-store.ts";

/** What the log's observer is, which etcd's metrics of it are made from. */
export type WalObserver = NonNullable<WalOptions["observer"]>;

/** etcd's for all of them: 1 ms to 8 s. */
const BUCKETS = exponentialBuckets(0.001, 2, 14);

/** Registers what is counted of the log; a slow sync is logged, too. */
export function walMetrics(metrics: Metrics, logger: Logger): WalObserver {
  const fsync = metrics.histogram({
    name: "etcd_disk_wal_fsync_duration_seconds",
    help: "The latency distributions of fsync called by WAL.",
    buckets: BUCKETS,
  });
  const slow = metrics.counter({
    name: "skein_disk_slow_syncs_total",
    help: "Syncs of the log that took longer than a second.",
  });
  let writtenBytes = 0;
  metrics.sampled(
    {
      name: "etcd_disk_wal_write_bytes_total",
      help: "Total number of bytes written in WAL.",
      type: "gauge",
    },
    () => writtenBytes,
  );
  return {
    synced: (durationMs) => {
      fsync.observe(durationMs / 1000);
      if (durationMs <= SLOW_SYNC_MS) return;
      slow.add(1);
      logger.log("warn", "slow fdatasync", {
        took: `${Math.round(durationMs)}ms`,
        "expected-duration": `${SLOW_SYNC_MS}ms`,
      });
    },
    written: (bytes) => {
      writtenBytes += bytes;
    },
  };
}

/**
 * Registers etcd's histograms of what a commit of the database takes; they are there before the
 * first one. Merging a batch into the trees is what bbolt calls spill;
 * pages that became sparse join in the same pass, so rebalancing takes no time of its own.
 */
export function commitMetrics(metrics: Metrics): CommitObserver {
  const histogram = (name: string, help: string): Histogram =>
    metrics.histogram({ name, help, buckets: BUCKETS });
  const commit = histogram(
    "etcd_disk_backend_commit_duration_seconds",
    "The latency distributions of commit called by backend.",
  );
  const phase = (name: string): Histogram =>
    histogram(
      `etcd_debugging_disk_backend_commit_${name}_duration_seconds`,
      `The latency distributions of commit.${name} called by bboltdb backend.`,
    );
  const rebalance = phase("rebalance");
  const spill = phase("spill");
  const write = phase("write");
  return (spillMs, writeMs) => {
    commit.observe((spillMs + writeMs) / 1000);
    rebalance.observe(0);
    spill.observe(spillMs / 1000);
    write.observe(writeMs / 1000);
  };
}

/** `count` upper bounds from `start`, each `factor` times the one before (as Prometheus counts). */
function exponentialBuckets(start: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, power) => start * factor ** power);
}
