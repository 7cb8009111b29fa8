import { MetricsRegistry } from "../../base/metrics/registry.ts";
import type { Logger } from "../logger.ts";
import type { Platform } from "../platform.ts";
import { NodeClock } from "./clock.ts";
import { nodeCrypto } from "./crypto.ts";
import { NodeDisk } from "./disk.ts";
import { NodeNetwork } from "./network.ts";
import { registerProcessMetrics } from "./process-metrics.ts";
import { NodeRandom } from "./random.ts";

/** A platform of the operating system with what it takes to look at it and to let it go. */
export interface NodePlatform extends Platform {
  /** Ends the disk thread; after the member has closed. */
  close(): void;
}

/** The real world for one member. */
export function nodePlatform(logger: Logger): NodePlatform {
  const disk = new NodeDisk();
  const metrics = new MetricsRegistry();
  const stopSampling = registerProcessMetrics(metrics);
  return {
    clock: new NodeClock(),
    disk,
    network: new NodeNetwork(),
    random: new NodeRandom(),
    crypto: nodeCrypto,
    logger,
    metrics,
    close: () => {
      stopSampling();
      disk.close(() => {});
    },
  };
}
