import { Applier } from "../apply/applier.ts";
import { Committer, MAINTAIN_BYTES } from "../apply/committer.ts";
import { CompactionDriver } from "../apply/compaction-driver.ts";
import type { ApplyResults } from "../apply/results.ts";
import { Alarms } from "../cluster/alarms.ts";
import { Membership } from "../cluster/membership.ts";
import { Group } from "../consensus/group/group.ts";
import type { KvStore } from "../mvcc/store/store.ts";
import { openStore } from "../mvcc/store/kv-store.ts";
import type { Platform } from "../platform/platform.ts";
import { LogOfOne } from "../raft/log-of-one.ts";
import type { Consensus } from "../service/consensus.ts";
import { Service } from "../service/service.ts";
import type { Backend } from "../storage/backend/backend.ts";
import { openMemoryBackend } from "../storage/backend/memory/memory-backend.ts";
import type { WalOptions } from "../storage/wal/wal.ts";
import { openLog, type StartState } from "./bootstrap.ts";
import type { MemberConfig } from "./config.ts";

/**
 * Payload bytes proposed and not applied, beyond which proposals are refused (design decision 3).
 */
const UNAPPLIED_BYTES_MAX = 128 * 1024 * 1024;

/** Steps of cleaning (backend and index) in one tick: 20 MB/s with ten ticks a second. */
const MAINTAIN_STEPS_PER_TICK = 8;

/** No lease exists before the lessor does, so a put that names one is refused (PUT1). */
const NO_LEASES = { has: (): boolean => false };

/** What the core tells the member around it. */
export interface CoreEvents {
  /** Nothing can be made durable any more: stop at once. */
  onFatal(error: Error): void;
  onClusterChange(): void;
}

/** For tests: what no operator sets. */
export interface CoreTuning {
  readonly walSegmentBytes?: number;
}

/**
 * A member without doors: log, state, consensus and service. This much runs in the simulator, where
 * clients call the service.
 */
export class Core {
  readonly start: StartState;
  readonly backend: Backend;
  readonly store: KvStore;
  readonly membership = new Membership();
  readonly alarms = new Alarms();
  readonly group: Group;
  readonly service: Service;
  readonly #committer: Committer;
  readonly #compaction: CompactionDriver;
  readonly #platform: Platform;
  #isClosed = false;

