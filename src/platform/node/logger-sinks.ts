import { once } from "node:events";
import pino from "pino";

/** Queued bytes per output; beyond them lines are lost rather than memory. */
const QUEUE_BYTES_MAX = 4 * 1024 * 1024;

/** A reader that takes nothing for so long does not keep the process alive. */
const CLOSE_TIMEOUT_MS = 1000;

const STANDARD_FDS: ReadonlyMap<string, number> = new Map([
  ["default", 2],
  ["stderr", 2],
  ["systemd/journal", 2],
  ["stdout", 1],
]);

/** The outputs of a log: each line goes to all of them. */
export class LineSinks {
  readonly #sinks: readonly ReturnType<typeof pino.destination>[];
  readonly #convert: ((line: string) => string) | null;

  /** @throws Error when a file cannot be opened. */
  constructor(outputs: readonly string[], convert: ((line: string) => string) | null) {
    this.#convert = convert;
    this.#sinks = outputs.map((output) => {
      const sink = pino.destination({
        dest: STANDARD_FDS.get(output) ?? output,
        sync: false,
        append: true,
        maxLength: QUEUE_BYTES_MAX,
      });
      // A closed pipe or a full disk must not stop the member: its lines are lost.
      sink.on("error", () => {});
      return sink;
    });
  }

  write(line: string): void {
    const text = this.#convert === null ? line : this.#convert(line);
    for (const sink of this.#sinks) sink.write(text);
  }

  /** Writes what is queued and closes; resolves after at most `CLOSE_TIMEOUT_MS`, never rejects. */
  async close(): Promise<void> {
    const ended = this.#sinks.map((sink) => {
      const closed = once(sink, "close").catch(() => {});
      sink.end();
      return closed;
    });
    const { promise: timeout, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    await Promise.race([Promise.all(ended), timeout]);
    clearTimeout(timer);
  }

  /** Writes what is queued, blocking; an output that cannot take it loses it. */
  flush(): void {
    for (const sink of this.#sinks) {
      try {
        sink.flushSync();
      } catch {
        // Not open yet or broken: there is nobody left to tell.
      }
    }
  }
}
