import { Connection } from "./connection.ts";
import type { Keepalive } from "./connection.ts";
import type { Endpoint } from "./endpoint.ts";
import type { ClientPlatform, TimerHandle, TlsOptions } from "../platform.ts";

/** First pause before a failed endpoint is tried again, and the growth and end of it. */
const RECONNECT_FIRST_MS = 100;
const RECONNECT_GROWTH = 1.6;
const RECONNECT_MAX_MS = 3000;
/** A connection that lasted so long had no trouble in starting. */
const GOOD_AFTER_MS = 2000;
/** Pauses differ by this fraction, so that many clients do not return at once. */
const RECONNECT_JITTER = 0.2;

/** What the connections of a client share. */
export interface PoolOptions {
  readonly platform: ClientPlatform;
  readonly endpoints: readonly Endpoint[];
  readonly tls: TlsOptions;
  readonly keepalive: Keepalive | null;
  readonly connectTimeoutMs: number;
  readonly maxReceiveBytes: number;
}

/** One endpoint: its connection while there is one, its pause when there is none. */
interface Slot {
  readonly endpoint: Endpoint;
  connection: Connection | null;
  /** Ends in a row that came soon after the start. */
  failures: number;
  readyAtMs: number | null;
  timer: TimerHandle;
  lastError: string;
}

/**
 * Connections to all endpoints, made before they are needed and made anew when they end. Calls go
 * round-robin over those that are ready; a call that finds none waits for the next.
 */
export class Pool {
  #options: PoolOptions;
  #slots: Slot[];
  #next = 0;
  #waiting = new Set<() => void>();
  /** Connections that finish their calls and take no new ones. */
  #leaving = new Set<Connection>();
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#slots = options.endpoints.map((endpoint) => ({
      endpoint,
      connection: null,
      failures: 0,
      readyAtMs: null,
      timer: 0,
      lastError: "",
    }));
    // Where to begin differs from client to client, so that the first calls spread.
    this.#next = Math.floor(options.platform.random() * this.#slots.length);
    for (const slot of this.#slots) this.#connect(slot);
  }

  get size(): number {
    return this.#slots.length;
  }

  /** The next ready connection, or null. */
  pick(): Connection | null {
    const count = this.#slots.length;
    for (let i = 0; i < count; i++) {
      const slot = this.#slots[(this.#next + i) % count] as Slot;
      if (slot.connection?.ready !== true) continue;
      this.#next = (this.#next + i + 1) % count;
      return slot.connection;
    }
    return null;
  }

  /** Calls back once when a connection may be ready; the returned function forgets it. */
  whenReady(callback: () => void): () => void {
    this.#waiting.add(callback);
    return () => this.#waiting.delete(callback);
  }

  /** Why endpoints are not connected, for messages; empty when all are. */
  troubles(): string {
    return this.#slots
      .filter((slot) => slot.lastError !== "")
      .map((slot) => `${slot.endpoint.text}: ${slot.lastError}`)
      .join("; ");
  }

  close(): void {
    this.#closed = true;
    for (const slot of this.#slots) {
      this.#options.platform.cancelTimer(slot.timer);
      const connection = slot.connection;
      slot.connection = null;
      connection?.close();
    }
    for (const connection of this.#leaving) connection.close();
    this.#leaving.clear();
    this.#waiting.clear();
  }

  #connect(slot: Slot): void {
    const { platform, tls, keepalive, connectTimeoutMs, maxReceiveBytes } = this.#options;
    const connection: Connection = new Connection(
      { platform, endpoint: slot.endpoint, tls, keepalive, connectTimeoutMs, maxReceiveBytes },
      {
        onReady: () => {
          slot.readyAtMs ??= platform.monotonicMs();
          slot.lastError = "";
          this.#wake();
        },
        onFree: () => {
          if (this.#waiting.size > 0) this.#wake();
        },
        onGone: (reason) => this.#gone(slot, connection, reason),
        onClosed: () => this.#leaving.delete(connection),
      },
    );
    slot.readyAtMs = null;
    slot.connection = connection;
  }

  #gone(slot: Slot, connection: Connection, reason: string): void {
    if (this.#closed) return;
    slot.connection = null;
    slot.lastError = reason;
    if (connection.liveCalls > 0) this.#leaving.add(connection);
    const nowMs = this.#options.platform.monotonicMs();
    if (slot.readyAtMs !== null && nowMs - slot.readyAtMs > GOOD_AFTER_MS) slot.failures = 0;
    // An end after a good time is followed by a new start at once; only repeated failures pause.
    const base = RECONNECT_FIRST_MS * RECONNECT_GROWTH ** (slot.failures - 1);
    const jitter = 1 + RECONNECT_JITTER * (2 * this.#options.platform.random() - 1);
    const delayMs = slot.failures === 0 ? 0 : Math.min(base, RECONNECT_MAX_MS) * jitter;
    slot.failures++;
    slot.timer = this.#options.platform.startTimer(delayMs, () => this.#connect(slot));
  }

  /** Waiting calls go on in the order in which they came, as long as there is room. */
  #wake(): void {
    for (const callback of this.#waiting) {
      if (!this.#slots.some((slot) => slot.connection?.ready === true)) return;
      this.#waiting.delete(callback);
      callback();
    }
  }
}
