import { ChunkWriter } from "../base/chunk-writer.ts";
import { AlarmType, type Alarms } from "../cluster/alarms.ts";
import { decodeMemberContext, type Membership } from "../cluster/membership.ts";
import type { StateMachine } from "../consensus/state-machine.ts";
import type { Lessor } from "../lease/lessor.ts";
import type { KvStore } from "../mvcc/store/store.ts";
import type { Clock } from "../platform/clock.ts";
import {
  type AlarmRequest,
  decodeInternalRaftRequest,
  type DeleteRangeRequest,
  type InternalRaftRequest,
  type LeaseGrantRequest,
  type PutRequest,
  type TxnRequest,
} from "../proto/gen/etcdserverpb.ts";
import { decodeConfChange } from "../proto/gen/raftpb.ts";
import { peekV2Method } from "../proto/v2-request.ts";
import { type Entry, EntryType } from "../raft/types.ts";
import type { Backend } from "../storage/backend/backend.ts";
import { removeAlarm, writeAlarm } from "../storage/schema/alarms.ts";
import { writeClusterVersion } from "../storage/schema/cluster-info.ts";
import { writeConfState } from "../storage/schema/conf-state.ts";
import { writeMember } from "../storage/schema/members.ts";
import type { Committer } from "./committer.ts";
import { putCost, refusedByAlarm, requestCost } from "./gate.ts";
import { LeaseEntries } from "./lease-entries.ts";
import { lowId, newPutEntry, PutEntryReader } from "./put-entry.ts";
import type { Quota } from "./quota.ts";
import type { ApplyEvents, ApplyResults } from "./results.ts";
import type { Steps } from "./steps.ts";
import { Comparer } from "./txn/compare.ts";
import { Executor } from "./txn/execute.ts";
import { type LongTxnEntry, readLongTxnEntry } from "./txn/long/long-entry.ts";
import { LongTxn } from "./txn/long/long-txn.ts";
import { surveyTxn } from "./txn/long/survey.ts";
import { PlanChecker, planTxn } from "./txn/plan.ts";
import { chunksOf, NO_CHUNKS } from "./txn/result.ts";
import { RangeReader } from "./range/range-reader.ts";
import { readV2Put, type V2Entry } from "./v2-entry.ts";

/** Length of a slice: short enough for ticks, reads and sockets in between (design decision 6). */
const SLICE_MS = 1;
/** Entries between two looks at the clock. */
const CLOCK_EVERY_ENTRIES = 16;
const AlarmAction = { get: 0, activate: 1, deactivate: 2 } as const;

/** Kinds of entries that change nothing here: reads, and what a member without peers ignores. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  "range",
  "downgradeInfoSet",
  "downgradeVersionTest",
]);

/** What an Applier works on and reports to. */
export interface ApplierOptions {
  readonly clock: Clock;
  readonly store: KvStore;
  /** Under the store: what is not a key goes there directly. */
  readonly backend: Backend;
  readonly committer: Committer;
  readonly membership: Membership;
  readonly alarms: Alarms;
  readonly lessor: Lessor;
  readonly results: ApplyResults;
  readonly events: ApplyEvents;
  readonly quota: Quota;
}

/**
 * Committed entry → change of state. Deterministic: what it does depends on the entries and the
 * state they met, nothing else. Effects are published per entry, all of it or nothing.
 */
export class Applier implements StateMachine {
  readonly #options: ApplierOptions;
  readonly #store: KvStore;
  readonly #results: ApplyResults;
  readonly #comparer: Comparer;
  readonly #checker: PlanChecker;
  readonly #executor: Executor;
  readonly #leases: LeaseEntries;
  readonly #putReader = new PutEntryReader();
  readonly #putEntry = newPutEntry();
  /** A deletion or transaction; it goes on in the next slice when it takes longer than one. */
  #long: Steps<void> | null = null;

  constructor(options: ApplierOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#results = options.results;
    this.#comparer = new Comparer(options.store);
    this.#checker = new PlanChecker(options.store, options.lessor);
    this.#executor = new Executor(options.store, new RangeReader(options.store), false);
    this.#leases = new LeaseEntries(options);
  }

  get isBlocked(): boolean {
    return this.#options.committer.isBehind;
  }

