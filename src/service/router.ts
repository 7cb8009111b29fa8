import { surveyTxn } from "../apply/txn/long/survey.ts";
import { assert } from "../base/assert.ts";
import {
  decodeAlarmRequest,
  decodeCompactionRequest,
  decodeDefragmentRequest,
  decodeDeleteRangeRequest,
  decodeHashKVRequest,
  decodeHashRequest,
  decodeLeaseGrantRequest,
  decodeLeaseLeasesRequest,
  decodeLeaseRevokeRequest,
  decodeLeaseTimeToLiveRequest,
  decodeMemberListRequest,
  decodePutRequest,
  decodeRangeRequest,
  decodeStatusRequest,
} from "../proto/gen/etcdserverpb.ts";
import { methodEntries } from "../proto/gen/services.ts";
import { ProtoError } from "../proto/wire.ts";
import type { ClusterService } from "./cluster/cluster-service.ts";
import type { Consensus } from "./consensus.ts";
import { UNREADABLE_MESSAGE, unreadableRequest, WIRE_ERRORS } from "./errors.ts";
import type { LeaseCalls } from "./lease/lease-calls.ts";
import type { CompactionWaits } from "./kv/compaction-waits.ts";
import type { KvService } from "./kv/kv-service.ts";
import type { ReadTxns } from "./kv/read-txns.ts";
import type { BackendHashes } from "./maintenance/backend-hashes.ts";
import type { DefragmentCalls } from "./maintenance/defragment-calls.ts";
import type { MaintenanceService } from "./maintenance/maintenance-service.ts";
import type { SnapshotStreams } from "./maintenance/snapshot-streams.ts";
import type { RangeService } from "./range/range-service.ts";
import type { PendingReads } from "./reads.ts";
import type { WatchService } from "./watch/watch-service.ts";
import { Code, type ReplySink, type RpcMethod, type RpcService, type Token } from "./rpc.ts";
import type { StreamCalls, StreamMethod } from "./streams.ts";

/** Requests of the unary methods that are served, by path without its first slash. */
const DECODERS: ReadonlyMap<string, (bytes: Uint8Array, start: number, end: number) => unknown> =
  new Map<string, (bytes: Uint8Array, start: number, end: number) => unknown>([
    ["etcdserverpb.KV/Range", decodeRangeRequest],
    ["etcdserverpb.KV/Put", decodePutRequest],
    ["etcdserverpb.KV/DeleteRange", decodeDeleteRangeRequest],
    ["etcdserverpb.KV/Txn", surveyTxnBegin],
    ["etcdserverpb.KV/Compact", decodeCompactionRequest],
    ["etcdserverpb.Lease/LeaseGrant", decodeLeaseGrantRequest],
    ["etcdserverpb.Lease/LeaseRevoke", decodeLeaseRevokeRequest],
    ["etcdserverpb.Lease/LeaseTimeToLive", decodeLeaseTimeToLiveRequest],
    ["etcdserverpb.Lease/LeaseLeases", decodeLeaseLeasesRequest],
    ["etcdserverpb.Maintenance/Status", decodeStatusRequest],
    ["etcdserverpb.Maintenance/Alarm", decodeAlarmRequest],
    ["etcdserverpb.Maintenance/Defragment", decodeDefragmentRequest],
    ["etcdserverpb.Maintenance/Hash", decodeHashRequest],
    ["etcdserverpb.Maintenance/HashKV", decodeHashKVRequest],
    ["etcdserverpb.Cluster/MemberList", decodeMemberListRequest],
  ]);

/** Steps in which a transaction is looked at that is refused for another reason anyway. */
const SURVEY_STEPS = 8;

/** It may have a million operations; what is wrong behind the first thousands is not looked for. */
function surveyTxnBegin(bytes: Uint8Array, start: number, end: number): void {
  const steps = surveyTxn(bytes, start, end);
  for (let done = 0; done < SURVEY_STEPS && steps.next().done !== true;) done += 1;
}

type Handler = (token: Token, bytes: Uint8Array, start: number, end: number) => void;

/** The services behind the router. */
export interface RouterOptions {
  readonly kv: KvService;
  readonly ranges: RangeService;
  readonly readTxns: ReadTxns;
  readonly maintenance: MaintenanceService;
  readonly defragmentation: DefragmentCalls;
  readonly snapshots: SnapshotStreams;
  readonly hashes: BackendHashes;
  readonly cluster: ClusterService;
  readonly leases: LeaseCalls;
  readonly streams: StreamCalls;
  readonly compactions: CompactionWaits;
  readonly reads: PendingReads;
  readonly consensus: Consensus;
  readonly watch: WatchService;
  /** Receives the sink when the door binds. */
  readonly onBind: (sink: ReplySink) => void;
}

/** The whole API as one `RpcService`: method ids to handlers, and the rules common to all. */
export class Router implements RpcService {
  readonly methods: readonly RpcMethod[] = methodEntries;
  readonly #options: RouterOptions;
  readonly #handlers: readonly (Handler | null)[];
  readonly #streamMethods: readonly (StreamMethod | null)[];
  #sink: ReplySink | null = null;

