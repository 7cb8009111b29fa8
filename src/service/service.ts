import type { ApplyResults } from "../apply/results.ts";
import type { Quota, SizedBackend } from "../apply/quota.ts";
import { assert } from "../base/assert.ts";
import type { Alarms } from "../cluster/alarms.ts";
import type { Membership } from "../cluster/membership.ts";
import type { Lessor } from "../lease/lessor.ts";
import type { KvStore } from "../mvcc/store/store.ts";
import type { Clock } from "../platform/clock.ts";
import type { Digest } from "../platform/crypto.ts";
import type { Logger } from "../platform/logger.ts";
import type { Random } from "../platform/random.ts";
import type { ResponseHeader } from "../proto/gen/etcdserverpb.ts";
import type { BackendRoot } from "../storage/backend/backend.ts";
import { ClusterService } from "./cluster/cluster-service.ts";
import type { Consensus } from "./consensus.ts";
import { WIRE_ERRORS } from "./errors.ts";
import { HeaderWriter } from "./header.ts";
import { JobRunner } from "./jobs.ts";
import { CompactionWaits } from "./kv/compaction-waits.ts";
import { KvResults } from "./kv/kv-results.ts";
import { KvService } from "./kv/kv-service.ts";
import { LargeReplies } from "./kv/large-replies.ts";
import { ReadTxns } from "./kv/read-txns.ts";
import { LeaseCalls } from "./lease/lease-calls.ts";
import { BackendHashes } from "./maintenance/backend-hashes.ts";
import { DefragmentCalls } from "./maintenance/defragment-calls.ts";
import { type DatabaseImage, SnapshotStreams } from "./maintenance/snapshot-streams.ts";
import { MaintenanceService } from "./maintenance/maintenance-service.ts";
import { NoSpaceAlarm } from "./maintenance/no-space-alarm.ts";
import { Proposer } from "./propose/proposer.ts";
import { RangeService } from "./range/range-service.ts";
import { TableMemory } from "./range/table-memory.ts";
import { PendingReads } from "./reads.ts";
import { Router } from "./router.ts";
import type { ReplySink } from "./rpc.ts";
import { StreamCalls } from "./streams.ts";
import { WatchService } from "./watch/watch-service.ts";

/** etcd's own time on top of two election timeouts (limits.md 2). */
const READ_BASE_MS = 5000;

/** What the service layer of a member works with. */
export interface ServiceOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: KvStore;
  readonly consensus: Consensus;
  readonly membership: Membership;
  readonly alarms: Alarms;
  readonly lessor: Lessor;
  readonly backend: SizedBackend;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly maxTxnOps: number;
  readonly maxRequestBytes: number;
  readonly electionTimeoutMs: number;
  readonly quota: Quota;
  readonly logger: Logger;
  /** --watch-progress-notify-interval. */
  readonly watchProgressIntervalMs: number;
  /** True while accepted compactions are not carried out. */
  readonly isCompacting: () => boolean;
  /** Makes the database file shorter; `done` comes when that is through. */
  readonly defragment: (done: () => void) => void;
  /** The present state; null: not in this moment. */
  readonly openRoot: () => BackendRoot | null;
  /** Commits, and opens an image of that; null: not in this moment. */
  readonly openImage: () => DatabaseImage | null;
  readonly newSha256: () => Digest;
  /** That of the database, as text; empty when it does not say. */
  readonly storageVersion: () => string;
}

/** etcd's API, free of transport: what doors call, and what apply answers through. */
export class Service {
  readonly router: Router;
  readonly results: ApplyResults;
  readonly proposer: Proposer;
  readonly reads: PendingReads;
  readonly jobs: JobRunner;
  readonly watch: WatchService;
  /** This member's alarm for want of room. */
  readonly noSpace: NoSpaceAlarm;
  readonly leases: LeaseCalls;
  readonly #options: ServiceOptions;
  readonly #compactions: CompactionWaits;
  readonly #snapshots: SnapshotStreams;
  readonly #hashes: BackendHashes;
  readonly #streams: StreamCalls;
  #sink: ReplySink | null = null;

