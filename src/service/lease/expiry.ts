import type { RequestError } from "../../apply/errors.ts";
import { AlarmType, type Alarms } from "../../cluster/alarms.ts";
import type { Lessor } from "../../lease/lessor.ts";
import type { Clock } from "../../platform/clock.ts";
import { encodeLeaseRevokeRequestToBytes } from "../../proto/gen/etcdserverpb.ts";
import { type Proposer, RequestField } from "../propose/proposer.ts";

/**
 * Revocations on their way at a time: enough that the disk decides how many end in a second (etcd:
 * 1000), so few that a request among them waits about a millisecond longer.
 */
const REVOKING_MAX = 128;
/** A revocation that came to nothing is proposed again after so long. */
const RETRY_MS = 500;
/**
 * After these it is not proposed again: somebody else has revoked it; or its term is over, and if
 * this member leads the next one, that began with the time of all leases anew. A second revocation
 * behind one that is still in the log would end a lease granted in between under the same id.
 */
const SETTLED: ReadonlySet<RequestError> = new Set(["leaseNotFound", "timeout"] as const);

/** What Expiry works with. */
export interface ExpiryOptions {
  readonly clock: Clock;
  readonly alarms: Alarms;
  readonly lessor: Lessor;
  readonly proposer: Proposer;
}

/** Has leases revoked, through the log, that have expired (semantics.md L10). */
export class Expiry {
  readonly #options: ExpiryOptions;
  #revoking = 0;
  #isDeferred = false;
  #isStopped = false;
  /** Leases that were revoked because their time was over, for metrics. */
  expired = 0;

  constructor(options: ExpiryOptions) {
    this.#options = options;
  }

  /** To be called often: looks at the lease that expires first, no further. */
  tick(): void {
    const { lessor, clock, alarms } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#isStopped || lessor.nextExpiryMs > nowMs) return;
    // It would be refused, again and again, until the alarm is disarmed.
    if (alarms.active(AlarmType.corrupt)) return;
    const ids: bigint[] = [];
    lessor.takeExpired(nowMs, REVOKING_MAX - this.#revoking, ids);
    for (const id of ids) this.#revoke(id);
  }

  stop(): void {
    this.#isStopped = true;
  }

  #revoke(id: bigint): void {
    const { proposer } = this.#options;
    const request = encodeLeaseRevokeRequestToBytes({ id });
    const done = (error: RequestError | null): void => this.#done(id, error);
    const refusal = proposer.proposePatiently(RequestField.leaseRevoke, request, done);
    if (refusal === null) this.#revoking += 1;
    else this.#retry(id);
  }

  #done(id: bigint, error: RequestError | null): void {
    this.#revoking -= 1;
    if (error === null) this.expired += 1;
    else if (!SETTLED.has(error)) this.#retry(id);
    if (this.#isDeferred) return;
    this.#isDeferred = true;
    // Not while an entry is applied; requests that have arrived go first.
    this.#options.clock.defer(this.#more);
  }

  #retry(id: bigint): void {
    const { lessor, clock } = this.#options;
    lessor.retry(id, clock.monotonicMs() + RETRY_MS);
  }

  readonly #more = (): void => {
    this.#isDeferred = false;
    this.tick();
  };
}
