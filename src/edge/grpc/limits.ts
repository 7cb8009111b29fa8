/** What a gRPC door may use and demands; every number is inclusive. */
export interface GrpcLimits {
  /** Largest request message after unpacking, bytes: etcd's max-request-bytes + 512 KiB. */
  readonly maxMessageBytes: number;
  /** Open connections. */
  readonly maxConnections: number;
  /** Live calls over all connections. */
  readonly maxCalls: number;
  /** SETTINGS_MAX_CONCURRENT_STREAMS; undefined: not announced. */
  readonly maxConcurrentStreams: number | undefined;
  /** Memory for queued replies and messages in pieces, all connections together, bytes. */
  readonly memoryBytes: number;
  /** The same of one connection, bytes. */
  readonly connectionMemoryBytes: number;
  /** Largest decoded header list, bytes. */
  readonly maxHeaderListBytes: number;
  /** From accept to the client's first SETTINGS, ms. */
  readonly handshakeMs: number;
  /** After our GOAWAY: for the client to close, ms. */
  readonly lingerMs: number;
  /** Least time between pings of a client, ms. */
  readonly pingMinIntervalMs: number;
  /** Our own ping after so long a silence, ms; 0: none. */
  readonly pingAfterMs: number;
  /** Close when it is not answered within, ms. */
  readonly pingTimeoutMs: number;
}

/** max-request-bytes of etcd, 1.5 MiB. */
const maxRequestBytes = 1_572_864;

/** What etcd allows a message to have beyond the request in it. */
const messageOverheadBytes = 524_288;

/** The limits of etcd 3.7.1 where it has one, else what is reasoned beside each. */
export const defaultGrpcLimits: GrpcLimits = {
  maxMessageBytes: maxRequestBytes + messageOverheadBytes,
  // About 12 KiB each when idle: 240 MiB at the most; more than etcd's tests of scale use.
  maxConnections: 20_000,
  // Slots are numbered with 20 bits; a record with its reader has about 400 bytes.
  maxCalls: 1_000_000,
  maxConcurrentStreams: undefined,
  // With what the collector has not yet taken back it stays below the 256 MiB meant for it.
  memoryBytes: 224 * 1024 * 1024,
  // 16 largest messages: a well-behaved client is never near it.
  connectionMemoryBytes: 32 * 1024 * 1024,
  maxHeaderListBytes: 16 * 1024 * 1024,
  // grpc-go's time for the handshake.
  handshakeMs: 120_000,
  lingerMs: 5000,
  pingMinIntervalMs: 5000,
  pingAfterMs: 7_200_000,
  pingTimeoutMs: 20_000,
};

/** The limits with those of etcd's flags put in. */
export function grpcLimits(
  changes: Partial<GrpcLimits> & { maxRequestBytes?: number },
): GrpcLimits {
  const { maxRequestBytes: requestBytes, ...others } = changes;
  const limits = { ...defaultGrpcLimits, ...others };
  if (requestBytes === undefined) return limits;
  return { ...limits, maxMessageBytes: requestBytes + messageOverheadBytes };
}

/**
 * Bytes taken from a connection and given to its socket in one turn; small against a 10 Gbit/s
 * tick.
 */
export const flushSliceBytes = 64 * 1024;

/** What a live call costs at least: its record, the stream's, what a service keeps; measured. */
export const callRecordBytes = 1024;

/** A request message so small is among that, bytes; a larger one counts until its call ends. */
export const smallRequestBytes = 512;

/** A connection that holds no more than this is served when others have filled the memory … */
export const modestConnectionBytes = 64 * 1024;
/** … up to so much more of it. */
export const reserveFactor = 1.25;

/** Time for making pulled replies in one turn, ms; what is left waits for the next turn. */
export const flushTurnMs = 0.5;

/**
 * Time for handling input in one turn, ms: sockets are written, jobs and timers run only after it,
 * and all of them together may take 10 ms.
 */
export const intakeTurnMs = 3;

/**
 * Input handled between two looks at the clock, bytes: 400 of the smallest requests, about 2 ms;
 * requests of any other kind come in hardly more pieces than they would anyway.
 */
export const intakeSliceBytes = 16 * 1024;

/** How often connections are looked at (pings, handshakes, lingering), ms. */
export const tickMs = 1000;

/** Queue of one stream beyond which its producer is asked to wait, bytes. */
export const streamHighWaterBytes = 64 * 1024;

/** Output beyond which reading from a connection stops, and beyond which bodies wait, bytes. */
export const outputHighWaterBytes = 64 * 1024;

/** A request body may be under way by so much, bytes: one largest message in one round trip. */
export const streamWindowBytes = 1024 * 1024;

/** The same over all streams of a connection, bytes. */
export const connectionWindowBytes = 2 * 1024 * 1024;

/** Header blocks under assembly, all connections together, bytes. */
export const headerAssemblyBytes = 64 * 1024 * 1024;
