import type { KvStore } from "../mvcc/store/store.ts";
import type { Platform } from "../platform/platform.ts";
import { encodeCompactionRequestToBytes } from "../proto/gen/etcdserverpb.ts";
import {
  type AutoCompaction,
  AutoCompactor,
  planOf,
} from "../service/compaction/auto-compactor.ts";
import { type Proposer, RequestField } from "../service/propose/proposer.ts";

/** What automatic compaction needs of a member. */
export interface AutoCompactionParts {
  readonly store: KvStore;
  readonly proposer: Proposer;
  readonly isLeader: () => boolean;
}

/** The member's automatic compaction, from now on; null when it is off. */
export function newAutoCompactor(
  { clock, logger }: Platform,
  config: AutoCompaction,
  { store, proposer, isLeader }: AutoCompactionParts,
): AutoCompactor | null {
  if (config.mode === "off") return null;
  return new AutoCompactor({
    clock,
    logger,
    plan: planOf(config, clock.monotonicMs()),
    revision: () => store.currentRevision,
    isLeader,
    compact: (revision, done) => {
      const request = encodeCompactionRequestToBytes({ revision, physical: false });
      const refusal = proposer.proposeInternal(RequestField.compaction, request, done);
      if (refusal !== null) done(refusal);
    },
  });
}
