/** Severities, least first. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Values a log line may carry; bigint is written as decimal text. */
export type LogFields = Record<
  string,
  string | number | bigint | boolean | readonly string[] | undefined
>;

/** Structured logging: one constant message, variable parts as fields. */
export interface Logger {
  /** False when a line of `level` would be thrown away: lets callers skip building its fields. */
  enabled(level: LogLevel): boolean;
  log(level: LogLevel, message: string, fields?: LogFields): void;
  /** The same logger with `fields` on every line. */
  with(fields: LogFields): Logger;
}
