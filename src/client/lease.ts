import {
  decodeLeaseGrantResponse,
  decodeLeaseKeepAliveResponse,
  decodeLeaseLeasesResponse,
  decodeLeaseRevokeResponse,
  decodeLeaseTimeToLiveResponse,
  encodeLeaseGrantRequestToBytes,
  encodeLeaseKeepAliveRequestToBytes,
  encodeLeaseLeasesRequestToBytes,
  encodeLeaseRevokeRequestToBytes,
  encodeLeaseTimeToLiveRequestToBytes,
  createResponseHeader,
} from "../proto/gen/etcdserverpb.ts";
import { EtcdError, GrpcCode } from "./errors.ts";
import { KeptLease } from "./kept-lease.ts";
import type { ClientPlatform } from "./platform.ts";
import type { ResponseHeader } from "./types.ts";
import type { CallOptions } from "./transport/channel.ts";
import { METHODS } from "./transport/method.ts";
import type { Rpc } from "./transport/rpc.ts";

/** etcd's code for what is not there. */
const NOT_FOUND = 5;

/** A lease that was granted or kept alive. */
export interface LeaseResult {
  readonly header: ResponseHeader;
  readonly id: bigint;
  /** Seconds it has from now on; the server may have raised what was asked for. */
  readonly ttl: number;
}

/** What is left of a lease. */
export interface TimeToLiveResult {
  readonly header: ResponseHeader;
  readonly id: bigint;
  /** Whole seconds left; -1 when there is no such lease. */
  readonly ttl: number;
  /** Seconds it was granted; 0 when there is no such lease. */
  readonly grantedTtl: number;
  /** Keys that go with it, if they were asked for; in no order. */
  readonly keys: readonly Uint8Array[];
}

/** All leases, those that end first at the front. */
export interface LeaseListResult {
  readonly header: ResponseHeader;
  readonly leases: readonly bigint[];
}

/** Leases: keys that are put with one go when it ends. Every method rejects with `EtcdError`. */
export class Lease {
  #rpc: Rpc;
  #platform: ClientPlatform;

  constructor(rpc: Rpc, platform: ClientPlatform) {
    this.#rpc = rpc;
    this.#platform = platform;
  }

  /** A lease of so many seconds, with the id that is given or one that the server chooses. */
  async grant(
    ttlSeconds: number,
    options: { readonly id?: bigint } & CallOptions = {},
  ): Promise<LeaseResult> {
    const request = encodeLeaseGrantRequestToBytes({ ttl: ttlSeconds, id: options.id ?? 0n });
    const reply = await this.#rpc.unary(METHODS.leaseGrant, request, options);
    const { header, id, ttl } = decodeLeaseGrantResponse(reply, 0, reply.length);
    return { header: header ?? createResponseHeader(), id, ttl };
  }

  /** Ends a lease at once, with its keys. */
  async revoke(id: bigint, options: CallOptions = {}): Promise<{ header: ResponseHeader }> {
    const request = encodeLeaseRevokeRequestToBytes({ id });
    const reply = await this.#rpc.unary(METHODS.leaseRevoke, request, options);
    const { header } = decodeLeaseRevokeResponse(reply, 0, reply.length);
    return { header: header ?? createResponseHeader() };
  }

  async timeToLive(
    id: bigint,
    options: { readonly keys?: boolean } & CallOptions = {},
  ): Promise<TimeToLiveResult> {
    const request = encodeLeaseTimeToLiveRequestToBytes({ id, keys: options.keys ?? false });
    const reply = await this.#rpc.unary(METHODS.leaseTimeToLive, request, options);
    const { header, ttl, grantedTTL, keys } = decodeLeaseTimeToLiveResponse(reply, 0, reply.length);
    return { header: header ?? createResponseHeader(), id, ttl, grantedTtl: grantedTTL, keys };
  }

  async list(options: CallOptions = {}): Promise<LeaseListResult> {
    const request = encodeLeaseLeasesRequestToBytes({});
    const reply = await this.#rpc.unary(METHODS.leaseLeases, request, options);
    const { header, leases } = decodeLeaseLeasesResponse(reply, 0, reply.length);
    return { header: header ?? createResponseHeader(), leases: leases.map(({ id }) => id) };
  }

  /** Starts the time of a lease anew. Rejects with `LeaseNotFound` when it is not there. */
  async keepAliveOnce(id: bigint, options: CallOptions = {}): Promise<LeaseResult> {
    const request = encodeLeaseKeepAliveRequestToBytes({ id });
    for await (const reply of this.#rpc.stream(METHODS.leaseKeepAlive, request, options)) {
      const { header, ttl } = decodeLeaseKeepAliveResponse(reply, 0, reply.length);
      if (ttl <= 0) throw new EtcdError(NOT_FOUND, "etcdserver: requested lease not found");
      return { header: header ?? createResponseHeader(), id, ttl };
    }
    throw new EtcdError(GrpcCode.unavailable, "the keep-alive ended without an answer");
  }

  /**
   * Grants a lease and keeps it alive in the background until it is released, revoked or lost. A
   * process that has one does not end by itself.
   */
  async keep(
    ttlSeconds: number,
    options: { readonly id?: bigint } & CallOptions = {},
  ): Promise<KeptLease> {
    const grantedMs = this.#platform.monotonicMs();
    const { id, ttl } = await this.grant(ttlSeconds, options);
    return new KeptLease(this, this.#platform, { id, ttl, grantedMs });
  }
}
