import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** Where what clients once sent is kept: per file the connections of one client. */
export const RECORDINGS_DIR: string = path.join(import.meta.dirname, "recordings");

/** The bytes that one client sent on one connection, from the first on, perhaps cut off. */
export interface Recording {
  readonly client: string;
  readonly bytes: Uint8Array;
}

/** Joins connections into the content of a file: each with four bytes of length before it. */
export function packRecordings(connections: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    connections.flatMap((bytes) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}

/** Every recorded connection, in a fixed order. */
export function readRecordings(): Recording[] {
  const found: Recording[] = [];
  for (const name of readdirSync(RECORDINGS_DIR).sort()) {
    const file = readFileSync(path.join(RECORDINGS_DIR, name));
    for (let at = 0; at < file.length;) {
      const end = at + 4 + file.readUInt32BE(at);
      found.push({ client: name.replace(/\.bin$/, ""), bytes: file.subarray(at + 4, end) });
      at = end;
    }
  }
  return found;
}
