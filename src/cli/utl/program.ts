import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { NodeClock } from "../../platform/node/clock.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { NodeDisk } from "../../platform/node/disk.ts";
import type { Digest } from "../../platform/crypto.ts";
import { runUtl } from "./run.ts";
import type { World } from "./world.ts";

const STDOUT = 1;
const STDERR = 2;
/** What a shell reports of a program that the closed pipe ended: 128 and SIGPIPE. */
const EXIT_PIPE = 141;

/** Output is written at once: it must be out before the process ends, also into a pipe. */
function writeAll(descriptor: number, text: string): void {
  let bytes = Buffer.from(text, "utf8");
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(descriptor, bytes));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") process.exit(EXIT_PIPE);
      if (code !== "EAGAIN") throw error;
    }
  }
}

function newDigest(): Digest {
  const hash = createHash("sha256");
  return { update: (bytes) => void hash.update(bytes), finish: () => hash.digest() };
}

function ownVersion(): string {
  const path = new URL("../../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}

/** The machine, for one run. */
export function realWorld(): World {
  return {
    out: (text) => writeAll(STDOUT, text),
    err: (text) => writeAll(STDERR, text),
    isTerminal: isatty(STDERR),
    disk: new NodeDisk(),
    clock: new NodeClock(),
    crypto: nodeCrypto,
    newDigest,
    hashSeed: randomBytes(4).readUInt32LE(),
    sleep: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
  };
}

/** Runs the tool on this process's arguments and streams; ends the process. */
export async function main(): Promise<never> {
  process.exit(await runUtl(process.argv.slice(2), realWorld(), ownVersion()));
}
