import type { Clock } from "../../platform/clock.ts";
import type { ByteSocket, SocketHandler } from "../../platform/network.ts";

/** What one delivery brings at most, like a read of the operating system. */
const chunkBytes = 64 * 1024;

/** What stands in lent bytes after the call. */
const scrub = 0xdb;

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
  /** Pieces before this one are gone. */
  #first = 0;
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
    this.#first = 0;
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
    const chunk = this.#take();
    if (chunk.length > 0) {
      this.deliveredBytes += chunk.length;
      other.#handler.onData(chunk);
      // Lent for the call: who kept some of it is found out.
      chunk.fill(scrub);
    }
    if (this.#queuedBytes > 0) this.pump();
    if (this.#needDrain && !this.destroyed && this.queuedBytes() === 0) {
      this.#needDrain = false;
      this.#handler?.onDrain();
    }
    if (this.#ending && !this.#endSent && this.#queuedBytes === 0) {
      this.#endSent = true;
      if (!other.destroyed) other.#handler.onEnd();
    }
  }

  /** The next piece of what is queued. */
  #take(): Uint8Array {
    const pieces: Uint8Array[] = [];
    let room = chunkBytes;
    while (room > 0 && this.#first < this.#queue.length) {
      const piece = this.#queue[this.#first];
      const part = piece.subarray(0, room);
      if (part.length < piece.length) this.#queue[this.#first] = piece.subarray(room);
      else this.#first++;
      pieces.push(part);
      room -= part.length;
    }
    if (this.#first === this.#queue.length) {
      this.#queue = [];
      this.#first = 0;
    }
    const chunk = new Uint8Array(Buffer.concat(pieces));
    this.#queuedBytes -= chunk.length;
    return chunk;
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
