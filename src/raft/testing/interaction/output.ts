import type { RaftLogger } from "../../logger.ts";
import { CommandError } from "../arguments.ts";

const LEVELS = ["DEBUG", "INFO", "WARN", "ERROR", "FATAL", "NONE"] as const;

/** How loud the output is: lines of this level and above are kept. */
export type LogLevel = (typeof LEVELS)[number];

/** What the commands print, with the log lines of the cores in between. */
export class Output implements RaftLogger {
  #level = 0;
  #text = "";

  get level(): LogLevel {
    return LEVELS[this.#level]!;
  }

  /** By name in any case. @throws CommandError for another word. */
  setLevel(name: string): void {
    const level = LEVELS.indexOf(name.toUpperCase() as LogLevel);
    if (level < 0) throw new CommandError(`log levels must be either of [${LEVELS.join(" ")}]`);
    this.#level = level;
  }

  /** True when nothing is kept at all, the output of commands neither. */
  get isQuiet(): boolean {
    return this.level === "NONE";
  }

  write(text: string): void {
    if (!this.isQuiet) this.#text += text;
  }

  /** What was written since the last call. */
  take(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }

  /** Two spaces before each line that `print` writes. */
  indented(print: () => void): void {
    const before = this.take();
    try {
      print();
    } finally {
      const lines = this.take().split("\n");
      if (lines.at(-1) === "") lines.pop();
      this.#text = before + lines.map((line) => `  ${line}\n`).join("");
    }
  }

  debug(text: string): void {
    this.#log(0, text);
  }

  info(text: string): void {
    this.#log(1, text);
  }

  warning(text: string): void {
    this.#log(2, text);
  }

  error(text: string): void {
    this.#log(3, text);
  }

  #log(level: number, text: string): void {
    if (level >= this.#level) this.write(`${LEVELS[level]} ${text}\n`);
  }
}
