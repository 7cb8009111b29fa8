import type { Platform } from "../platform/platform.ts";
import { SLOW_SYNC_MS, type WalOptions } from "../storage/wal/wal.ts";
import type { MemberConfig } from "./config.ts";

/** How a member's log is kept, and what it counts. */
export function walOptions(
  platform: Platform,
  config: MemberConfig,
): Omit<WalOptions, "onDurable" | "onFailure"> {
  const { disk, clock, logger, metrics } = platform;
  const fsync = metrics.histogram({
    name: "etcd_disk_wal_fsync_duration_seconds",
    help: "The latency distributions of fsync called by WAL.",
    buckets: exponentialBuckets(0.001, 2, 14),
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
    disk,
    clock,
    dir: config.walDir,
    unsafeNoFsync: config.unsafeNoFsync,
    commitIsDurable: !config.unsafeNoFsync,
    observer: {
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
    },
  };
}

/** `count` upper bounds from `start`, each `factor` times the one before (as Prometheus counts). */
function exponentialBuckets(start: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, power) => start * factor ** power);
}
