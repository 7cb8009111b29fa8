import {
  decodeCompactionResponse,
  decodeDeleteRangeResponse,
  decodePutResponse,
  decodeRangeResponse,
  decodeRangeStreamResponse,
  decodeTxnResponse,
  encodeCompactionRequestToBytes,
  encodeDeleteRangeRequestToBytes,
  encodePutRequestToBytes,
  encodeRangeRequestToBytes,
  encodeTxnRequestToBytes,
  createResponseHeader,
} from "../proto/gen/etcdserverpb.ts";
import type { CallOptions } from "./transport/channel.ts";
import { METHODS } from "./transport/method.ts";
import {
  deleteRequest,
  deleteResult,
  putRequest,
  putResult,
  rangeRequest,
  rangeResult,
  txnRequest,
  txnResult,
} from "./ops.ts";
import type { Condition, Op, TxnParts } from "./ops.ts";
import type { Lease } from "./lease.ts";
import type { Rpc } from "./transport/rpc.ts";
import type {
  Bytes,
  CompactResult,
  DeleteOptions,
  DeleteResult,
  KeyValue,
  PutOptions,
  PutResult,
  RangeOptions,
  RangeResult,
  TxnResult,
} from "./types.ts";

/** A piece of a streamed read. `header`, `more` and `count` come with the last one only. */
export interface RangeChunk {
  readonly header: RangeResult["header"] | undefined;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  readonly count: number;
}

/** A transaction under construction: `kv.txn().if(…).then(…).else(…).commit()`. */
export class TxnBuilder {
  #kv: Kv;
  #compare: Condition[] = [];
  #success: Op[] = [];
  #failure: Op[] = [];

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /** All conditions must hold; none means yes. */
  if(...conditions: readonly Condition[]): this {
    this.#compare.push(...conditions);
    return this;
  }

  /** @throws TypeError when an unfinished transaction is awaited: `commit` is missing. */
  // oxlint-disable-next-line unicorn/no-thenable -- the name of the branch in etcd's own client
  then(...operations: readonly Op[]): this {
    if (typeof operations[0] === "function") {
      throw new TypeError("commit() the transaction instead of awaiting it");
    }
    this.#success.push(...operations);
    return this;
  }

  else(...operations: readonly Op[]): this {
    this.#failure.push(...operations);
    return this;
  }

  /** Runs it. Rejects with EtcdError; nothing was changed when etcd refused it. */
  commit(options: CallOptions = {}): Promise<TxnResult> {
    const { success, failure } = this.parts();
    return this.#kv.runTxn({ compare: this.#compare, success, failure }, options);
  }

  /** The transaction as data, to nest it in another with `ops.txn`. */
  parts(): Required<TxnParts> {
    return { compare: this.#compare, success: this.#success, failure: this.#failure };
  }
}

/**
 * Keys and values. Every method rejects with `EtcdError`; reads are repeated on other members when
 * one fails, writes only when they surely were not seen.
 */
export class Kv {
  #rpc: Rpc;
  #lease: Lease;

  constructor(rpc: Rpc, lease: Lease) {
    this.#rpc = rpc;
    this.#lease = lease;
  }

  /**
   * Stores a value; `revision` of the header is that of the change.
   * @throws RangeError (by rejection) when both a lease and a ttl are given.
   */
  async put(key: Bytes, value: Bytes, options: PutOptions & CallOptions = {}): Promise<PutResult> {
    const { ttl, ...others } = options;
    if (ttl === undefined) return this.#put(key, value, options);
    if (others.lease !== undefined) throw new RangeError("put: a lease and a ttl");
    const { id } = await this.#lease.grant(ttl, options);
    try {
      return await this.#put(key, value, { ...others, lease: id });
    } catch (error) {
      // Should that fail too, it ends by itself.
      await this.#lease.revoke(id, options).catch(() => {});
      throw error;
    }
  }

  async #put(key: Bytes, value: Bytes, options: PutOptions & CallOptions): Promise<PutResult> {
    const request = encodePutRequestToBytes(putRequest(key, value, options));
    const reply = await this.#rpc.unary(METHODS.put, request, options);
    return putResult(decodePutResponse(reply, 0, reply.length));
  }

  /** The key as it is, or null. */
  async get(key: Bytes, options: RangeOptions & CallOptions = {}): Promise<KeyValue | null> {
    return (await this.range(key, options)).kvs[0] ?? null;
  }

  /** All keys that `key` and the options select, in one answer. */
  async range(key: Bytes, options: RangeOptions & CallOptions = {}): Promise<RangeResult> {
    const request = encodeRangeRequestToBytes(rangeRequest(key, options));
    const reply = await this.#rpc.unary(METHODS.range, request, options);
    return rangeResult(decodeRangeResponse(reply, 0, reply.length));
  }

  /** All keys that begin with `prefix` (the empty one: all keys), without the header. */
  async getAll(
    prefix: Bytes,
    options: Omit<RangeOptions, "prefix" | "fromKey" | "rangeEnd"> & CallOptions = {},
  ): Promise<readonly KeyValue[]> {
    return (await this.range(prefix, { ...options, prefix: true })).kvs;
  }

  /**
   * The same read in pieces, all of one revision; a slow reader holds the server back. The server
   * refuses revision filters and sorting other than by ascending key. Servers before 3.7 do not
   * know it (`Unimplemented`).
   */
  async *rangeStream(
    key: Bytes,
    options: RangeOptions & CallOptions = {},
  ): AsyncGenerator<RangeChunk, void, undefined> {
    const request = encodeRangeRequestToBytes(rangeRequest(key, options));
    for await (const message of this.#rpc.stream(METHODS.rangeStream, request, options)) {
      const chunk = decodeRangeStreamResponse(message, 0, message.length).rangeResponse;
      if (chunk !== undefined) yield chunk;
    }
  }

  /** Removes what `key` and the options select. */
  async delete(key: Bytes, options: DeleteOptions & CallOptions = {}): Promise<DeleteResult> {
    const request = encodeDeleteRangeRequestToBytes(deleteRequest(key, options));
    const reply = await this.#rpc.unary(METHODS.deleteRange, request, options);
    return deleteResult(decodeDeleteRangeResponse(reply, 0, reply.length));
  }

  /** Begins a transaction. */
  txn(): TxnBuilder {
    return new TxnBuilder(this);
  }

  /** Runs a transaction given as data. */
  async runTxn(parts: TxnParts, options: CallOptions = {}): Promise<TxnResult> {
    const request = encodeTxnRequestToBytes(txnRequest(parts));
    const reply = await this.#rpc.unary(METHODS.txn, request, options);
    return txnResult(decodeTxnResponse(reply, 0, reply.length));
  }

  /**
   * Forgets history before `revision`. With `physical` the answer waits until the space is free.
   */
  async compact(
    revision: number,
    options: { readonly physical?: boolean } & CallOptions = {},
  ): Promise<CompactResult> {
    const physical = options.physical ?? false;
    const request = encodeCompactionRequestToBytes({ revision, physical });
    const reply = await this.#rpc.unary(METHODS.compact, request, options);
    const { header } = decodeCompactionResponse(reply, 0, reply.length);
    return { header: header ?? createResponseHeader() };
  }
}
