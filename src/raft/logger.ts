/** Where the core says what it does; texts are the library's (raft.md 20). */
export interface RaftLogger {
  debug(text: string): void;
  info(text: string): void;
  warning(text: string): void;
  error(text: string): void;
}

/** Says nothing. */
export const QUIET: RaftLogger = {
  debug: () => {},
  info: () => {},
  warning: () => {},
  error: () => {},
};

/** A member id as log lines show it. */
export function hex(id: bigint): string {
  return id.toString(16);
}
