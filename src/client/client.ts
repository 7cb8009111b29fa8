import { Channel } from "./transport/channel.ts";
import type { CallOptions, Credentials, RetryNotice } from "./transport/channel.ts";
import { Cluster } from "./cluster.ts";
import type { Keepalive } from "./transport/connection.ts";
import { fixedToken, PasswordCredentials } from "./transport/credentials.ts";
import { parseEndpoint } from "./transport/endpoint.ts";
import { Kv } from "./kv.ts";
import { Lease } from "./lease.ts";
import { Maintenance } from "./maintenance.ts";
import { nodePlatform } from "./node-socket.ts";
import type { ClientPlatform, TlsOptions } from "./platform.ts";
import { Pool } from "./transport/pool.ts";
import { Rpc } from "./transport/rpc.ts";
import { type WatchBatch, Watches, type WatchOptions } from "./watch.ts";
import type { Bytes } from "./types.ts";

/** Largest request by default: etcd refuses larger ones anyway. */
const MAX_SEND_BYTES = 2 * 1024 * 1024;
/** Largest reply by default: what gRPC can say. */
const MAX_RECEIVE_BYTES = 2 ** 31 - 1;
/** Attempts at one call, as etcd's client. */
const RETRIES_MAX = 100;
/** A connection that is not there by then is made anew. */
const CONNECT_TIMEOUT_MS = 5000;

/** What a client is made of; only `endpoints` is needed. */
export interface ClientOptions {
  /** `host:port`, `http://…`, `https://…`, `unix:…`. At least one. */
  readonly endpoints: readonly string[];
  /** Certificates; given at all, endpoints without a scheme are TLS. */
  readonly tls?: TlsOptions;
  /** Name and password; a token is fetched before the first call, and anew when it is refused. */
  readonly auth?: { readonly username: string; readonly password: string };
  /** A token to send as it is, instead of `auth`. */
  readonly token?: string;
  /** Time limit of every call that brings none, ms. Without it calls wait for a member for ever. */
  readonly timeoutMs?: number;
  readonly connectTimeoutMs?: number;
  /** Pings on silent connections; null (default) sends none. The server allows one in 5 s. */
  readonly keepalive?: Keepalive | null;
  readonly maxSendBytes?: number;
  readonly maxReceiveBytes?: number;
  /** Attempts at one call at most. */
  readonly retriesMax?: number;
  /** Told of every attempt that failed and is followed by another. */
  readonly onRetry?: (notice: RetryNotice) => void;
  /** Sockets and timers; for tests. */
  readonly platform?: ClientPlatform;
}

/**
 * A client of one cluster. Connects to all endpoints at once, spreads calls over them in turn and
 * keeps the process alive until `close`.
 */
export class Client {
  readonly kv: Kv;
  readonly lease: Lease;
  readonly maintenance: Maintenance;
  readonly cluster: Cluster;
  #channels: Channel[];
  #pool: Pool;
  #credentials: PasswordCredentials | null = null;
  #rpc: Rpc;
  #watches: Watches;

  /** @throws RangeError when there is no endpoint or one cannot be read. */
  constructor(options: ClientOptions) {
    if (options.endpoints.length === 0) throw new RangeError("no endpoints given");
    const tlsByDefault = options.tls !== undefined;
    const endpoints = options.endpoints.map((text) => parseEndpoint(text, tlsByDefault));
    const platform = options.platform ?? nodePlatform();
    const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    this.#pool = new Pool({
      platform,
      endpoints,
      tls: options.tls ?? {},
      keepalive: options.keepalive ?? null,
      connectTimeoutMs,
      maxReceiveBytes: options.maxReceiveBytes ?? MAX_RECEIVE_BYTES,
    });
    const pool = this.#pool;
    const shared = {
      platform,
      pool,
      timeoutMs: options.timeoutMs,
      maxSendBytes: options.maxSendBytes ?? MAX_SEND_BYTES,
      retriesMax: options.retriesMax ?? RETRIES_MAX,
      onRetry: options.onRetry,
    };
    let credentials: Credentials | null = null;
    this.#channels = [];
    if (options.token !== undefined) credentials = fixedToken(options.token);
    else if (options.auth !== undefined) {
      const { username, password } = options.auth;
      const byPassword = new PasswordCredentials(username, password, connectTimeoutMs);
      const plain = new Channel({ ...shared, credentials: null });
      byPassword.bind(new Rpc(plain));
      this.#channels.push(plain);
      this.#credentials = byPassword;
      credentials = byPassword;
    }
    const channel = new Channel({ ...shared, credentials });
    this.#channels.push(channel);
    this.#rpc = new Rpc(channel);
    this.lease = new Lease(this.#rpc, platform);
    this.kv = new Kv(this.#rpc, this.lease);
    // A watch lasts as long as it is wanted.
    const lasting = new Channel({ ...shared, timeoutMs: undefined, credentials });
    this.#channels.push(lasting);
    this.#watches = new Watches(new Rpc(lasting), platform);
    this.maintenance = new Maintenance(this.#rpc);
    this.cluster = new Cluster(this.#rpc);
  }

  /**
   * What happens to a key or a set of keys, each event once and in order, also across failures of
   * connections and members. Leave the loop to end it. Throws as `Watches.watch`.
   */
  watch(key: Bytes, options: WatchOptions = {}): AsyncGenerator<WatchBatch, void, undefined> {
    return this.#watches.watch(key, options);
  }

  /**
   * Any unary method, with encoded messages: `call("/etcdserverpb.Lease/LeaseGrant", bytes)`. It is
   * taken for a write, so never repeated in doubt, unless `read` says that it changes nothing.
   */
  call(
    path: string,
    request: Uint8Array,
    options: { readonly read?: boolean } & CallOptions = {},
  ): Promise<Uint8Array> {
    const policy = options.read === true ? "read" : "write";
    return this.#rpc.unary({ path, policy }, request, options);
  }

  /** Any server-streaming method, with encoded messages. */
  callStream(
    path: string,
    request: Uint8Array,
    options: CallOptions = {},
  ): AsyncIterableIterator<Uint8Array> {
    return this.#rpc.stream({ path, policy: "read" }, request, options);
  }

  /**
   * Fetches the token for `auth` now instead of with the first call; does nothing without `auth`.
   * Rejects with EtcdError when name and password are refused.
   */
  login(): Promise<void> {
    const credentials = this.#credentials;
    if (credentials === null) return Promise.resolve();
    return new Promise((resolve, reject) => {
      credentials.renew((reason) => (reason === null ? resolve() : reject(reason)));
    });
  }

  /** Why endpoints cannot be reached right now; empty when all is well. */
  troubles(): string {
    return this.#pool.troubles();
  }

  /** Ends running calls with `Canceled` and closes all connections; nothing stays behind. */
  close(): void {
    for (const channel of this.#channels) channel.close();
  }
}
