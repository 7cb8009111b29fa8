import type { Clock } from "../../platform/clock.ts";
import type { ByteSocket, SocketHandler } from "../../platform/network.ts";

/**
 * Half of a connection in memory. What is written is copied at once, waits in a queue, and reaches
 * the other half in a later turn of the clock, as far as `capacityBytes` of untaken bytes allow.
 */
export class MemorySocket implements ByteSocket {
  readonly remoteAddress: string;
  readonly copiesOnWrite = true;
  /** Most that may be under way to the other half: the kernel's buffers. */
  capacityBytes = 64 * 1024;
  highWaterBytes = 64 * 1024;
  other: MemorySocket | null = null;
  /** Bytes that the other half was given. */
  deliveredBytes = 0;
  destroyed = false;
  readonly #clock: Clock;
  #handler: SocketHandler | null = null;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #paused = false;
  #scheduled = false;
  #needDrain = false;
  #ending = false;
  #endSent = false;

  constructor(clock: Clock, remoteAddress: string) {
    this.#clock = clock;
    this.remoteAddress = remoteAddress;
  }

  attach(handler: SocketHandler): void {
    this.#handler = handler;
    this.other?.pump();
  }

  write(bytes: Uint8Array): boolean {
    if (this.destroyed || this.#ending) return true;
    this.#queue.push(bytes.slice());
    this.#queuedBytes += bytes.length;
    this.pump();
    const full = this.queuedBytes() > this.highWaterBytes;
    this.#needDrain ||= full;
    return !full;
  }

  /** What is beyond the kernel's buffers. */
  queuedBytes(): number {
    return Math.max(0, this.#queuedBytes - this.capacityBytes);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.other?.pump();
  }

  end(): void {
    this.#ending = true;
    this.pump();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#clock.defer(() => this.#handler?.onClose(null));
    const { other } = this;
    if (other !== null && !other.destroyed) this.#clock.defer(() => other.#lost());
  }

  /** Schedules a delivery when one is possible. */
  pump(): void {
    if (this.#scheduled || this.destroyed) return;
    this.#scheduled = true;
    this.#clock.defer(() => this.#deliver());
  }

  #deliver(): void {
    this.#scheduled = false;
    const { other } = this;
    if (other === null || other.destroyed || other.#paused || other.#handler === null) return;
    const chunk = Buffer.concat(this.#queue);
    this.#queue = [];
    this.#queuedBytes = 0;
    if (chunk.length > 0) {
      this.deliveredBytes += chunk.length;
      other.#handler.onData(new Uint8Array(chunk));
    }
    if (this.#needDrain && !this.destroyed) {
      this.#needDrain = false;
      this.#handler?.onDrain();
    }
    if (this.#ending && !this.#endSent && this.#queuedBytes === 0) {
      this.#endSent = true;
      if (!other.destroyed) other.#handler.onEnd();
    }
  }

  #lost(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#handler?.onClose(null);
  }
}

/** Two halves of a connection: what one writes, the other is given. */
export function socketPair(clock: Clock): [client: MemorySocket, server: MemorySocket] {
  const client = new MemorySocket(clock, "server");
  const server = new MemorySocket(clock, "client:1");
  client.other = server;
  server.other = client;
  return [client, server];
}
