import type { CallOptions, Channel } from "./channel.ts";
import type { Method } from "./method.ts";
import { StreamCall } from "./stream-call.ts";
import { UnaryCall } from "./unary-call.ts";

/** Calls with encoded messages. */
export class Rpc {
  #channel: Channel;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** One request, one reply. Rejects with EtcdError. */
  unary(method: Method, request: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      new UnaryCall(this.#channel, { method, request, options }, resolve, reject);
    });
  }

  /** One request, many replies. The iterator throws EtcdError. */
  stream(
    method: Method,
    request: Uint8Array,
    options: CallOptions,
  ): AsyncIterableIterator<Uint8Array> {
    return new StreamCall(this.#channel, method, request, options);
  }
}
