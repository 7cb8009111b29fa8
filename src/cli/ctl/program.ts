import { readFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { toByteString } from "../go/go-text.ts";
import type { Io } from "./io.ts";
import { newFile } from "./new-file.ts";
import { runCtl } from "./run.ts";

/** Output is written at once: it must be out before the process ends, also into a pipe. */
function writeAll(descriptor: number, text: string): void {
  let bytes = Buffer.from(text, "latin1");
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(descriptor, bytes));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "EPIPE") process.exit(141);
      if (code !== "EAGAIN") throw error;
    }
  }
}

/** Standard input, by line or whole. */
class StandardInput {
  #chunks: AsyncIterator<Buffer> | null = null;
  #rest = "";
  #ended = false;

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    this.#chunks ??= process.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const next = await this.#chunks.next();
    if (next.done === true) this.#ended = true;
    else this.#rest += next.value.toString("latin1");
    return !this.#ended;
  }

  async readLine(): Promise<string | null> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end + 1);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      if (!(await this.#more())) return null;
    }
  }

  async readAll(): Promise<string> {
    while (await this.#more());
    const all = this.#rest;
    this.#rest = "";
    return all;
  }
}

/** The arguments as byte strings. Node has lost bytes that are not UTF-8; Linux has kept them. */
function rawArguments(): string[] {
  const given = process.argv.slice(2);
  if (process.platform !== "linux" || !given.some((arg) => arg.includes("\ufffd"))) {
    return given.map(toByteString);
  }
  const all = readFileSync("/proc/self/cmdline").toString("latin1").split("\0");
  all.pop();
  return all.slice(all.length - given.length);
}

function askSecret(prompt: string): Promise<string> {
  process.stdout.write(prompt);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  return new Promise((resolve) => {
    lines.question("", (answer) => {
      lines.close();
      process.stdout.write("\n");
      resolve(answer);
    });
  });
}

function ownVersion(): string {
  const path = new URL("../../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}

/** Runs the tool on this process's arguments and streams; ends the process. */
export async function main(): Promise<never> {
  const input = new StandardInput();
  const io: Io = {
    out: (text) => writeAll(1, text),
    err: (text) => writeAll(2, text),
    readAll: () => input.readAll(),
    readLine: () => input.readLine(),
    env: process.env,
    sleep: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
    newFile,
    readFile: (path) => readFileSync(path, "utf8"),
    askSecret,
  };
  // Ends the process even when standard input is still open.
  process.exit(await runCtl(rawArguments(), io, ownVersion()));
}
