/** The result of unpacking a message. */
export type Unpacked = Uint8Array | "corrupt" | "tooLarge";

/** gzip for messages, injected: the implementation is the platform's. Both calls block briefly. */
export interface GzipCodec {
  /** Unpacks `bytes[start, end)` to at most `maxBytes`, never allocating much beyond them. */
  unpack(bytes: Uint8Array, start: number, end: number, maxBytes: number): Unpacked;
  /** Packs `bytes[start, end)`. */
  pack(bytes: Uint8Array, start: number, end: number): Uint8Array;
}

/** `grpc-encoding` values that this house speaks. */
export type MessageEncoding = "identity" | "gzip";

/** Longer messages are sent unpacked (flag 0), so that packing stops nobody for over about 3 ms. */
export const packMaxBytes = 131_072;
