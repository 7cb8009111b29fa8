import {
  AlarmRequestAlarmAction,
  AlarmType,
  createResponseHeader,
  decodeAlarmResponse,
  decodeHashKVResponse,
  decodeHashResponse,
  decodeSnapshotResponse,
  decodeStatusResponse,
  encodeAlarmRequestToBytes,
  encodeDefragmentRequestToBytes,
  encodeHashKVRequestToBytes,
  encodeHashRequestToBytes,
  encodeSnapshotRequestToBytes,
  encodeStatusRequestToBytes,
} from "../proto/gen/etcdserverpb.ts";
import type { CallOptions } from "./transport/channel.ts";
import { METHODS } from "./transport/method.ts";
import type { Rpc } from "./transport/rpc.ts";
import type {
  AlarmMember,
  AlarmResult,
  HashKvResult,
  HashResult,
  SnapshotPiece,
  StatusResult,
} from "./types.ts";

/** Health and upkeep. The member that answers is the next in turn: use one endpoint to ask one. */
export class Maintenance {
  #rpc: Rpc;

  constructor(rpc: Rpc) {
    this.#rpc = rpc;
  }

  /** Version, sizes and raft position of the member that answers. */
  async status(options: CallOptions = {}): Promise<StatusResult> {
    const request = encodeStatusRequestToBytes({});
    const reply = await this.#rpc.unary(METHODS.status, request, options);
    const response = decodeStatusResponse(reply, 0, reply.length);
    response.header ??= createResponseHeader();
    return response as StatusResult;
  }

  /** Hash of the history up to `revision` (0: all), to compare members with. */
  async hashKv(options: { readonly revision?: number } & CallOptions = {}): Promise<HashKvResult> {
    const request = encodeHashKVRequestToBytes({ revision: options.revision ?? 0 });
    const reply = await this.#rpc.unary(METHODS.hashKv, request, options);
    const response = decodeHashKVResponse(reply, 0, reply.length);
    response.header ??= createResponseHeader();
    return response as HashKvResult;
  }

  /**
   * The member's database file as it is now, piece by piece; the last piece is the SHA-256 of all
   * others. Written one behind the other they are what `etcdutl snapshot restore` takes.
   */
  async *snapshot(options: CallOptions = {}): AsyncGenerator<SnapshotPiece, void, undefined> {
    const request = encodeSnapshotRequestToBytes({});
    for await (const message of this.#rpc.stream(METHODS.snapshot, request, options)) {
      yield decodeSnapshotResponse(message, 0, message.length);
    }
  }

  /** Hash of all that the member's database holds. To compare members, use `hashKv`. */
  async hash(options: CallOptions = {}): Promise<HashResult> {
    const reply = await this.#rpc.unary(METHODS.hash, encodeHashRequestToBytes({}), options);
    const response = decodeHashResponse(reply, 0, reply.length);
    response.header ??= createResponseHeader();
    return response as HashResult;
  }

  /**
   * Makes the member's database file as short as it can be. Returns when that is done, which may
   * take minutes; an etcd member serves nothing meanwhile, a Skein member does.
   */
  async defragment(options: CallOptions = {}): Promise<void> {
    const request = encodeDefragmentRequestToBytes({});
    await this.#rpc.unary(METHODS.defragment, request, options);
  }

  /** Alarms that are raised. */
  async alarmList(options: CallOptions = {}): Promise<AlarmResult> {
    const action = AlarmRequestAlarmAction.GET;
    const request = encodeAlarmRequestToBytes({ action, memberID: 0n, alarm: AlarmType.NONE });
    const reply = await this.#rpc.unary(METHODS.alarm, request, options);
    const response = decodeAlarmResponse(reply, 0, reply.length);
    response.header ??= createResponseHeader();
    return response as AlarmResult;
  }

  /**
   * Clears one alarm of one member; member 0 and alarm 0: all that are raised, one after the other.
   * Returns what it cleared.
   */
  async alarmDisarm(which: AlarmMember, options: CallOptions = {}): Promise<AlarmResult> {
    if (which.memberID === 0n && which.alarm === AlarmType.NONE) return this.#disarmAll(options);
    const action = AlarmRequestAlarmAction.DEACTIVATE;
    const request = encodeAlarmRequestToBytes({ action, ...which });
    const reply = await this.#rpc.unary(METHODS.alarmDisarm, request, options);
    const response = decodeAlarmResponse(reply, 0, reply.length);
    response.header ??= createResponseHeader();
    return response as AlarmResult;
  }

  /** A server clears what is named exactly and nothing else, so "all" is the client's to spell. */
  async #disarmAll(options: CallOptions): Promise<AlarmResult> {
    const { alarms } = await this.alarmList(options);
    const cleared: AlarmMember[] = [];
    for (const each of alarms) {
      // One without a type is none: it would mean all, again.
      if (each.alarm === AlarmType.NONE) continue;
      cleared.push(...(await this.alarmDisarm(each, options)).alarms);
    }
    return { header: undefined, alarms: cleared };
  }
}
