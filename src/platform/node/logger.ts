import pino from "pino";
import type { LogFields, Logger, LogLevel } from "../logger.ts";
import { consoleLine } from "./logger-console.ts";
import { LineSampler } from "./logger-sampler.ts";
import { LineSinks } from "./logger-sinks.ts";

/** Where log lines go and which. */
export interface NodeLoggerOptions {
  /** `default` and `stderr`, `stdout`, or paths of files. */
  readonly outputs: readonly string[];
  /** etcd's names; panic and fatal leave only the program's last words. */
  readonly level: string;
  readonly format: "json" | "console";
}

/** The program's logger, with what only the program may do. */
export interface NodeLogger extends Logger {
  /** The last words of a program that stops; written whatever the level. */
  fatal(message: string, fields?: LogFields): void;
  /** Writes every line and closes the outputs; then the process may end. */
  close(): Promise<void>;
  /** For a process that ends at once after a bug: writes what it can, blocking. */
  flush(): void;
}

/** Zap's names for levels that pino does not have. */
const PINO_LEVELS: Readonly<Record<string, string>> = { dpanic: "fatal", panic: "fatal" };

/**
 * Structured logging by pino with etcd's keys: level, ts, msg, then the fields. Lines are
 * written without waiting; when an output takes none and 4 MiB are queued, lines are lost.
 * @throws Error when a file cannot be opened.
 */
export function createNodeLogger(options: NodeLoggerOptions): NodeLogger {
  const sinks = new LineSinks(options.outputs, options.format === "console" ? consoleLine : null);
  const logger = pino(
    {
      base: null,
      level: PINO_LEVELS[options.level] ?? options.level,
      timestamp: () => `,"ts":"${timestamp(new Date())}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    sinks,
  );
  return new PinoLogger(logger, sinks, new LineSampler());
}

class PinoLogger implements NodeLogger {
  readonly #pino: pino.Logger;
  readonly #sinks: LineSinks;
  readonly #sampler: LineSampler;

  constructor(logger: pino.Logger, sinks: LineSinks, sampler: LineSampler) {
    this.#pino = logger;
    this.#sinks = sinks;
    this.#sampler = sampler;
  }

  enabled(level: LogLevel): boolean {
    return this.#pino.isLevelEnabled(level);
  }

  log(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (!this.enabled(level) || !this.#sampler.admits(level, message, Date.now())) return;
    this.#pino[level](writable(fields), message);
  }

  with(fields: LogFields): Logger {
    return new PinoLogger(this.#pino.child(writable(fields)), this.#sinks, this.#sampler);
  }

  fatal(message: string, fields: LogFields = {}): void {
    this.#pino.fatal(writable(fields), message);
  }

  close(): Promise<void> {
    return this.#sinks.close();
  }

  flush(): void {
    this.#sinks.flush();
  }
}

/** JSON has no numbers of 64 bits: they go out as decimal text. */
function writable(fields: LogFields): LogFields {
  let copy: LogFields | null = null;
  for (const [key, value] of Object.entries(fields)) {
    if (typeof value !== "bigint") continue;
    copy ??= { ...fields };
    copy[key] = value.toString();
  }
  return copy ?? fields;
}

/** Go's layout `2006-01-02T15:04:05.000000Z0700`, in the zone of the machine. */
export function timestamp(now: Date): string {
  const offsetMinutes = -now.getTimezoneOffset();
  const local = new Date(now.getTime() + offsetMinutes * 60_000).toISOString();
  const micros = `${local.slice(0, -1)}000`;
  if (offsetMinutes === 0) return `${micros}Z`;
  const size = Math.abs(offsetMinutes);
  const hours = String(Math.floor(size / 60)).padStart(2, "0");
  const minutes = String(size % 60).padStart(2, "0");
  return `${micros}${offsetMinutes < 0 ? "-" : "+"}${hours}${minutes}`;
}
