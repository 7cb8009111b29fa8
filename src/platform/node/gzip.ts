import { constants, gunzipSync, gzipSync } from "node:zlib";
import type { Gzip, Unpacked } from "../gzip.ts";

/** Fast, and still 3 to 5 times smaller for text; replies are packed on the event loop. */
const level = constants.Z_BEST_SPEED;

/** gzip of zlib, on the calling thread: for pieces so small that it takes at most milliseconds. */
export class NodeGzip implements Gzip {
  /** Unpacks `bytes[start, end)`; stops as soon as the result is longer than `maxBytes`. */
  unpack(bytes: Uint8Array, start: number, end: number, maxBytes: number): Unpacked {
    try {
      // zlib refuses a limit of 0; a message of nothing is still within it.
      return gunzipSync(bytes.subarray(start, end), { maxOutputLength: Math.max(maxBytes, 1) });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code === "ERR_BUFFER_TOO_LARGE" ? "tooLarge" : "corrupt";
    }
  }

  /** Packs `bytes[start, end)`. */
  pack(bytes: Uint8Array, start: number, end: number): Uint8Array {
    return gzipSync(bytes.subarray(start, end), { level });
  }
}
