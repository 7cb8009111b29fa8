import { assert } from "../../base/assert.ts";
import { Queue } from "../../base/queue.ts";
import type { Prng } from "../../base/prng.ts";
import type { Clock } from "../../platform/clock.ts";
import type { ByteSocket, SocketHandler } from "../../platform/network.ts";

/** Bytes under way before `write` returns false; that of a socket's buffers. */
const HIGH_WATER_BYTES = 256 * 1024;

/** Chance that what was written at once arrives in two pieces. */
const SPLIT_CHANCE = 0.2;

/** The way between two hosts, as both ends of a stream see it. */
export interface Link {
  readonly clock: Clock;
  readonly prng: Prng;
  /** Draws the time one packet takes. */
  delayMs(): number;
  /** True while nothing gets from one host to the other; what is sent waits. */
  blocked(from: string, to: string): boolean;
}

type Parcel = { readonly atMs: number; readonly bytes: Uint8Array | null };

/** Why an end is closed; "silent" tells its owner nothing (the process is dead). */
export type Closing = string | null | "silent";

/** What stands in lent bytes after the call. */
const scrub = 0xdb;

/**
 * One end of a byte stream. Order is kept; pieces may be split; delivery waits for latency, for a
 * blocked link and for a paused reader.
 */
export class VirtualSocket implements ByteSocket {
  readonly host: string;
  readonly remoteAddress: string;
  readonly #link: Link;
  #peer: VirtualSocket | null = null;
  #handler: SocketHandler | null = null;
  /** What comes to this end; null bytes mean that no more will. */
  readonly #incoming = new Queue<Parcel>();
  #lastAtMs = 0;
  #armed = false;
  #paused = false;
  #closed = false;
  #ended = false;
  #peerEnded = false;
  #queuedBytes = 0;
  #overFull = false;

  constructor(link: Link, host: string, remoteAddress: string) {
    this.#link = link;
    this.host = host;
    this.remoteAddress = remoteAddress;
  }

  /** Joins two ends; each must be of another object. */
  static join(a: VirtualSocket, b: VirtualSocket): void {
    a.#peer = b;
    b.#peer = a;
  }

  get peerHost(): string {
    return this.#peer?.host ?? "";
  }

  get closed(): boolean {
    return this.#closed;
  }

  attach(handler: SocketHandler): void {
    assert(this.#handler === null, "a handler is attached already");
    this.#handler = handler;
    this.pump();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#closed || this.#ended || bytes.length === 0) return !this.#overFull;
    const cut =
      bytes.length > 1 && this.#link.prng.chance(SPLIT_CHANCE)
        ? this.#link.prng.between(1, bytes.length - 1)
        : bytes.length;
    this.#send(bytes.subarray(0, cut));
    if (cut < bytes.length) this.#send(bytes.subarray(cut));
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes > HIGH_WATER_BYTES) this.#overFull = true;
    return !this.#overFull;
  }

  queuedBytes(): number {
    return this.#queuedBytes;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.pump();
  }

  end(): void {
    if (this.#closed || this.#ended) return;
    this.#ended = true;
    this.#send(null);
  }

  destroy(): void {
    if (this.#closed) return;
    this.close(null);
    if (this.#peer !== null) this.#peer.#resetLater();
  }

  /** Closes this end; its owner is told in a turn of its own. What was on the way to it is lost. */
  close(reason: Closing): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#incoming.clear();
    const handler = this.#handler;
    if (reason === "silent" || handler === null) return;
    this.#link.clock.startTimer(0, () => handler.onClose(reason));
  }

  /** Delivers what is due, one piece a turn. */
  pump(): void {
    const parcel = this.#incoming.peek();
    if (parcel === undefined || this.#armed || this.#paused || this.#handler === null) return;
    if (this.#closed || this.#link.blocked(this.peerHost, this.host)) return;
    this.#armed = true;
    const { clock } = this.#link;
    clock.startTimer(Math.max(0, parcel.atMs - clock.monotonicMs()), () => {
      this.#armed = false;
      this.#deliver();
      this.pump();
    });
  }

  #send(bytes: Uint8Array | null): void {
    const peer = this.#peer!;
    const { clock } = this.#link;
    peer.#lastAtMs = Math.max(peer.#lastAtMs, clock.monotonicMs() + this.#link.delayMs());
    peer.#incoming.push({ atMs: peer.#lastAtMs, bytes });
    peer.pump();
  }

  #deliver(): void {
    if (this.#closed || this.#paused || this.#link.blocked(this.peerHost, this.host)) return;
    const parcel = this.#incoming.shift();
    if (parcel === undefined) return;
    if (parcel.bytes !== null) {
      this.#peer!.#taken(parcel.bytes.length);
      // Taken when it arrives, so that a writer who changes sent bytes is found out; and lent for
      // the call, so that a reader who keeps them is.
      const lent = new Uint8Array(parcel.bytes);
      this.#handler!.onData(lent);
      lent.fill(scrub);
      return;
    }
    this.#peerEnded = true;
    this.#handler!.onEnd();
    this.#closeIfDone();
    this.#peer!.#closeIfDone();
  }

  /** The other side received some of what this side wrote. */
  #taken(bytes: number): void {
    this.#queuedBytes -= bytes;
    if (this.#queuedBytes > 0 || !this.#overFull) return;
    this.#overFull = false;
    this.#link.clock.startTimer(0, () => {
      if (!this.#closed) this.#handler?.onDrain();
    });
  }

  #closeIfDone(): void {
    if (this.#ended && this.#peerEnded && this.#incoming.size === 0) this.close(null);
  }

  #resetLater(): void {
    this.#link.clock.startTimer(this.#link.delayMs(), () => {
      // A peer that is cut off learns nothing until it writes or the link is back.
      if (this.#link.blocked(this.peerHost, this.host)) this.#resetLater();
      else this.close("ECONNRESET");
    });
  }
}
