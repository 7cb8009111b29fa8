/** The read whose success proves that a member can serve. */
export type ReadKind = "serializable" | "linearizable";

/** What the health endpoints need to know of a member. */
export interface HealthSource {
  /** Alarms raised on any member: `NOSPACE`, `CORRUPT`, else a number; in the order of report. */
  alarms(): readonly string[];
  hasLeader(): boolean;
  isLearner(): boolean;
  /**
   * Reads one key as root; `done` is called once, with null or with the error's text. The source
   * limits how long it takes.
   */
  read(kind: ReadKind, done: (error: string | null) => void): void;
}

/** The versions that `/version` shows. */
export interface Versions {
  readonly server: string;
  /** `not_decided` before the cluster has chosen one. */
  readonly cluster: string;
  /** `unknown` when unset. */
  readonly storage: string;
}
