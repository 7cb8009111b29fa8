import type { LogFields, LogLevel } from "../../../platform/logger.ts";

/** A line to be logged once there is a logger: what it is like depends on the flags. */
export interface Note {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}
