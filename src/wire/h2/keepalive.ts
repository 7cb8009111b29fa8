import { idlePingIntervalMs, pingStrikesMax } from "./limits.ts";
import type { KeepaliveRule, PingRule } from "./types.ts";

/**
 * grpc-go's rule for pings of a client (its `http2_server.handlePing`): a ping that follows the one
 * before too soon is a strike, unless headers or data were sent in between, which wipes all
 * strikes.
 */
export class PingPolice {
  readonly #rule: PingRule;
  #strikes = 0;
  #lastPingMs = Number.NEGATIVE_INFINITY;
  /** Set by whoever sends HEADERS or DATA. */
  trafficSent = false;

  constructor(rule: PingRule) {
    this.#rule = rule;
  }

  /** Judges a ping that came now; false: `ENHANCE_YOUR_CALM`, `too_many_pings`. */
  allows(nowMs: number, liveStreams: number): boolean {
    const sinceMs = nowMs - this.#lastPingMs;
    this.#lastPingMs = nowMs;
    if (this.trafficSent) {
      this.trafficSent = false;
      this.#strikes = 0;
      return true;
    }
    const idle = liveStreams === 0 && !this.#rule.permitWithoutStream;
    if (sinceMs < (idle ? idlePingIntervalMs : this.#rule.minIntervalMs)) this.#strikes++;
    return this.#strikes <= pingStrikesMax;
  }
}

/** What the owner of a `KeepaliveClock` has to do at a tick. */
export const KeepaliveStep = { nothing: 0, ping: 1, dead: 2 } as const;

/** Decides when to ping a silent peer and when to give it up. */
export class KeepaliveClock {
  readonly #rule: KeepaliveRule;
  #heardMs: number;
  #pingedMs = -1;

  constructor(rule: KeepaliveRule, nowMs: number) {
    this.#rule = rule;
    this.#heardMs = nowMs;
  }

  /** Any byte of the peer. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
    this.#pingedMs = -1;
  }

  step(nowMs: number, liveStreams: number): number {
    if (this.#pingedMs >= 0) {
      const dead = nowMs - this.#pingedMs >= this.#rule.timeoutMs;
      return dead ? KeepaliveStep.dead : KeepaliveStep.nothing;
    }
    if (liveStreams === 0 && !this.#rule.withoutStream) return KeepaliveStep.nothing;
    if (nowMs - this.#heardMs < this.#rule.afterMs) return KeepaliveStep.nothing;
    this.#pingedMs = nowMs;
    return KeepaliveStep.ping;
  }
}
