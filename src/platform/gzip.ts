/** The result of unpacking: bytes, or why there are none. */
export type Unpacked = Uint8Array | "corrupt" | "tooLarge";

/** gzip on the calling thread, for pieces so small that it takes milliseconds at most. */
export interface Gzip {
  /** Unpacks `bytes[start, end)` to at most `maxBytes`, never allocating much beyond them. */
  unpack(bytes: Uint8Array, start: number, end: number, maxBytes: number): Unpacked;
  /** Packs `bytes[start, end)`. */
  pack(bytes: Uint8Array, start: number, end: number): Uint8Array;
}
