import { backoffMs, canceled, deadlineExceeded, statusError } from "./channel.ts";
import type { CallOptions, Channel } from "./channel.ts";
import { EtcdError, GrpcCode } from "../errors.ts";
import type { CallHandler, CallStatus, LiveCall } from "./live-call.ts";
import type { Method } from "./method.ts";
import type { TimerHandle } from "../platform.ts";

/**
 * A server-streaming call as an async iterator. Messages are asked for as they are taken: a slow
 * reader holds the server back instead of filling memory. It is started again after `Unavailable`
 * only as long as nothing was received. Leaving the loop early ends the call.
 */
export class StreamCall implements CallHandler, AsyncIterableIterator<Uint8Array> {
  #channel: Channel;
  #method: Method;
  #request: Uint8Array;
  #deadlineMs: number | null = null;
  #timer: TimerHandle = 0;
  #backoffTimer: TimerHandle = 0;
  #live: LiveCall | null = null;
  #queue: Uint8Array[] = [];
  #taker: { resolve(next: IteratorResult<Uint8Array>): void; reject(e: EtcdError): void } | null =
    null;
  #ended = false;
  #error: EtcdError | null = null;
  #received = false;
  #attempts = 0;
  #forget: (() => void)[] = [];

  constructor(channel: Channel, method: Method, request: Uint8Array, options: CallOptions) {
    this.#channel = channel;
    this.#method = method;
    this.#request = request;
    const refusal = channel.refusal(request, options.signal);
    if (refusal !== null) {
      this.#end(refusal);
      return;
    }
    this.#forget.push(channel.track(() => this.#stop(new EtcdError(1, "client is closed"))));
    this.#arm(options);
    const { credentials } = channel.options;
    if (credentials === null || credentials.ready) this.#try();
    else credentials.renew((reason) => (reason === null ? this.#try() : this.#stop(reason)));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    const message = this.#queue.shift();
    if (message !== undefined) {
      if (this.#queue.length === 0) this.#live?.release();
      return Promise.resolve({ done: false, value: message });
    }
    if (this.#ended) {
      const error = this.#error;
      this.#error = null;
      if (error !== null) return Promise.reject(error);
      return Promise.resolve({ done: true, value: undefined });
    }
    return new Promise((resolve, reject) => {
      this.#taker = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    this.#stop(null);
    this.#queue.length = 0;
    return Promise.resolve({ done: true, value: undefined });
  }

  onMessage(message: Uint8Array): void {
    if (this.#ended) return;
    this.#received = true;
    const taker = this.#taker;
    if (taker === null) {
      this.#queue.push(message);
      return;
    }
    this.#taker = null;
    taker.resolve({ done: false, value: message });
  }

  hungry(): boolean {
    return this.#queue.length === 0;
  }

  onEnd(status: CallStatus): void {
    this.#live = null;
    if (this.#ended) return;
    if (status.code === GrpcCode.ok) return this.#end(null);
    const error = statusError(status.code, status.message);
    const again = status.unprocessed || status.code === GrpcCode.unavailable;
    if (this.#received || !again || ++this.#attempts >= this.#channel.options.retriesMax) {
      return this.#end(error);
    }
    this.#channel.options.onRetry?.({ method: this.#method.path, attempt: this.#attempts, error });
    const { platform } = this.#channel.options;
    this.#backoffTimer = platform.startTimer(backoffMs(platform), () => this.#try());
  }

  #arm(options: CallOptions): void {
    const { platform, timeoutMs: defaultMs } = this.#channel.options;
    const timeoutMs = options.timeoutMs ?? defaultMs;
    if (timeoutMs !== undefined) {
      this.#deadlineMs = platform.monotonicMs() + timeoutMs;
      this.#timer = platform.startTimer(timeoutMs, () => this.#stop(deadlineExceeded()));
    }
    const signal = options.signal;
    if (signal === undefined) return;
    const abort = (): void => this.#stop(canceled());
    signal.addEventListener("abort", abort, { once: true });
    this.#forget.push(() => signal.removeEventListener("abort", abort));
  }

  #try(): void {
    if (this.#ended) return;
    const how = { deadlineMs: this.#deadlineMs, paced: true };
    this.#live = this.#channel.attempt(this.#method, this.#request, how, this);
    if (this.#live === null) {
      this.#forget.push(this.#channel.options.pool.whenReady(() => this.#try()));
    }
  }

  #stop(error: EtcdError | null): void {
    if (this.#ended) return;
    const live = this.#live;
    this.#live = null;
    this.#end(error);
    live?.abandon();
  }

  #end(error: EtcdError | null): void {
    this.#ended = true;
    const { platform } = this.#channel.options;
    if (this.#timer !== 0) platform.cancelTimer(this.#timer);
    if (this.#backoffTimer !== 0) platform.cancelTimer(this.#backoffTimer);
    for (const forget of this.#forget) forget();
    this.#forget.length = 0;
    const taker = this.#taker;
    this.#taker = null;
    if (taker === null) this.#error = error;
    else if (error === null) taker.resolve({ done: true, value: undefined });
    else taker.reject(error);
  }
}