  apply(entries: readonly Entry[], from: number): number {
    const { clock, committer } = this.#options;
    const deadlineMs = clock.monotonicMs() + SLICE_MS;
    let at = from;
    while (at < entries.length && !committer.isBehind) {
      const entry = entries[at]!;
      if (this.#long === null) this.#start(entry);
      if (this.#long !== null && !this.#goOn(this.#long, deadlineMs)) break;
      committer.advance(entry.index, entry.term);
      at += 1;
      if ((at - from) % CLOCK_EVERY_ENTRIES === 0 && clock.monotonicMs() >= deadlineMs) break;
    }
    return at - from;
  }

  #start(entry: Entry): void {
    // What the backend already has is not done twice (storage.md C2).
    if (entry.index <= this.#options.committer.consistentIndex) return;
    if (entry.type !== EntryType.normal) {
      this.#applyConfChange(entry);
      return;
    }
    if (entry.data.length === 0) {
      this.#options.events.onTermBegun(entry.term);
      return;
    }
    if (this.#putReader.read(entry.data, this.#putEntry)) {
      this.#applyPut(this.#putEntry.requestId, this.#putEntry.request);
      return;
    }
    const v2Method = peekV2Method(entry.data, 0, entry.data.length);
    if (v2Method !== undefined) {
      if (v2Method === "PUT") this.#applyV2(readV2Put(entry.data));
      return;
    }
    const long = readLongTxnEntry(entry.data);
    if (long !== null) this.#long = this.#applyLongTxn(entry.data, long);
    else this.#applyRequest(entry, decodeInternalRaftRequest(entry.data, 0, entry.data.length));
  }

  #applyRequest(entry: Entry, request: InternalRaftRequest): void {
    const requestId = lowId(request.header?.id ?? request.id);
    const inner = request.request;
    if (inner === undefined) return;
    if (inner.case === "put") {
      this.#applyPut(requestId, inner.value);
      return;
    }
    const { alarms } = this.#options;
    const cost = requestCost(inner);
    const refused = refusedByAlarm(alarms, inner.case, cost);
    if (refused !== null) {
      this.#results.failed(requestId, refused);
      return;
    }
    switch (inner.case) {
      case "deleteRange":
        this.#long = this.#applyDelete(requestId, inner.value);
        return;
      case "txn":
        this.#long = this.#applyTxn(requestId, inner.value, cost);
        return;
      case "compaction":
        this.#applyCompaction(requestId, inner.value.revision);
        return;
      case "alarm":
        this.#applyAlarm(requestId, inner.value);
        return;
      case "leaseGrant":
        this.#applyGrant(requestId, inner.value, cost);
        return;
      case "leaseRevoke":
        this.#long = this.#applyRevoke(requestId, inner.value.id);
        return;
      case "leaseCheckpoint":
        this.#leases.checkpoint(inner.value);
        this.#results.done(requestId);
        return;
      default:
        this.#applyCluster(entry, requestId, inner);
    }
  }

  #applyPut(requestId: number, request: PutRequest): void {
    const { alarms, quota } = this.#options;
    const cost = putCost(request.key.length, request.value.length);
    const error = refusedByAlarm(alarms, "put", cost) ?? this.#checker.checkPut(request);
    if (error !== null) {
      this.#results.failed(requestId, error);
      return;
    }
    const hasRoom = quota.hasRoom(cost);
    this.#store.begin();
    const prevKv = this.#executor.put(request, true);
    const revision = this.#store.end();
    if (hasRoom) this.#results.put(requestId, revision, prevKv);
    else this.#overQuota(requestId);
  }

