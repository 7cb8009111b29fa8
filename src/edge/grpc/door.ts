import type { ByteSocket, SocketHandler } from "../../platform/network.ts";
import type { TimerHandle } from "../../platform/clock.ts";
import { ConnectionSocketSide, type ConnectionOwner, GrpcConnection } from "./connection.ts";
import { DoorCore, type GrpcDoorOptions } from "./core.ts";
import type { GrpcCounters } from "./counters.ts";
import { tickMs } from "./limits.ts";
import { Replies } from "./replies.ts";
import { Requests } from "./requests.ts";

/**
 * The gRPC door of a listener: serves a service to HTTP/2 connections that others have accepted.
 * Memory is bounded by `limits`; input never throws.
 */
export class GrpcDoor implements ConnectionOwner {
  readonly core: DoorCore;
  readonly replies: Replies;
  readonly requests: Requests;
  readonly #connections = new Set<GrpcConnection>();
  #ticking: TimerHandle | null = null;
  #stopping = false;
  #drained: (() => void) | null = null;

  /** Binds itself to the service as its reply sink. */
  constructor(options: GrpcDoorOptions) {
    this.core = new DoorCore(options, (call) => this.requests.expired(call));
    this.replies = new Replies(this.core);
    this.requests = new Requests(this.core, this.replies);
    options.service.bind(this.replies);
  }

  get counters(): GrpcCounters {
    return this.core.counters;
  }

  /** Open connections. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Live calls. */
  get calls(): number {
    return this.core.calls.live;
  }

  /** Bytes held for replies and requests. */
  get memoryUsedBytes(): number {
    return this.core.memoryUsedBytes;
  }

  /**
   * Takes over a socket whose first bytes are HTTP/2's: they come first to the handler that is
   * returned. Null when the door has no room or is closing; the caller closes the socket.
   */
  accept(socket: ByteSocket): SocketHandler | null {
    if (this.#stopping) return null;
    if (this.#connections.size >= this.core.limits.maxConnections) {
      this.core.counters.drop("connections");
      return null;
    }
    const connection = new GrpcConnection(this, socket);
    this.#connections.add(connection);
    this.#ticking ??= this.core.clock.startTimer(tickMs, this.#tick);
    connection.touch();
    return new ConnectionSocketSide(connection);
  }

  /** Takes no new connections and calls; `drained` is called when the last connection has gone. */
  shutdown(drained: () => void): void {
    this.#stopping = true;
    this.#drained = drained;
    for (const connection of [...this.#connections]) connection.shutdown();
    this.#checkDrained();
  }

  /** Closes every connection at once; calls under way are cancelled. */
  close(): void {
    this.#stopping = true;
    for (const connection of [...this.#connections]) connection.close();
    if (this.#ticking !== null) this.core.clock.cancelTimer(this.#ticking);
    this.#ticking = null;
  }

  forget(connection: GrpcConnection): void {
    this.#connections.delete(connection);
    this.#checkDrained();
  }

  #checkDrained(): void {
    if (this.#connections.size > 0 || this.#drained === null) return;
    const drained = this.#drained;
    this.#drained = null;
    this.core.clock.defer(drained);
  }

  readonly #tick = (): void => {
    this.#ticking = null;
    const nowMs = this.core.clock.monotonicMs();
    for (const connection of [...this.#connections]) connection.tick(nowMs);
    if (this.#connections.size > 0) this.#ticking = this.core.clock.startTimer(tickMs, this.#tick);
  };
}
