/** Numbers of the frame layer, RFC 9113 §4 and §6. */

/** Size of a frame header (§4.1). */
export const frameHeaderBytes = 9;

/** Frame types (§6). */
export const FrameType = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goaway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const;

/** Frame flags; which mean something depends on the type. */
export const Flag = {
  endStream: 0x1,
  ack: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const;

/** SETTINGS identifiers (§6.5.2). */
export const Setting = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
} as const;

/** What a client says first (§3.4), as characters. */
export const clientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** Largest flow-control window (§6.9.1). */
export const windowMaxBytes = 0x7fffffff;
/** Largest stream id (§5.1.1). */
export const streamIdMax = 0x7fffffff;
/** Windows before any SETTINGS or WINDOW_UPDATE (§6.9.2). */
export const initialWindowBytes = 65_535;
/** Least value of SETTINGS_MAX_FRAME_SIZE (§6.5.2), and the default. */
export const frameBytesLeast = 16_384;
/** Largest value of SETTINGS_MAX_FRAME_SIZE. */
export const frameBytesMost = 16_777_215;

/** Reads an unsigned 32-bit number. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

/** Reads a 31-bit number, the reserved bit ignored. */
export function readUint31(bytes: Uint8Array, at: number): number {
  return ((bytes[at] & 0x7f) << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}

/** Writes an unsigned 32-bit number. */
export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
