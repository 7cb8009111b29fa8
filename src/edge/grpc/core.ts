import type { Clock } from "../../platform/clock.ts";
import type { Gzip } from "../../platform/gzip.ts";
import type { Logger } from "../../platform/logger.ts";
import type { Code, RpcService } from "../../service/rpc.ts";
import { StatusBlocks } from "../../wire/grpc/reply-blocks.ts";
import { codeCount } from "../../wire/grpc/status.ts";
import { SlabPool } from "../../wire/h2/output.ts";
import type { HeaderBudget } from "../../wire/h2/types.ts";
import type { Call } from "./call.ts";
import { CallTable } from "./call-table.ts";
import { GrpcCounters } from "./counters.ts";
import { Deadlines } from "./deadlines.ts";
import { Flusher } from "./turns/flusher.ts";
import { Intake } from "./turns/intake.ts";
import type { GrpcConnection } from "./connection.ts";
import {
  callRecordBytes,
  type GrpcLimits,
  headerAssemblyBytes,
  modestConnectionBytes,
  reserveFactor,
} from "./limits.ts";
import { MethodTable } from "./method-table.ts";
import { RequestHead } from "./request-head.ts";

/** A request that is not gRPC. */
export interface PlainRequest {
  readonly method: string;
  /** With query. */
  readonly path: string;
  readonly authority: string;
}

/** Answers plain HTTP requests that come over HTTP/2; `respond` may be called later, once. */
export type PlainHandler = (
  request: PlainRequest,
  respond: (status: number, contentType: string, body: Uint8Array) => void,
) => void;

/** What a door is made of. */
export interface GrpcDoorOptions {
  readonly clock: Clock;
  readonly service: RpcService;
  readonly limits: GrpcLimits;
  readonly gzip: Gzip;
  readonly logger: Logger;
  /** Answers requests that are not gRPC; without it they get 415. */
  readonly plain?: PlainHandler;
}

/** What all connections of a door share. */
export class DoorCore {
  readonly clock: Clock;
  readonly service: RpcService;
  readonly limits: GrpcLimits;
  readonly gzip: Gzip;
  readonly logger: Logger;
  readonly plain: PlainHandler | null;
  readonly calls: CallTable;
  readonly counters: GrpcCounters;
  readonly deadlines: Deadlines;
  readonly flusher: Flusher;
  readonly intake: Intake;
  readonly methods: MethodTable;
  readonly head: RequestHead;
  readonly blocks = new StatusBlocks();
  readonly headerBudget: HeaderBudget;
  readonly slabs = new SlabPool();
  /** Queued replies, calls, messages in pieces and metadata of all connections, bytes. */
  memoryUsedBytes = 0;

  constructor(options: GrpcDoorOptions, expired: (call: Call) => void) {
    this.clock = options.clock;
    this.service = options.service;
    this.limits = options.limits;
    this.gzip = options.gzip;
    this.logger = options.logger;
    this.plain = options.plain ?? null;
    this.calls = new CallTable(options.limits.maxCalls);
    this.methods = new MethodTable(options.service.methods);
    this.counters = new GrpcCounters(options.service.methods);
    this.deadlines = new Deadlines(options.clock, expired);
    const intake = new Intake(options.clock);
    this.intake = intake;
    this.flusher = new Flusher(options.clock, () => intake.nextTurn());
    this.head = new RequestHead(this.methods, this.counters);
    this.headerBudget = { takenBytes: 0, maxBytes: headerAssemblyBytes };
  }

  /**
   * True when new work of `connection` must be refused until something has drained: it holds too
   * much itself, or all together do. Connections that hold little are served longest, so that those
   * who filled the memory cannot shut out the others.
   */
  overMemory(connection: GrpcConnection): boolean {
    const { memoryBytes, connectionMemoryBytes } = this.limits;
    const own = connection.memoryUsedBytes;
    if (own > connectionMemoryBytes) return true;
    if (this.memoryUsedBytes <= memoryBytes) return false;
    return own > modestConnectionBytes || this.memoryUsedBytes > memoryBytes * reserveFactor;
  }

  /** Sets what `call`, which is live, holds of the door's memory beside itself. */
  charge(call: Call, bytes: number): void {
    const more = bytes - call.chargedBytes;
    this.memoryUsedBytes += more;
    (call.connection as GrpcConnection).memoryUsedBytes += more;
    call.chargedBytes = bytes;
  }

  /** `connection` holds so much more (or less) of the memory: output, or records of calls. */
  hold(connection: GrpcConnection, bytes: number): void {
    this.memoryUsedBytes += bytes;
    connection.memoryUsedBytes += bytes;
  }

  /** Takes a call out of everything; its token is dead afterwards. */
  release(call: Call, code: Code): void {
    const { connection } = call;
    if (connection === null) return;
    const counts = this.counters.handled;
    const at = call.methodId * codeCount + code;
    counts[at] = (counts[at] as number) + 1;
    connection.streams.remove(call);
    this.hold(connection, -callRecordBytes);
    this.deadlines.remove(call);
    if (call.chargedBytes > 0) this.charge(call, 0);
    this.calls.release(call);
  }
}
