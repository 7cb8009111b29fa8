import { inOneGo } from "../../src/base/sliced.ts";
import { MetricsRegistry } from "../../src/base/metrics/registry.ts";
import { type MemberConfig, memberConfig } from "../../src/member/config.ts";
import { prepareDirectories } from "../../src/member/bootstrap.ts";
import { type Core, openingCore } from "../../src/member/core.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import type { Clock, TimerHandle } from "../../src/platform/clock.ts";
import type { Disk } from "../../src/platform/disk.ts";
import type { Logger } from "../../src/platform/logger.ts";
import type { Network } from "../../src/platform/network.ts";
import type { AutoCompaction } from "../../src/service/compaction/auto-compactor.ts";
import type { ByteSource, Code, ReplySink, Token } from "../../src/service/rpc.ts";
import type { VirtualClock } from "../../src/sim/world/clock.ts";
import { ProcessClock } from "../../src/sim/world/process-clock.ts";
import { SeededRandom } from "../../src/sim/world/random.ts";

/** How a call ended. */
export type Outcome =
  | { readonly ok: true; readonly message: Uint8Array }
  | { readonly ok: false; readonly code: Code; readonly text: string };

const SILENT: Logger = { enabled: () => false, log: () => {}, with: () => SILENT };
const NO_NETWORK: Network = {
  listen: () => {
    throw new Error("no network in this world");
  },
  connect: () => {
    throw new Error("no network in this world");
  },
};

/** Collects replies by token, as a door would send them. */
class SimSink implements ReplySink {
  readonly waiting = new Map<Token, (outcome: Outcome) => void>();
  /** Who takes the messages of a stream. */
  readonly streams = new Map<Token, (message: Uint8Array) => void>();

  reply(token: Token, bytes: Uint8Array, start: number, end: number): void {
    this.#settle(token, { ok: true, message: bytes.slice(start, end) });
  }

  replyFrom(token: Token, totalBytes: number, source: ByteSource): void {
    const message = new Uint8Array(totalBytes);
    let at = 0;
    while (at < totalBytes) {
      const count = source.read(message, at, Math.min(4096, totalBytes - at));
      if (count < 0) break;
      at += count;
    }
    source.release();
    if (at === totalBytes) this.#settle(token, { ok: true, message });
    else
      this.#settle(token, { ok: false, code: 13, text: `source ended at ${at} of ${totalBytes}` });
  }

  send(token: Token, bytes: Uint8Array, start: number, end: number): boolean {
    this.streams.get(token)?.(bytes.slice(start, end));
    return true;
  }

  sendFrom(): void {}

  finish(token: Token, code: Code, text: string): void {
    this.#settle(token, { ok: false, code, text });
  }

  metadata(): string | undefined {
    return undefined;
  }

  remoteAddress(): string {
    return "sim";
  }

  #settle(token: Token, outcome: Outcome): void {
    const waiter = this.waiting.get(token);
    this.waiting.delete(token);
    this.streams.delete(token);
    waiter?.(outcome);
  }
}

export interface SimMemberOptions {
  readonly clock: VirtualClock;
  readonly disk: Disk;
  readonly seed: number;
  readonly onFatal?: (error: Error) => void;
  readonly walSegmentBytes?: number;
  readonly quotaBackendBytes?: number;
  /** Default off. */
  readonly autoCompaction?: AutoCompaction;
  /** Entries between two snapshots of the log; default as configured. */
  readonly snapshotCount?: number;
  /** Default: nothing is logged. */
  readonly logger?: Logger;
  /** What else is configured. */
  readonly config?: Partial<MemberConfig>;
  /**
   * Time that passes between two looks at the clock. Virtual time stands still while code runs, so
   * without this nothing is ever cut into slices. Default 0.
   */
  readonly lookMs?: number;
}

/** Time as a process sees it that works for a while: it moves with each look, never back. */
class BusyClock implements Clock {
  readonly #clock: Clock;
  readonly #lookMs: number;
  #worldMs = 0;
  #aheadMs = 0;
  #lastMs = 0;

  constructor(clock: Clock, lookMs: number) {
    this.#clock = clock;
    this.#lookMs = lookMs;
  }