  constructor(options: RouterOptions) {
    this.#options = options;
    const served = servedMethods(options);
    this.#handlers = methodEntries.map(
      ({ service, name }) => served.get(`${service}/${name}`) ?? null,
    );
    const streams = servedStreams(options);
    this.#streamMethods = methodEntries.map(
      ({ service, name }) => streams.get(`${service}/${name}`) ?? null,
    );
  }

  bind(sink: ReplySink): void {
    this.#sink = sink;
    this.#options.onBind(sink);
  }

  request(methodId: number, token: Token, bytes: Uint8Array, start: number, end: number): void {
    if (this.#refuseWithoutLeader(token)) return;
    const handler = this.#handlers[methodId];
    if (handler === null || handler === undefined) {
      this.#refuseUnserved(methodId, token);
      return;
    }
    try {
      handler(token, bytes, start, end);
    } catch (error) {
      if (!(error instanceof ProtoError)) throw error;
      const isUnary = this.methods[methodId]?.kind === "unary";
      const message = isUnary ? unreadableRequest(error) : `${UNREADABLE_MESSAGE}${error.message}`;
      this.#fail(token, Code.internal, message);
    }
  }

  unreadable(methodId: number, bytes: Uint8Array, start: number, end: number): string | null {
    const method = this.methods[methodId];
    const decode = method && DECODERS.get(`${method.service}/${method.name}`);
    try {
      decode?.(bytes, start, end);
      return null;
    } catch (error) {
      if (!(error instanceof ProtoError)) throw error;
      return unreadableRequest(error);
    }
  }

  open(methodId: number, token: Token): void {
    if (this.#refuseWithoutLeader(token)) return;
    const method = this.#streamMethods[methodId] ?? null;
    if (method === null) this.#refuseUnserved(methodId, token);
    else this.#options.streams.open(token, method);
  }

  message(token: Token, bytes: Uint8Array, start: number, end: number): void {
    this.#options.streams.message(token, bytes, start, end);
  }

  halfClose(token: Token): void {
    this.#options.streams.halfClose(token);
  }

  cancel(token: Token): void {
    this.#options.streams.cancel(token);
    this.#options.kv.cancel(token);
    this.#options.reads.cancel(token);
    this.#options.ranges.cancel(token);
    this.#options.readTxns.cancel(token);
    this.#options.leases.cancel(token);
    this.#options.compactions.cancel(token);
    this.#options.maintenance.cancel(token);
    this.#options.snapshots.cancel(token);
    this.#options.hashes.cancel(token);
  }

  writable(token: Token): void {
    this.#options.streams.writable(token);
    this.#options.ranges.writable(token);
    this.#options.snapshots.writable(token);
  }

  /** `hasleader: true` (wire.md 3.1). */
  #refuseWithoutLeader(token: Token): boolean {
    if (this.#options.consensus.hasLeader()) return false;
    if (this.#boundSink().metadata(token, "hasleader") !== "true") return false;
    this.#fail(token, WIRE_ERRORS.noLeader.code, WIRE_ERRORS.noLeader.message);
    return true;
  }

  #refuseUnserved(methodId: number, token: Token): void {
    const method = this.methods[methodId];
    assert(method !== undefined, "router: method id");
    const name = `${method.service}/${method.name}`;
    this.#fail(token, Code.unimplemented, `skein: ${name} is not served by this version`);
  }

  #fail(token: Token, code: Code, message: string): void {
    this.#boundSink().finish(token, code, message);
  }

  #boundSink(): ReplySink {
    assert(this.#sink !== null, "router: used before it was bound");
    return this.#sink;
  }
}

function servedMethods(options: RouterOptions): Map<string, Handler> {
  const { kv, maintenance, defragmentation, snapshots, hashes, cluster } = options;
  const lease = options.leases.unary;
  return new Map<string, Handler>([
    ["etcdserverpb.KV/Range", kv.range.bind(kv)],
    ["etcdserverpb.KV/RangeStream", kv.rangeStream.bind(kv)],
    ["etcdserverpb.KV/Put", kv.put.bind(kv)],
    ["etcdserverpb.KV/DeleteRange", kv.deleteRange.bind(kv)],
    ["etcdserverpb.KV/Txn", kv.txn.bind(kv)],
    ["etcdserverpb.KV/Compact", kv.compact.bind(kv)],
    ["etcdserverpb.Lease/LeaseGrant", lease.grant.bind(lease)],
    ["etcdserverpb.Lease/LeaseRevoke", lease.revoke.bind(lease)],
    ["etcdserverpb.Lease/LeaseTimeToLive", lease.timeToLive.bind(lease)],
    ["etcdserverpb.Lease/LeaseLeases", lease.leases.bind(lease)],
    ["etcdserverpb.Maintenance/Status", maintenance.status.bind(maintenance)],
    ["etcdserverpb.Maintenance/Alarm", maintenance.alarm.bind(maintenance)],
    ["etcdserverpb.Maintenance/Defragment", defragmentation.request.bind(defragmentation)],
    ["etcdserverpb.Maintenance/Snapshot", snapshots.request.bind(snapshots)],
    ["etcdserverpb.Maintenance/Hash", hashes.request.bind(hashes)],
    ["etcdserverpb.Maintenance/HashKV", maintenance.hashKv.bind(maintenance)],
    ["etcdserverpb.Cluster/MemberList", cluster.memberList.bind(cluster)],
  ]);
}

function servedStreams({ leases, watch }: RouterOptions): Map<string, StreamMethod> {
  return new Map<string, StreamMethod>([
    ["etcdserverpb.Lease/LeaseKeepAlive", leases.keepAlives],
    ["etcdserverpb.Watch/Watch", watch],
  ]);
}
