/** The client library: `import { Client } from "skein/client"`. See docs/client.md. */
export { Client } from "./client.ts";
export type { ClientOptions } from "./client.ts";
export type { CallOptions, RetryNotice } from "./transport/channel.ts";
export type { Cluster } from "./cluster.ts";
export type { Keepalive } from "./transport/connection.ts";
export { codeNames } from "../wire/grpc/status.ts";
export { encodeResult } from "./encode-result.ts";
export { EtcdError, GrpcCode } from "./errors.ts";
export { prefixEnd } from "./keys.ts";
export type { Kv, RangeChunk, TxnBuilder } from "./kv.ts";
export type { KeptLease } from "./kept-lease.ts";
export type { Lease, LeaseListResult, LeaseResult, TimeToLiveResult } from "./lease.ts";
export type { Maintenance } from "./maintenance.ts";
export { compare, ops } from "./ops.ts";
export type { Condition, Op, Relation, TxnParts } from "./ops.ts";
export type {
  ClientPlatform,
  ClientSocket,
  SocketHandler,
  Target,
  TlsOptions,
} from "./platform.ts";
export type * from "./types.ts";
export { WatchCompactedError } from "./watch.ts";
export type { WatchBatch, Watches, WatchEvent, WatchOptions } from "./watch.ts";
