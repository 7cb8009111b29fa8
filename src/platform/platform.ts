import type { MetricsRegistry } from "../base/metrics/registry.ts";
import type { Clock } from "./clock.ts";
import type { Crypto } from "./crypto.ts";
import type { Disk } from "./disk.ts";
import type { Gzip } from "./gzip.ts";
import type { HttpServerFactory } from "./http.ts";
import type { Logger } from "./logger.ts";
import type { Network } from "./network.ts";
import type { Random } from "./random.ts";

/** The whole outside world of a member. Real in platform/node, simulated in sim/world. */
export interface Platform {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly network: Network;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly logger: Logger;
  /** One per member; components see it as `Metrics`. */
  readonly metrics: MetricsRegistry;
  readonly gzip?: Gzip;
  /** Absent where only HTTP/2 is spoken (the simulator). */
  readonly httpServer?: HttpServerFactory;
}
