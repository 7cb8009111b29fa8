import { EtcdError, GrpcCode } from "./errors.ts";
import type { Lease } from "./lease.ts";
import type { ClientPlatform, TimerHandle } from "./platform.ts";

const MS_PER_S = 1000;
/** A lease is renewed when a third of its time is over, as by etcd's client. */
const RENEWALS_PER_TTL = 3;
/** From one attempt to the next when it fails at once (etcd's client). */
const RETRY_MS = 500;
/**
 * The first attempt of a renewal has a sixth of the lease's time, so that another member can be
 * asked when one does not answer; each one after it has twice as much, for members that are slow.
 */
const FIRST_ATTEMPTS_PER_TTL = 6;
/** No attempt gives up earlier, however short the lease: an answer may wait for a disk. */
const ATTEMPT_MIN_MS = 500;

/** A lease that is kept alive in the background; `Lease.keep` makes one. */
export class KeptLease {
  readonly id: bigint;
  /** Seconds that it lives on without a renewal. */
  readonly ttl: number;
  readonly #lease: Lease;
  readonly #platform: ClientPlatform;
  readonly #listeners: ((reason: EtcdError) => void)[] = [];
  /** Before that it is there, whatever happens: counted from when a renewal was asked for. */
  #safeUntilMs: number;
  #timer: TimerHandle = 0;
  /** Attempts since the last renewal. */
  #failures = 0;
  #isOver = false;
  #lost: EtcdError | null = null;

  constructor(
    lease: Lease,
    platform: ClientPlatform,
    granted: { readonly id: bigint; readonly ttl: number; readonly grantedMs: number },
  ) {
    this.id = granted.id;
    this.ttl = granted.ttl;
    this.#lease = lease;
    this.#platform = platform;
    this.#safeUntilMs = granted.grantedMs + granted.ttl * MS_PER_S;
    this.#schedule(granted.grantedMs + (granted.ttl * MS_PER_S) / RENEWALS_PER_TTL);
  }

  /** Why the lease may be gone; null as long as it is surely there, or was given up. */
  get lost(): EtcdError | null {
    return this.#lost;
  }

  /**
   * Calls `listener` once when the lease is lost: the server does not know it any more, or did not
   * answer for so long that it must be taken for gone. At once when it is lost already. What a
   * listener throws is nobody else's: an uncaught exception of the process.
   */
  on(_event: "lost", listener: (reason: EtcdError) => void): this {
    if (this.#lost === null) this.#listeners.push(listener);
    else listener(this.#lost);
    return this;
  }

  /** Stops to keep it alive; it ends when its time is over, and is not `lost` then. */
  release(): void {
    this.#isOver = true;
    this.#platform.cancelTimer(this.#timer);
  }

  /** Ends it at once, with its keys. */
  async revoke(): Promise<void> {
    this.release();
    await this.#lease.revoke(this.id);
  }

  /** The next attempt: then, and in any case before the time is over. */
  #schedule(atMs: number): void {
    const dueMs = Math.min(atMs, this.#safeUntilMs);
    const waitMs = Math.max(0, dueMs - this.#platform.monotonicMs());
    this.#timer = this.#platform.startTimer(waitMs, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const askedMs = this.#platform.monotonicMs();
    const leftMs = this.#safeUntilMs - askedMs;
    if (leftMs <= 0) {
      this.#lose(new EtcdError(GrpcCode.deadlineExceeded, "lease was not renewed in time"));
      return;
    }
    try {
      const timeoutMs = Math.min(leftMs, this.#attemptMs());
      const { ttl } = await this.#lease.keepAliveOnce(this.id, { timeoutMs });
      this.#failures = 0;
      this.#safeUntilMs = askedMs + ttl * MS_PER_S;
      if (!this.#isOver) this.#schedule(askedMs + (ttl * MS_PER_S) / RENEWALS_PER_TTL);
    } catch (error) {
      if (this.#isOver) return;
      this.#failures += 1;
      if (error instanceof EtcdError && isFinal(error)) this.#lose(error);
      else this.#schedule(askedMs + RETRY_MS);
    }
  }

  #attemptMs(): number {
    const firstMs = (this.ttl * MS_PER_S) / FIRST_ATTEMPTS_PER_TTL;
    return Math.max(ATTEMPT_MIN_MS, firstMs * 2 ** this.#failures);
  }

  #lose(reason: EtcdError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#lost = reason;
    for (const listener of this.#listeners.splice(0)) {
      // Each by itself: what one throws keeps no other from hearing of it.
      this.#platform.defer(() => listener(reason));
    }
  }
}

/** No further attempt would do better. */
function isFinal({ code, grpcCode }: EtcdError): boolean {
  return code === "LeaseNotFound" || grpcCode === GrpcCode.canceled;
}
