import { backoffMs, canceled, deadlineExceeded, statusError } from "./channel.ts";
import type { CallOptions, Channel, Credentials } from "./channel.ts";
import { EtcdError, GrpcCode } from "../errors.ts";
import type { CallHandler, CallStatus, LiveCall } from "./live-call.ts";
import type { Method } from "./method.ts";
import type { TimerHandle } from "../platform.ts";

/** Names of errors after which a new token may help. */
const TOKEN_ERRORS: readonly string[] = ["InvalidAuthToken", "AuthOldRevision", "UserEmpty"];

/**
 * One unary call from the caller's point of view: as many attempts as the rules allow.
 *
 * Rules: an attempt that the server surely did not process is made again whatever the method does.
 * Otherwise only reads are repeated, and only after `Unavailable`. A refused token is renewed and
 * the call made again, as the server does nothing with a refused token.
 */
export class UnaryCall implements CallHandler {
  #channel: Channel;
  #method: Method;
  #request: Uint8Array;
  #resolve: (reply: Uint8Array) => void;
  #reject: (error: EtcdError) => void;
  #deadlineMs: number | null = null;
  #deadlineTimer: TimerHandle = 0;
  #backoffTimer: TimerHandle = 0;
  #live: LiveCall | null = null;
  #reply: Uint8Array | null = null;
  #attempt = 0;
  #done = false;
  #forget: (() => void)[] = [];

  /** Starts the call; exactly one of `resolve` and `reject` is called, once. */
  constructor(
    channel: Channel,
    what: { readonly method: Method; readonly request: Uint8Array; readonly options: CallOptions },
    resolve: (reply: Uint8Array) => void,
    reject: (error: EtcdError) => void,
  ) {
    this.#channel = channel;
    this.#method = what.method;
    this.#request = what.request;
    this.#resolve = resolve;
    this.#reject = reject;
    const refusal = channel.refusal(what.request, what.options.signal);
    if (refusal !== null) {
      this.#fail(refusal);
      return;
    }
    this.#forget.push(channel.track(() => this.#stop(new EtcdError(1, "client is closed"))));
    this.#arm(what.options);
    const { credentials } = channel.options;
    if (credentials === null || credentials.ready) this.#try();
    else this.#renew(credentials);
  }

  onMessage(message: Uint8Array): void {
    this.#reply ??= message;
  }

  hungry(): boolean {
    return true;
  }

  onEnd(status: CallStatus): void {
    this.#live = null;
    if (this.#done) return;
    if (status.code === GrpcCode.ok) {
      if (this.#reply !== null) this.#succeed(this.#reply);
      else this.#fail(new EtcdError(GrpcCode.internal, "the server answered without a message"));
      return;
    }
    this.#reply = null;
    this.#failed(statusError(status.code, status.message), status.unprocessed);
  }

  #arm(options: CallOptions): void {
    const { platform, timeoutMs: defaultMs } = this.#channel.options;
    const timeoutMs = options.timeoutMs ?? defaultMs;
    if (timeoutMs !== undefined) {
      this.#deadlineMs = platform.monotonicMs() + timeoutMs;
      this.#deadlineTimer = platform.startTimer(Math.max(0, timeoutMs), () => {
        this.#stop(deadlineExceeded());
      });
    }
    const signal = options.signal;
    if (signal === undefined) return;
    const abort = (): void => this.#stop(canceled());
    signal.addEventListener("abort", abort, { once: true });
    this.#forget.push(() => signal.removeEventListener("abort", abort));
  }

  #try(): void {
    if (this.#done) return;
    const how = { deadlineMs: this.#deadlineMs, paced: false };
    this.#live = this.#channel.attempt(this.#method, this.#request, how, this);
    if (this.#live === null) {
      this.#forget.push(this.#channel.options.pool.whenReady(() => this.#try()));
    }
  }

  #renew(credentials: Credentials): void {
    credentials.renew((reason) => (reason === null ? this.#try() : this.#fail(reason)));
  }

  #failed(error: EtcdError, unprocessed: boolean): void {
    this.#attempt++;
    const { credentials, retriesMax, onRetry, pool } = this.#channel.options;
    const goOn = this.#attempt < retriesMax;
    if (goOn && credentials?.renewable === true && TOKEN_ERRORS.includes(error.code)) {
      this.#renew(credentials);
      return;
    }
    // Only some members may be able to serve: another may.
    const wrongMember = error.code === "NotSupportedForLearner" && pool.size > 1;
    const repeatable = this.#method.policy === "read" && error.grpcCode === GrpcCode.unavailable;
    if (!goOn || !(unprocessed || wrongMember || repeatable)) return this.#fail(error);
    onRetry?.({ method: this.#method.path, attempt: this.#attempt, error });
    this.#pause();
  }

  /** No pause while other members are left to ask; then one per round over a majority of them. */
  #pause(): void {
    const { platform, pool } = this.#channel.options;
    const quorum = Math.floor(pool.size / 2) + 1;
    const delayMs = this.#attempt % quorum === 0 ? backoffMs(platform) : 0;
    this.#backoffTimer = platform.startTimer(delayMs, () => this.#try());
  }

  #stop(error: EtcdError): void {
    if (this.#done) return;
    const live = this.#live;
    this.#live = null;
    this.#fail(error);
    live?.abandon();
  }

  #succeed(reply: Uint8Array): void {
    this.#finish();
    this.#resolve(reply);
  }

  #fail(error: EtcdError): void {
    if (this.#done) return;
    this.#finish();
    this.#reject(error);
  }

  #finish(): void {
    this.#done = true;
    const { platform } = this.#channel.options;
    if (this.#deadlineTimer !== 0) platform.cancelTimer(this.#deadlineTimer);
    if (this.#backoffTimer !== 0) platform.cancelTimer(this.#backoffTimer);
    for (const forget of this.#forget) forget();
    this.#forget.length = 0;
  }
}