  /** False when there is more to do and the slice is over. */
  #goOn(long: Steps<void>, deadlineMs: number): boolean {
    const { clock } = this.#options;
    do {
      if (long.next().done === true) {
        this.#long = null;
        return true;
      }
    } while (clock.monotonicMs() < deadlineMs);
    return false;
  }

  *#applyTxn(requestId: number, request: TxnRequest, cost: number): Steps<void> {
    const store = this.#store;
    const plan = yield* planTxn(request, this.#comparer, store.currentRevision);
    const isLong = request instanceof LongTxn;
    const error = isLong ? yield* this.#checker.checkInSteps(plan) : this.#checker.check(plan);
    if (error !== null) {
      this.#results.failed(requestId, error);
      return;
    }
    const hasRoom = this.#options.quota.hasRoom(cost);
    store.begin();
    const run = this.#executor.newRun(this.#results.wants(requestId));
    const result = yield* this.#executor.runInSteps(plan, run);
    const revision = store.end();
    if (!hasRoom) this.#overQuota(requestId);
    else if (typeof result === "string") this.#results.failed(requestId, result);
    else this.#results.txn(requestId, revision, result);
  }

  *#applyLongTxn(data: Uint8Array, { rest, start, end }: LongTxnEntry): Steps<void> {
    const requestId = lowId(rest.header?.id ?? rest.id);
    const cost = yield* surveyTxn(data, start, end);
    const refused = refusedByAlarm(this.#options.alarms, "txn", cost);
    if (refused !== null) this.#results.failed(requestId, refused);
    else yield* this.#applyTxn(requestId, new LongTxn(data, start, end), cost);
  }

  *#applyDelete(requestId: number, request: DeleteRangeRequest): Steps<void> {
    const prevKvs = request.prevKv && this.#results.wants(requestId) ? new ChunkWriter() : null;
    this.#store.begin();
    const deleted = yield* this.#executor.deleteInSteps(request, prevKvs);
    const revision = this.#store.end();
    this.#results.deleted(requestId, revision, {
      deleted,
      prevKvs: prevKvs === null ? NO_CHUNKS : chunksOf(prevKvs),
    });
  }

  #applyGrant(requestId: number, request: LeaseGrantRequest, cost: number): void {
    const hasRoom = this.#options.quota.hasRoom(cost);
    const granted = this.#leases.grant(request);
    if (typeof granted === "string") this.#results.failed(requestId, granted);
    else if (!hasRoom) this.#overQuota(requestId);
    else this.#results.leaseGranted(requestId, this.#store.currentRevision, granted);
  }

  *#applyRevoke(requestId: number, id: bigint): Steps<void> {
    const revision = yield* this.#leases.revokeInSteps(id);
    if (typeof revision === "string") this.#results.failed(requestId, revision);
    else this.#results.leaseRevoked(requestId, revision);
  }

  #applyCompaction(requestId: number, revision: number): void {
    const error = this.#store.compact(revision);
    if (error !== null) {
      this.#results.failed(requestId, error === "future" ? "futureRevision" : "compacted");
      return;
    }
    this.#options.events.onCompaction();
    this.#results.compacted(requestId, this.#store.currentRevision);
  }

  #applyAlarm(requestId: number, request: AlarmRequest): void {
    const { alarms, backend } = this.#options;
    const { action, memberID, alarm } = request;
    const revision = this.#store.currentRevision;
    if (action === AlarmAction.get) {
      this.#results.alarms(requestId, revision, alarms.list(alarm));
    } else if (action === AlarmAction.activate) {
      const raised = alarm === AlarmType.none ? [] : [alarms.activate(memberID, alarm)];
      // Other numbers are no alarm of any version, and mean nothing to anybody.
      for (const each of raised) if (each.type > 0) writeAlarm(backend, each);
      this.#results.alarms(requestId, revision, raised);
    } else if (action === AlarmAction.deactivate) {
      const cleared = alarms.deactivate(memberID, alarm);
      if (cleared !== undefined && cleared.type > 0) removeAlarm(backend, cleared);
      this.#results.alarms(requestId, revision, cleared === undefined ? [] : [cleared]);
    } else {
      this.#results.alarms(requestId, revision, []);
    }
  }

  /** @throws Error for entries that change what this version does not have: they are others'. */
  #applyCluster(
    entry: Entry,
    requestId: number,
    request: NonNullable<InternalRaftRequest["request"]>,
  ): void {
    if (request.case === "clusterVersionSet") {
      this.#setClusterVersion(request.value.ver);
    } else if (request.case === "clusterMemberAttrSet") {
      const { memberID, memberAttributes } = request.value;
      const { name = "", clientUrls = [] } = memberAttributes ?? {};
      this.#publish(memberID, name, clientUrls);
    } else if (!WITHOUT_EFFECT.has(request.case)) {
      throw new Error(
        `entry ${entry.index} of the log is a ${request.case} request, which this version does ` +
          "not have: to skip it would lose what was acknowledged",
      );
    }
    this.#results.done(requestId);
  }

  #applyV2(entry: V2Entry): void {
    if (entry.kind === "clusterVersion") this.#setClusterVersion(entry.version);
    else if (entry.kind === "publish") this.#publish(entry.memberId, entry.name, entry.clientUrls);
  }

  #setClusterVersion(version: string): void {
    const { membership, backend, events } = this.#options;
    membership.clusterVersion = version;
    writeClusterVersion(backend, version);
    events.onClusterChange();
  }

  #publish(id: bigint, name: string, clientUrls: readonly string[]): void {
    const { membership, events } = this.#options;
    membership.publish(id, name, clientUrls);
    this.#storeMember(id);
    events.onClusterChange();
  }

  #applyConfChange(entry: Entry): void {
    const change = decodeConfChange(entry.data, 0, entry.data.length);
    const member = decodeMemberContext(change.context);
    if (member === null) return;
    this.#options.membership.add(member);
    this.#storeMember(member.id);
    writeConfState(this.#options.backend, { ...NO_VOTERS, voters: [member.id] });
    this.#options.events.onClusterChange();
  }

  #storeMember(id: bigint): void {
    const member = this.#options.membership.get(id);
    if (member !== undefined) writeMember(this.#options.backend, member);
  }

  /** The write was executed all the same: sizes differ between members, state must not (M3). */
  #overQuota(requestId: number): void {
    this.#options.events.onOverQuota();
    this.#results.overQuota(requestId);
  }
}

const NO_VOTERS = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};