  constructor(options: ServiceOptions) {
    this.#options = options;
    const { clock, store, consensus, clusterId, memberId, maxRequestBytes } = options;
    const sink = (): ReplySink => this.#boundSink();
    const term = (): number => consensus.appliedTerm();
    const header = new HeaderWriter({ clusterId, memberId, term });
    this.jobs = new JobRunner(clock);
    this.#compactions = new CompactionWaits(options.isCompacting);
    const { openImage, newSha256, storageVersion, random } = options;
    const images = { openImage, newSha256, storageVersion };
    this.#snapshots = new SnapshotStreams({ clock, jobs: this.jobs, sink, ...images });
    this.#hashes = new BackendHashes({
      openRoot: options.openRoot,
      jobs: this.jobs,
      sink,
      header: () => this.#header(store.currentRevision),
    });
    const streams = new StreamCalls(sink);
    this.#streams = streams;
    this.watch = new WatchService({
      ...{ clock, random, store, header, jobs: this.jobs, sink, streams, maxRequestBytes },
      progressIntervalMs: options.watchProgressIntervalMs,
    });
    this.reads = new PendingReads(consensus, clock);
    this.proposer = new Proposer({
      clock,
      consensus,
      memberId,
      maxRequestBytes,
      electionTimeoutMs: options.electionTimeoutMs,
      sink,
      onGivenUp: (token) => this.#compactions.cancel(token),
    });
    this.noSpace = new NoSpaceAlarm({
      alarms: options.alarms,
      memberId,
      proposer: this.proposer,
      logger: options.logger,
      quota: options.quota,
    });
    const memory = new TableMemory();
    const replies = new LargeReplies({ jobs: this.jobs, sink, memory });
    this.results = new KvResults({
      header,
      proposer: () => this.proposer,
      sink,
      compactions: this.#compactions,
      replies,
      afterNoSpace: (answer) => this.noSpace.afterRaise(answer),
    });
    const rangeContext = { clock, store, header, jobs: this.jobs, sink };
    const ranges = new RangeService(rangeContext);
    const { lessor } = options;
    const readTxns = new ReadTxns({ ...rangeContext, leases: lessor, replies, memory });
    const { proposer, reads, noSpace } = this;
    const { quota } = options;
    const shared = { ...rangeContext, consensus, proposer, reads, quota, noSpace };
    const kv = new KvService({
      ...shared,
      readTxns,
      ranges,
      maxTxnOps: options.maxTxnOps,
      maxRequestBytes,
      onPhysicalCompaction: (token) => this.#compactions.expect(token),
    });
    const { alarms } = options;
    this.leases = new LeaseCalls({ ...shared, alarms, lessor, memory, streams });
    this.router = this.#route({ kv, ranges, readTxns }, sink);
  }

  /** Once a tick: time-outs and views nobody reads any more. */
  tick(): void {
    const { clock, store, electionTimeoutMs } = this.#options;
    const nowMs = clock.monotonicMs();
    this.proposer.expire();
    this.reads.expire(nowMs - READ_BASE_MS - 2 * electionTimeoutMs);
    store.expireViews(nowMs);
    this.#snapshots.expire(nowMs);
    this.leases.tick();
  }

  /** All compaction work is done. */
  compactionFinished(): void {
    this.#compactions.finished();
  }

  /** Ends streams that would go on for ever: the member is about to stop. */
  endStreams(): void {
    const { code, message } = WIRE_ERRORS.stopped;
    this.#streams.stop(code, message);
  }

  /** Answers whoever waits with `server stopped`. */
  stop(): void {
    this.endStreams();
    this.leases.stop();
    this.proposer.stop();
    this.#snapshots.stop();
    this.#hashes.stop();
    this.watch.stop();
    this.jobs.stop();
  }

  #route(
    parts: { kv: KvService; ranges: RangeService; readTxns: ReadTxns },
    sink: () => ReplySink,
  ): Router {
    const { clock, store, consensus, membership, alarms, backend, quota } = this.#options;
    const header = (revision: number): ResponseHeader => this.#header(revision);
    return new Router({
      ...parts,
      leases: this.leases,
      streams: this.#streams,
      maintenance: new MaintenanceService({
        clock,
        store,
        consensus,
        proposer: this.proposer,
        alarms,
        jobs: this.jobs,
        sink,
        header,
        backend,
        quotaBytes: quota.configuredBytes,
      }),
      defragmentation: new DefragmentCalls({ defragment: this.#options.defragment, sink }),
      snapshots: this.#snapshots,
      hashes: this.#hashes,
      cluster: new ClusterService({ membership, consensus, reads: this.reads, sink, header }),
      compactions: this.#compactions,
      reads: this.reads,
      consensus,
      watch: this.watch,
      onBind: (bound) => {
        this.#sink = bound;
      },
    });
  }

  #header(revision: number): ResponseHeader {
    const { clusterId, memberId, consensus } = this.#options;
    return { clusterId, memberId, revision, raftTerm: consensus.appliedTerm() };
  }

  #boundSink(): ReplySink {
    assert(this.#sink !== null, "service: used before a door was bound");
    return this.#sink;
  }
}
