import { codeNames } from "../../wire/grpc/status.ts";
import { encodeGrpcTimeout } from "../../wire/grpc/timeout.ts";
import type { Connection } from "./connection.ts";
import { EtcdError, GrpcCode } from "../errors.ts";
import type { CallHandler, LiveCall } from "./live-call.ts";
import { encodeMethodBlock } from "./method.ts";
import type { Method } from "./method.ts";
import type { ClientPlatform } from "../platform.ts";
import type { Pool } from "./pool.ts";

/** What every call may be given. */
export interface CallOptions {
  /** The call fails with `DeadlineExceeded` after so long, retries included, ms. */
  readonly timeoutMs?: number;
  /** Ends the call with `Canceled` when it fires. */
  readonly signal?: AbortSignal;
}

/** Something worth a line in a log: an attempt failed and the call goes on. */
export interface RetryNotice {
  readonly method: string;
  readonly attempt: number;
  readonly error: EtcdError;
}

/** Gets and renews the credentials that calls carry. */
export interface Credentials {
  /** False as long as `renew` must be called before the first call is made. */
  readonly ready: boolean;
  /** Absent until there is one, and when the cluster asks for none. */
  readonly token: string | undefined;
  /** False when a refused token is final, because the user gave it. */
  readonly renewable: boolean;
  /** Fetches a new token; calls back with the reason when that fails. */
  renew(done: (error: EtcdError | null) => void): void;
}

/** What all calls of a client share. */
export interface ChannelOptions {
  readonly platform: ClientPlatform;
  readonly pool: Pool;
  readonly timeoutMs: number | undefined;
  readonly maxSendBytes: number;
  readonly retriesMax: number;
  readonly onRetry: ((notice: RetryNotice) => void) | undefined;
  /** null: calls carry none. */
  readonly credentials: Credentials | null;
}

/** Pause between rounds of attempts, and the fraction by which it differs (etcd's client). */
const BACKOFF_MS = 25;
const BACKOFF_JITTER = 0.1;

/** How long to wait before the next attempt, ms. */
export function backoffMs(platform: ClientPlatform): number {
  return BACKOFF_MS * (1 + BACKOFF_JITTER * (2 * platform.random() - 1));
}

/** The error of a call that ran out of time. */
export function deadlineExceeded(): EtcdError {
  return new EtcdError(GrpcCode.deadlineExceeded, "context deadline exceeded");
}

/** The error of a call that its caller ended. */
export function canceled(): EtcdError {
  return new EtcdError(GrpcCode.canceled, "context canceled");
}

/** Shared by all calls of a client: how to put one on the wire. */
export class Channel {
  readonly options: ChannelOptions;
  #blocks = new Map<string, Map<string, Uint8Array>>();
  #closers = new Set<() => void>();
  #closed = false;

  constructor(options: ChannelOptions) {
    this.options = options;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Starts one attempt on a ready connection; null when there is none. */
  attempt(
    method: Method,
    message: Uint8Array,
    how: { readonly deadlineMs: number | null; readonly paced: boolean },
    handler: CallHandler,
  ): LiveCall | null {
    const connection = this.options.pool.pick();
    if (connection === null) return null;
    const extraFields: [string, string][] = [];
    if (how.deadlineMs !== null) {
      const leftMs = how.deadlineMs - this.options.platform.monotonicMs();
      extraFields.push(["grpc-timeout", encodeGrpcTimeout(leftMs)]);
    }
    const token = this.options.credentials?.token;
    if (token !== undefined) extraFields.push(["token", token]);
    const methodBlock = this.#blockOf(connection, method.path);
    return connection.start({ methodBlock, extraFields, message, paced: how.paced }, handler);
  }

  /** Remembers what must end when the client is closed; the returned function forgets it. */
  track(end: () => void): () => void {
    this.#closers.add(end);
    return () => this.#closers.delete(end);
  }

  /** Ends every call and connection; later calls fail at once. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const end of this.#closers) end();
    this.#closers.clear();
    this.options.pool.close();
  }

  /** @returns why a call must not be made at all, or null. */
  refusal(message: Uint8Array, signal: AbortSignal | undefined): EtcdError | null {
    if (this.#closed) return new EtcdError(GrpcCode.canceled, "client is closed");
    if (signal?.aborted === true) return canceled();
    const { maxSendBytes } = this.options;
    if (message.length <= maxSendBytes) return null;
    const text = `trying to send message larger than max (${message.length} vs. ${maxSendBytes})`;
    return new EtcdError(GrpcCode.resourceExhausted, text);
  }

  #blockOf(connection: Connection, path: string): Uint8Array {
    const { authority, tls } = connection.endpoint;
    const key = `${tls ? "https" : "http"}://${authority}`;
    let blocks = this.#blocks.get(key);
    if (blocks === undefined) {
      blocks = new Map();
      this.#blocks.set(key, blocks);
    }
    let block = blocks.get(path);
    if (block === undefined) {
      block = encodeMethodBlock(path, authority, tls ? "https" : "http");
      blocks.set(path, block);
    }
    return block;
  }
}

/** A status as an error, in the words of grpc. */
export function statusError(code: number, message: string): EtcdError {
  const known = code >= 0 && code < codeNames.length;
  return new EtcdError(known ? code : GrpcCode.unknown, message);
}