  monotonicMs(): number {
    const worldMs = this.#clock.monotonicMs();
    this.#aheadMs = worldMs === this.#worldMs ? this.#aheadMs + this.#lookMs : 0;
    this.#worldMs = worldMs;
    this.#lastMs = Math.max(this.#lastMs, worldMs + this.#aheadMs);
    return this.#lastMs;
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  startTimer(delayMs: number, callback: () => void): TimerHandle {
    return this.#clock.startTimer(delayMs, callback);
  }

  cancelTimer(handle: TimerHandle): void {
    this.#clock.cancelTimer(handle);
  }

  defer(callback: () => void): void {
    this.#clock.defer(callback);
  }
}

/** One incarnation of a member's process in a simulated world; clients call its service. */
export class SimMember {
  readonly core: Core;
  readonly #clock: ProcessClock;
  readonly #sink = new SimSink();
  readonly #methods = new Map<string, number>();
  readonly #metrics = new MetricsRegistry();
  #nextToken = 1;

  /** @throws what opening the log throws. */
  constructor(options: SimMemberOptions) {
    this.#clock = new ProcessClock(options.clock);
    const { lookMs } = options;
    const platform = {
      clock: lookMs === undefined ? this.#clock : new BusyClock(this.#clock, lookMs),
      disk: options.disk,
      network: NO_NETWORK,
      random: new SeededRandom(options.seed),
      crypto: nodeCrypto,
      logger: options.logger ?? SILENT,
      metrics: this.#metrics,
    };
    const { quotaBackendBytes, snapshotCount, autoCompaction } = options;
    const config = memberConfig({
      dataDir: "data",
      ...options.config,
      ...(quotaBackendBytes === undefined ? {} : { quotaBackendBytes }),
      ...(snapshotCount === undefined ? {} : { snapshotCount }),
      ...(autoCompaction === undefined ? {} : { autoCompaction }),
    });
    prepareDirectories(options.disk, config);
    const events = {
      onFatal:
        options.onFatal ??
        ((error: Error) => {
          throw error;
        }),
      onClusterChange: () => {},
    };
    const { walSegmentBytes } = options;
    const tuning = walSegmentBytes === undefined ? {} : { walSegmentBytes };
    this.core = inOneGo(openingCore(platform, config, events, tuning));
    this.core.service.router.bind(this.#sink);
    this.core.service.router.methods.forEach(({ service, name }, id) => {
      this.#methods.set(`${service}/${name}`, id);
    });
    this.core.run();
  }

  /** What it counts, as Prometheus reads it. */
  metricsText(): string {
    return this.#metrics.expose();
  }

  /** The client of the call with this token (of `call`) has gone. */
  cancel(token: Token): void {
    this.#sink.waiting.delete(token);
    this.core.service.router.cancel(token);
  }

  /**
   * Calls `method` of the KV service (or `Service/Method`); returns the token; `done` comes later,
   * or never when the process dies.
   */
  call(method: string, request: Uint8Array, done: (outcome: Outcome) => void): Token {
    const token = this.#nextToken++;
    this.#sink.waiting.set(token, done);
    // Between guards, as a socket's buffer would have it.
    const buffer = new Uint8Array(request.length + 2).fill(0xee);
    buffer.set(request, 1);
    const id = this.#methods.get(
      method.includes("/") ? `etcdserverpb.${method}` : `etcdserverpb.KV/${method}`,
    )!;
    this.core.service.router.request(id, token, buffer, 1, request.length + 1);
    buffer.fill(0xdd);
    return token;
  }

  /** Begins a call of many messages; `done` comes when the member ends it. */
  open(
    method: string,
    onMessage: (message: Uint8Array) => void,
    done: (outcome: Outcome) => void = () => {},
  ): Token {
    const token = this.#nextToken++;
    this.#sink.waiting.set(token, done);
    this.#sink.streams.set(token, onMessage);
    this.core.service.router.open(this.#methods.get(`etcdserverpb.${method}`)!, token);
    return token;
  }

  /** Sends a message of such a call. */
  send(token: Token, request: Uint8Array): void {
    const buffer = new Uint8Array(request.length + 2).fill(0xee);
    buffer.set(request, 1);
    this.core.service.router.message(token, buffer, 1, request.length + 1);
    buffer.fill(0xdd);
  }

  /** The client sends no more on it. */
  halfClose(token: Token): void {
    this.core.service.router.halfClose(token);
  }

  /** The process is gone: nothing of it runs any more. */
  die(): void {
    this.#clock.die();
  }
}
