import type { Backend } from "../../storage/backend/backend.ts";
import type { KeyIndex } from "../index/key-index.ts";

/** What cursors, measures and jobs share with the store that made them. */
export interface KeySpace {
  readonly backend: Backend;
  readonly index: KeyIndex;
  /** Reads below this revision may miss what compaction removed. */
  readonly removedBelow: number;
}
