import type { Clock } from "../platform/clock.ts";
import { DiskError } from "../platform/disk.ts";
import type { ByteSocket, Network, SocketHandler } from "../platform/network.ts";
import type { Platform } from "../platform/platform.ts";
import { BoltError } from "../storage/backend/bolt-pages/error.ts";

/**
 * The same world, in which a fault of the disk that a callback throws goes to `onFault`, once.
 * Pages are read in the midst of any work, so a page that cannot be read, or is not what was
 * written, ends up with whoever called: a timer or a socket. (Applying has its own end, and what
 * the disk calls back reads no pages.) The work is left half done: the member has to stop and to
 * write nothing more, and what else fails on the way is no news. Every other error is a bug, and
 * goes on to the process.
 */
export function guardedPlatform(platform: Platform, onFault: (error: Error) => void): Platform {
  const guard = new Guard(onFault);
  const { clock, network } = platform;
  return {
    ...platform,
    clock: new GuardedClock(clock, guard),
    network: new GuardedNetwork(network, guard),
  };
}

class Guard {
  readonly #onFault: (error: Error) => void;
  #hasFailed = false;

  constructor(onFault: (error: Error) => void) {
    this.#onFault = onFault;
  }

  run(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.caught(error);
    }
  }

  /** To be called with what a callback threw. */
  caught(error: unknown): void {
    if (this.#hasFailed) return;
    if (!(error instanceof BoltError || error instanceof DiskError)) throw error;
    this.#hasFailed = true;
    this.#onFault(error);
  }
}

class GuardedClock implements Clock {
  readonly #clock: Clock;
  readonly #guard: Guard;

  constructor(clock: Clock, guard: Guard) {
    this.#clock = clock;
    this.#guard = guard;
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  startTimer(delayMs: number, callback: () => void): number {
    return this.#clock.startTimer(delayMs, () => this.#guard.run(callback));
  }

  cancelTimer(handle: number): void {
    this.#clock.cancelTimer(handle);
  }

  defer(callback: () => void): void {
    this.#clock.defer(() => this.#guard.run(callback));
  }
}

class GuardedNetwork implements Network {
  readonly #network: Network;
  readonly #guard: Guard;

  constructor(network: Network, guard: Guard) {
    this.#network = network;
    this.#guard = guard;
  }

  listen(
    address: Parameters<Network["listen"]>[0],
    accept: (socket: ByteSocket) => void,
    ready: Parameters<Network["listen"]>[2],
  ): void {
    this.#network.listen(address, (socket) => accept(guardedSocket(socket, this.#guard)), ready);
  }

  connect(
    address: Parameters<Network["connect"]>[0],
    connected: (socket: ByteSocket) => void,
    failed: (error: Error) => void,
  ): void {
    const guarded = (socket: ByteSocket): void => connected(guardedSocket(socket, this.#guard));
    this.#network.connect(address, guarded, failed);
  }
}

/** The socket itself, whose handler is guarded: writing costs nothing more. */
function guardedSocket(socket: ByteSocket, guard: Guard): ByteSocket {
  const attach = socket.attach.bind(socket);
  socket.attach = (handler) => attach(new GuardedHandler(handler, guard));
  return socket;
}

class GuardedHandler implements SocketHandler {
  readonly #handler: SocketHandler;
  readonly #guard: Guard;

  constructor(handler: SocketHandler, guard: Guard) {
    this.#handler = handler;
    this.#guard = guard;
  }

  onData(chunk: Uint8Array): void {
    try {
      this.#handler.onData(chunk);
    } catch (error) {
      this.#guard.caught(error);
    }
  }

  onDrain(): void {
    try {
      this.#handler.onDrain();
    } catch (error) {
      this.#guard.caught(error);
    }
  }

  onEnd(): void {
    try {
      this.#handler.onEnd();
    } catch (error) {
      this.#guard.caught(error);
    }
  }

  onClose(error: string | null): void {
    try {
      this.#handler.onClose(error);
    } catch (thrown) {
      this.#guard.caught(thrown);
    }
  }
}
