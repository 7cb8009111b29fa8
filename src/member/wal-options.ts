import type { Platform } from "../platform/platform.ts";
import type { WalOptions } from "../storage/wal/wal.ts";
import type { MemberConfig } from "./config.ts";
import { walMetrics } from "./metrics/disk-metrics.ts";

/** How a member's log is kept, and what it counts. */
export function walOptions(
  platform: Platform,
  config: MemberConfig,
): Omit<WalOptions, "onDurable" | "onFailure"> {
  const { disk, clock, logger, metrics } = platform;
  return {
    disk,
    clock,
    dir: config.walDir,
    unsafeNoFsync: config.unsafeNoFsync,
    commitIsDurable: !config.unsafeNoFsync,
    observer: walMetrics(metrics, logger),
  };
}