  /** Blocks while it reads the log. @throws StartError, WalError, DiskError. */
  constructor(
    platform: Platform,
    config: MemberConfig,
    events: CoreEvents,
    tuning: CoreTuning = {},
  ) {
    this.#platform = platform;
    const { clock } = platform;
    const { walSegmentBytes } = tuning;
    const segment = walSegmentBytes === undefined ? {} : { segmentBytes: walSegmentBytes };
    const walOptions = { ...this.#walOptions(config, events), ...segment };
    this.start = openLog(platform, config, walOptions);
    this.backend = openMemoryBackend();
    this.store = openStore({ backend: this.backend, hashSeed: platform.random.uint32() });
    this.#committer = new Committer(this.backend);
    this.#compaction = new CompactionDriver({
      clock,
      store: this.store,
      batchRevisions: config.compactionBatchLimitRevisions,
      sleepMs: config.compactionSleepIntervalMs,
      onFinished: () => this.service.compactionFinished(),
    });
    const node = new LogOfOne({
      id: this.start.memberId,
      hardState: this.start.hardState,
      entries: this.start.entries,
      appliedIndex: 0,
      unappliedBytesMax: UNAPPLIED_BYTES_MAX,
    });
    const consensus = this.#consensus();
    this.service = this.#makeService(config, consensus);
    this.group = new Group({
      node,
      log: this.start.wal,
      stateMachine: this.#applier(config, events, this.service.results),
      clock,
      tickMs: config.heartbeatIntervalMs,
      onReadable: (context) => this.service.reads.readable(context),
      onTick: () => this.#tick(),
      onFatal: (error) => events.onFatal(error),
    });
  }

  /** Begins to apply what the log holds, and campaigns. */
  run(): void {
    this.group.start();
  }

  /** Everything that was in the log at start, and the leader's first entry, is applied. */
  get isReady(): boolean {
    return this.group.readNow();
  }

  /** Stops taking part, answers who waits, and closes the log. */
  close(done: (error: Error | null) => void): void {
    if (this.#isClosed) {
      done(null);
      return;
    }
    this.#isClosed = true;
    this.group.stop();
    this.#compaction.stop();
    this.service.stop();
    this.start.wal.close(done);
  }

  #walOptions(config: MemberConfig, events: CoreEvents): WalOptions {
    const { disk, clock, metrics } = this.#platform;
    const fsync = metrics.histogram({
      name: "etcd_disk_wal_fsync_duration_seconds",
      help: "The latency distributions of fsync called by WAL.",
      buckets: exponentialBuckets(0.001, 2, 14),
    });
    let writtenBytes = 0;
    metrics.sampled(
      {
        name: "etcd_disk_wal_write_bytes_total",
        help: "Total number of bytes written in WAL.",
        type: "gauge",
      },
      () => writtenBytes,
    );
    return {
      disk,
      clock,
      dir: config.walDir,
      unsafeNoFsync: config.unsafeNoFsync,
      commitIsDurable: !config.unsafeNoFsync,
      onDurable: () => this.group.durable(),
      onFailure: (error) => events.onFatal(error),
      observer: {
        synced: (durationMs) => fsync.observe(durationMs / 1000),
        written: (bytes) => {
          writtenBytes += bytes;
        },
      },
    };
  }

  #consensus(): Consensus {
    return {
      propose: (data) => this.group.propose(data),
      readNow: () => this.group.readNow(),
      readIndex: (context) => this.group.readIndex(context),
      hasLeader: () => this.group.node.leader !== 0n,
      appliedTerm: () => this.group.appliedTerm,
      status: () => {
        const { leader, term, commitIndex, appliedIndex } = this.group.node;
        return { leader, term, commitIndex, appliedIndex };
      },
    };
  }

  #makeService(config: MemberConfig, consensus: Consensus): Service {
    return new Service({
      clock: this.#platform.clock,
      store: this.store,
      consensus,
      membership: this.membership,
      alarms: this.alarms,
      leases: NO_LEASES,
      backend: this.backend,
      clusterId: this.start.clusterId,
      memberId: this.start.memberId,
      maxTxnOps: config.maxTxnOps,
      maxRequestBytes: config.maxRequestBytes,
      electionTimeoutMs: config.electionTimeoutMs,
      quotaBytes: config.quotaBackendBytes,
      isCompacting: () => this.#compaction.isWorking,
    });
  }

  #applier(config: MemberConfig, events: CoreEvents, results: ApplyResults): Applier {
    return new Applier({
      clock: this.#platform.clock,
      store: this.store,
      committer: this.#committer,
      membership: this.membership,
      alarms: this.alarms,
      leases: NO_LEASES,
      results,
      events: {
        onCompaction: () => this.#compaction.wake(),
        onOverQuota: () => this.#overQuota(),
        onClusterChange: () => events.onClusterChange(),
      },
      backendBytes: () => this.backend.sizeBytes,
      quotaBytes: config.quotaBackendBytes,
    });
  }

  /**
   * What the log held at start was over the quota once, before compactions and disarmings that
   * follow in it: no reason for an alarm now.
   */
  #overQuota(): void {
    const replayedIndex = this.start.entries.at(-1)?.index ?? 0;
    if (this.#committer.consistentIndex >= replayedIndex) this.service.raiseNoSpace();
  }

  #tick(): void {
    this.service.tick();
    if (this.store.pendingChanges > 0) return;
    this.#committer.tick(this.#platform.clock.monotonicMs());
    this.#clean(MAINTAIN_STEPS_PER_TICK);
  }

  /** One step now, the others each after the sockets had their turn. */
  #clean(steps: number): void {
    if (steps === 0 || this.#isClosed || this.store.pendingChanges > 0) return;
    const isBackendClean = !this.#committer.maintain();
    const isIndexClean = !this.store.maintain(MAINTAIN_BYTES);
    if (isBackendClean && isIndexClean) return;
    this.#platform.clock.defer(() => this.#clean(steps - 1));
  }
}

/** `count` upper bounds from `start`, each `factor` times the one before (as Prometheus counts). */
export function exponentialBuckets(start: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, power) => start * factor ** power);
}
