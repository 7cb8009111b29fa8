import { GrpcDoor } from "../edge/grpc/door.ts";
import { grpcLimits } from "../edge/grpc/limits.ts";
import type { ByteSocket, SocketHandler } from "../platform/network.ts";
import type { Platform } from "../platform/platform.ts";
import { NodeGzip } from "../platform/node/gzip.ts";
import type { MemberConfig } from "./config.ts";
import type { Core } from "./core.ts";

/** The doors of a member: what is behind its client ports. */
export interface Doors {
  accept(socket: ByteSocket): SocketHandler | null;
  /** Takes no new calls; `drained` when the last one has ended. */
  shutdown(drained: () => void): void;
  /** Cuts every connection. */
  close(): void;
}

/** etcd's way to say "no limit" of streams on a connection. */
const STREAMS_UNLIMITED = 4_294_967_295;

/** Opens the doors; the sockets come from the listeners. */
export function openDoors(config: MemberConfig, platform: Platform, core: Core): Doors {
  const { clock, logger } = platform;
  const streams = config.maxConcurrentStreams;
  return new GrpcDoor({
    clock,
    logger,
    service: core.service.router,
    gzip: new NodeGzip(),
    limits: grpcLimits({
      maxRequestBytes: config.maxRequestBytes,
      maxConcurrentStreams: streams === STREAMS_UNLIMITED ? undefined : streams,
      pingMinIntervalMs: config.grpcKeepaliveMinTimeMs,
      pingAfterMs: config.grpcKeepaliveIntervalMs,
      pingTimeoutMs: config.grpcKeepaliveTimeoutMs,
    }),
  });
}
