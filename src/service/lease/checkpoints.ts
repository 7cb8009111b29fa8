import type { DueCheckpoint, Lessor } from "../../lease/lessor.ts";
import type { Clock } from "../../platform/clock.ts";
import { encodeLeaseCheckpointRequestToBytes } from "../../proto/gen/etcdserverpb.ts";
import { type Proposer, RequestField } from "../propose/proposer.ts";

/** Leases in one entry (etcd). */
const ENTRY_LEASES_MAX = 1000;
/** Entries at a time: a hundred thousand leases are through in a second of ticks. */
const ENTRIES_MAX = 16;

/** What Checkpoints work with. */
export interface CheckpointsOptions {
  readonly clock: Clock;
  readonly lessor: Lessor;
  readonly proposer: Proposer;
}

/**
 * Has what is left of long leases noted, through the log, so that a new leader goes on from there
 * (feature LeaseCheckpoint, semantics.md L11). What fails is done again at the next interval.
 */
export class Checkpoints {
  readonly #options: CheckpointsOptions;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
  }

  tick(): void {
    const { lessor, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    for (let entries = 0; entries < ENTRIES_MAX; entries += 1) {
      const due: DueCheckpoint[] = [];
      lessor.takeCheckpoints(nowMs, ENTRY_LEASES_MAX, due);
      if (due.length > 0) this.#propose(due);
      if (due.length < ENTRY_LEASES_MAX) return;
    }
  }

  #propose(due: readonly DueCheckpoint[]): void {
    const checkpoints = due.map(({ id, remaining }) => ({ id, remainingTTL: remaining }));
    const request = encodeLeaseCheckpointRequestToBytes({ checkpoints });
    const { proposer, lessor } = this.#options;
    const refusal = proposer.proposeInternal(RequestField.leaseCheckpoint, request, () => {});
    if (refusal !== null) lessor.dropCheckpoints(due);
  }
}
