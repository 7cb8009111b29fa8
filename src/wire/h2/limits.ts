/**
 * Every bound of the engine, with its reason. What an owner may change is in `H2Options`; the rest
 * protects the process from a peer and is fixed.
 */

/** etcd (grpc-go) accepts header lists up to this on its plain ports. */
export const headerListMaxBytes = 16 * 1024 * 1024;

/**
 * Room for a few MB of put in flight on a stream without waiting for credit, at LAN round trips.
 */
export const streamWindowBytes = 1024 * 1024;

/** Several such streams at once; credit is not memory: bodies are handed on as they arrive. */
export const connectionWindowBytes = 4 * 1024 * 1024;

/**
 * Output beyond which bodies wait in their streams: one write that keeps a fast socket busy, and
 * little enough that a small reply behind it is not felt.
 */
export const outputHighWaterBytes = 64 * 1024;

/** A stream's queue beyond which its producer is asked to wait: one write's worth. */
export const streamHighWaterBytes = 64 * 1024;

/**
 * A message so small goes out at once though larger ones wait their turn (it delays them by µs).
 */
export const smallMessageBytes = 4096;

/** Most of one stream per turn when several wait: the smallest frame size every peer accepts. */
export const turnBytes = 16_384;

/**
 * Control frames (acks, resets, credit) a peer that does not read may make us queue: 20,000 pings.
 */
export const controlBacklogMaxBytes = 512 * 1024;

/** What a queued piece costs beyond its bytes: its record, and the buffer's own (measured). */
export const queuedItemBytes = 512;

/**
 * Replies waiting for a reader beyond which further requests are refused (a client may safely try
 * those again elsewhere): a hundred ordinary replies of the largest kind that are not pulled.
 */
export const sendQueueRefuseBytes = 16 * 1024 * 1024;

/** Replies waiting for one connection beyond which it is not worth keeping. */
export const sendQueueMaxBytes = 256 * 1024 * 1024;

/**
 * Open streams of one connection when no limit is announced. etcd has none; ten thousand watches
 * are usual, and this bounds what bare HEADERS frames can occupy to about 100 MB.
 */
export const streamsHardMax = 131_072;

/** A header block may be in this many CONTINUATION frames, however small … */
export const continuationFreeFrames = 16;
/** … and in one more for each so many bytes: nobody splits a block finer without ill intent. */
export const continuationLeastBytes = 1024;

/** Header blocks up to this are not counted against the shared budget: everybody has one. */
export const headerBlockFreeBytes = 64 * 1024;

/** Header blocks under assembly on all connections of a door. */
export const headerBudgetBytes = 64 * 1024 * 1024;

/**
 * Frames that cost us work and carry nothing (PING, WINDOW_UPDATE, PRIORITY, unknown types, empty
 * DATA): a purse of this many, refilled by time and by real traffic. grpc-go probes bandwidth with
 * a PING per round trip while data flows, and acknowledges data with WINDOW_UPDATEs; both earn more
 * than they spend.
 */
export const controlFramesBurst = 2000;
/** Refill of that purse by time. */
export const controlFramesPerSecond = 500;
/** What each HEADERS or DATA frame sent, and each DATA frame with content received, earns. */
export const controlFramesEarned = 4;
/** A SETTINGS frame costs as much as so many others … */
export const settingsFrameCost = 20;
/** … and one more for each so many open streams: it makes us walk over all of them. */
export const settingsStreamsPerCost = 256;

/**
 * Streams that end by RST_STREAM, or that we must reset by the peer's fault (rapid reset,
 * CVE-2023-44487; CVE-2025-8671). A client with a thousand calls under way may cancel all at
 * once; a stream that ends well earns one.
 */
export const resetsBurst = 2000;
/** Refill of that purse by time. */
export const resetsPerSecond = 200;

/** grpc-go bears two pings too many before it ends the connection. */
export const pingStrikesMax = 2;
/** With no stream open grpc-go permits a ping only this often. */
export const idlePingIntervalMs = 2 * 60 * 60 * 1000;

/** How long a graceful end waits for the answer to its ping before it names the last stream. */
export const shutdownPingWaitMs = 5000;

/** Debug text of a GOAWAY that is shown, characters. */
export const debugTextMax = 256;

/** Header table of ours that the peer may use, and that we use of the peer's: HTTP/2's default. */
export const headerTableBytes = 4096;
