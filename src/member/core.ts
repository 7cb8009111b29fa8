import { Applier } from "../apply/applier.ts";
import { Committer, MAINTAIN_BYTES } from "../apply/committer.ts";
import { CompactionDriver } from "../apply/compaction-driver.ts";
import { DefragmentationDriver } from "../apply/defragmentation-driver.ts";
import { Quota } from "../apply/quota.ts";
import type { Sliced } from "../base/sliced.ts";
import { Alarms } from "../cluster/alarms.ts";
import { Membership } from "../cluster/membership.ts";
import { Group } from "../consensus/group/group.ts";
import type { Lessor } from "../lease/lessor.ts";
import type { KvStore } from "../mvcc/store/store.ts";
import { openStore } from "../mvcc/store/kv-store.ts";
import type { Platform } from "../platform/platform.ts";
import { LogOfOne } from "../raft/log-of-one.ts";
import type { AutoCompaction, AutoCompactor } from "../service/compaction/auto-compactor.ts";
import type { Consensus } from "../service/consensus.ts";
import type { DatabaseImage } from "../service/maintenance/snapshot-streams.ts";
import { Service } from "../service/service.ts";
import type { BoltBackend } from "../storage/backend/bolt/bolt-backend.ts";
import { applyWrites, decideMigration } from "../storage/schema/migration.ts";
import { readStorageVersion } from "../storage/schema/storage-version.ts";
import { compareVersions, parseVersion, versionText } from "../storage/schema/version.ts";
import { newAutoCompactor } from "./auto-compaction.ts";
import type { StartState } from "./bootstrap.ts";
import type { MemberConfig } from "./config.ts";
import { DiskReserve } from "./disk-reserve.ts";
import { commitMetrics } from "./metrics/disk-metrics.ts";
import { leaseTtls } from "./metrics/lease-metrics.ts";
import { logQuota } from "./quota-log.ts";
import { type OpenedStorage, openingLessor, openingStorage } from "./open-storage.ts";
import { Snapshotter } from "./snapshotter.ts";
import { walOptions } from "./wal-options.ts";

/**
 * Payload bytes proposed and not applied, beyond which proposals are refused (design decision 3).
 */
const UNAPPLIED_BYTES_MAX = 128 * 1024 * 1024;

/** Steps of cleaning (backend and index) in one tick: 20 MB/s with ten ticks a second. */
const MAINTAIN_STEPS_PER_TICK = 8;

/** How often closing looks whether the last batch is on the disk. */
const CLOSE_POLL_MS = 1;

/** How often the storage version is looked at, as by etcd. */
const MIGRATION_INTERVAL_MS = 4000;

/** From this version of a cluster on checkpoints of leases are stored (etcd). */
const CHECKPOINTS_STORED_FROM = { major: 3, minor: 6 };

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
 * Opens log and state, with pauses, and makes the core of them; not to be given up in a pause.
 * @throws StartError, SchemaError, BoltError, DamagedStoreError, WalError, DiskError.
 */
export function* openingCore(
  platform: Platform,
  config: MemberConfig,
  events: CoreEvents,
  tuning: CoreTuning = {},
): Sliced<Core> {
  let core: Core | null = null;
  const { walSegmentBytes } = tuning;
  const wal = {
    ...walOptions(platform, config),
    ...(walSegmentBytes === undefined ? {} : { segmentBytes: walSegmentBytes }),
    // Before there is a core, nobody waits for what the bootstrap wrote.
    onDurable: () => core?.group.durable(),
    onFailure: (error: Error) => {
      core?.failed();
      events.onFatal(error);
    },
  };
  const onCommit = commitMetrics(platform.metrics);
  const storage = yield* openingStorage({ platform, config, wal, onCommit });
  const lessor = yield* openingLessor(platform, config, storage);
  core = new Core({ platform, config, events, storage, lessor });
  return core;
}

/** What a core is made of. */
interface CoreParts {
  readonly platform: Platform;
  readonly config: MemberConfig;
  readonly events: CoreEvents;
  readonly storage: OpenedStorage;
  readonly lessor: Lessor;
}

/**
 * A member without doors: log, state, consensus and service. This much runs in the simulator, where
 * clients call the service.
 */
export class Core {
  readonly start: StartState;
  readonly backend: BoltBackend;
  readonly store: KvStore;
  readonly lessor: Lessor;
  readonly membership = new Membership();
  readonly alarms = new Alarms();
  readonly group: Group;
  readonly service: Service;
  readonly #diskReserve: DiskReserve;
  readonly #quota: Quota;
  readonly #committer: Committer;
  readonly #compaction: CompactionDriver;
  readonly #defragmentation: DefragmentationDriver;
  readonly #autoCompaction: AutoCompaction;
  /** A start defragments when so much of the file is free; 0: it does not. */
  readonly #startDefragBytes: number;
  /** Null before the log is applied, and when it is off. */
  #autoCompactor: AutoCompactor | null = null;
  readonly #platform: Platform;
  readonly #storage: OpenedStorage;
  readonly #snapshotter: Snapshotter;
  #migrateMs = 0;
  #isClosed = false;
  /** Something was left half done. */
  #hasFailed = false;

  /** From what `openingCore` opened. */
  constructor({ platform, config, events, storage, lessor }: CoreParts) {
    this.#platform = platform;
    this.#autoCompaction = config.autoCompaction;
    this.#startDefragBytes = config.bootstrapDefragThresholdBytes;
    const { clock } = platform;
    this.#storage = storage;
    this.start = this.#storage.start;
    this.backend = this.#storage.backend;
    this.#diskReserve = new DiskReserve(platform.disk, [config.dataDir, config.walDir]);
    this.#quota = new Quota(this.backend, config.quotaBackendBytes, this.#diskReserve);
    logQuota(platform.logger, config.quotaBackendBytes);
    this.#restoreCluster();
    const { schema, restored } = storage;
    const hashSeed = platform.random.uint32();
    this.lessor = lessor;
    this.store = openStore({
      backend: this.backend,
      hashSeed,
      restored,
      onLeaseChange: (change) => lessor.leaseChanged(change),
      onPublish: () => this.service.watch.published(),
    });
    const applied = { index: schema?.consistentIndex ?? 0, term: schema?.term ?? 0 };
    this.#committer = new Committer(this.backend, applied, {
      intervalMs: config.backendBatchIntervalMs,
      ops: config.backendBatchLimitOps,
    });
    this.#snapshotter = this.#newSnapshotter(config);
    this.#compaction = new CompactionDriver({
      clock,
      store: this.store,
      batchRevisions: config.compactionBatchLimitRevisions,
      sleepMs: config.compactionSleepIntervalMs,
      onFinished: () => this.service.compactionFinished(),
    });
    this.#defragmentation = new DefragmentationDriver({
      clock,
      store: this.store,
      committer: this.#committer,
      backend: this.backend,
    });
    const { hardState } = this.start;
    const node = new LogOfOne({
      id: this.start.memberId,
      // What was applied is committed; etcd need not have made that durable.
      hardState: { ...hardState, commit: Math.max(hardState.commit, applied.index) },
      entries: this.start.entries.filter((entry) => entry.index > applied.index),
      appliedIndex: applied.index,
      unappliedBytesMax: UNAPPLIED_BYTES_MAX,
    });
    const consensus = this.#consensus();
    this.service = this.#makeService(config, consensus);
    this.group = new Group({
      node,
      log: this.start.wal,
      stateMachine: this.#applier(config, events),
      clock,
      tickMs: config.heartbeatIntervalMs,
      onReadable: (context) => this.service.reads.readable(context),
      onTick: () => this.#tick(),
      onFatal: (error) => {
        this.failed();
        events.onFatal(error);
      },
    });
  }

  /** Begins to apply what the log holds, and campaigns. */
  run(): void {
    this.group.start();
    // A compaction that an earlier life did not finish.
    if (this.store.finishedCompactRevision !== this.store.compactRevision) this.#compaction.wake();
    this.#defragmentAtStart();
  }

  /** --bootstrap-defrag-threshold-megabytes; nobody waits for it, unlike in etcd. */
  #defragmentAtStart(): void {
    const freeBytes = this.backend.sizeBytes - this.backend.sizeInUseBytes;
    if (this.#startDefragBytes === 0 || freeBytes < this.#startDefragBytes) return;
    this.#platform.logger.log("info", "defragmenting at the start", { "free-bytes": freeBytes });
    this.#defragmentation.request(() => {});
  }

  /** Everything that was in the log at start, and the leader's first entry, is applied. */
  get isReady(): boolean {
    return this.group.readNow();
  }

  /**
   * To be called when a fatal fault ended some work in its midst: an entry may have had its effect
   * without its index, so nothing more may be committed. The log has it all.
   */
  failed(): void {
    this.#hasFailed = true;
    this.group.stop();
  }

  /** Stops taking part, answers who waits, makes everything durable, and closes log and state. */
  close(done: (error: Error | null) => void): void {
    if (this.#isClosed) {
      done(null);
      return;
    }
    this.#isClosed = true;
    this.group.stop();
    this.#compaction.stop();
    this.#defragmentation.stop();
    this.#autoCompactor?.stop();
    this.#snapshotter.stop();
    this.service.stop();
    this.start.wal.close((error) => this.#closeFile(error, done));
  }

  /** The log has everything: the last batch only spares the next start some work. */
  #closeFile(error: Error | null, done: (error: Error | null) => void): void {
    const { backend } = this;
    // Never inside an entry; after a failure nothing is written any more.
    const isWhole = error === null && !this.#hasFailed && this.store.pendingChanges === 0;
    if (isWhole) this.#committer.commit();
    const wait = (): void => {
      if (!backend.isIdle) {
        this.#platform.clock.startTimer(CLOSE_POLL_MS, wait);
        return;
      }
      backend.close();
      done(error);
    };
    wait();
  }

  /** The database as it is now: what was applied before is in it. */
  #openImage(): DatabaseImage | null {
    if (this.store.pendingChanges > 0) return null;
    this.#committer.commit();
    return this.backend.openImage();
  }

  #storageVersion(): string {
    const { version } = readStorageVersion(this.backend);
    return version === null ? "" : versionText(version);
  }

  #newSnapshotter(config: MemberConfig): Snapshotter {
    const { disk, logger } = this.#platform;
    return new Snapshotter({
      disk,
      logger,
      dir: `${config.dataDir}/member/snap`,
      wal: this.start.wal,
      committer: this.#committer,
      membership: this.membership,
      memberId: this.start.memberId,
      removed: this.#storage.schema?.removed ?? [],
      startIndex: this.start.snapshotIndex,
      entries: config.snapshotCount,
      snapshotsMax: config.maxSnapshots,
      segmentsMax: config.maxWals,
    });
  }

  /** What the backend says of members and alarms; entries after its index change it. */
  #restoreCluster(): void {
    const { schema } = this.#storage;
    if (schema === null) return;
    for (const member of schema.members) this.membership.add(member);
    for (const { memberId, type } of schema.alarms) this.alarms.activate(memberId, type);
    this.membership.clusterVersion = schema.clusterVersion;
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
      lessor: this.lessor,
      backend: this.backend,
      clusterId: this.start.clusterId,
      memberId: this.start.memberId,
      maxTxnOps: config.maxTxnOps,
      maxRequestBytes: config.maxRequestBytes,
      electionTimeoutMs: config.electionTimeoutMs,
      quota: this.#quota,
      logger: this.#platform.logger,
      random: this.#platform.random,
      watchProgressIntervalMs: config.watchProgressNotifyIntervalMs,
      isCompacting: () => this.#compaction.isWorking,
      defragment: (done) => this.#defragmentation.request(done),
      // Never inside an entry.
      openRoot: () => (this.store.pendingChanges > 0 ? null : this.backend.openRoot()),
      openImage: () => this.#openImage(),
      newSha256: () => this.#platform.crypto.newSha256(),
      storageVersion: () => this.#storageVersion(),
    });
  }

  #applier(config: MemberConfig, events: CoreEvents): Applier {
    const { leases, results } = this.service;
    const ttls = leaseTtls(this.#platform.metrics);
    return new Applier({
      clock: this.#platform.clock,
      store: this.store,
      backend: this.backend,
      committer: this.#committer,
      membership: this.membership,
      alarms: this.alarms,
      lessor: this.lessor,
      results,
      events: {
        onCompaction: () => this.#compaction.wake(),
        onOverQuota: () => this.#overQuota(),
        onClusterChange: () => events.onClusterChange(),
        onTermBegun: (term) => this.#termBegun(config, term),
        onLeaseGranted: (ttlSeconds) => ttls.observe(ttlSeconds),
        onLeaseRevoked: (id) => leases.keepAlives.leaseRevoked(id),
        storesCheckpoints: () => this.#storesCheckpoints(config),
      },
      quota: this.#quota,
    });
  }

  /** The leader keeps the time of leases, once it knows all that was granted before. */
  #termBegun({ electionTimeoutMs }: MemberConfig, term: number): void {
    const { leader, id, term: present } = this.group.node;
    if (leader !== id || term !== present) return;
    this.lessor.promote(electionTimeoutMs, this.#platform.clock.monotonicMs());
  }

  #storesCheckpoints({ featureGates }: MemberConfig): boolean {
    const { clusterVersion } = this.membership;
    const version = clusterVersion === null ? null : parseVersion(clusterVersion);
    if (featureGates.LeaseCheckpointPersist || version === null) return true;
    return compareVersions(version, CHECKPOINTS_STORED_FROM) >= 0;
  }

  /**
   * What the log held at start was over the quota once, before compactions and disarmings that
   * follow in it: no reason for an alarm now.
   */
  #overQuota(): void {
    const replayedIndex = this.start.lastIndex;
    if (this.#committer.consistentIndex >= replayedIndex) this.service.noSpace.raise();
  }

  /** Once the log is applied: before, the newest revision is not known. */
  #startAutoCompaction(): void {
    if (this.#autoCompaction.mode === "off" || this.#autoCompactor !== null) return;
    if (this.#isClosed || !this.isReady) return;
    this.#autoCompactor = newAutoCompactor(this.#platform, this.#autoCompaction, {
      store: this.store,
      proposer: this.service.proposer,
      isLeader: () => this.group.node.leader === this.group.node.id,
    });
    this.#autoCompactor?.start();
  }

  #tick(): void {
    this.#diskReserve.look();
    this.service.tick();
    this.#startAutoCompaction();
    if (this.store.pendingChanges > 0) return;
    this.#migrate();
    this.#snapshotter.tick();
    this.#committer.tick(this.#platform.clock.monotonicMs());
    this.#defragmentation.tick();
    this.#clean(MAINTAIN_STEPS_PER_TICK);
  }

  /**
   * Marks the database with the cluster's version, outside of the log (formats-disk.md 4). The
   * cluster's version itself is nowhere raised above what was found (design, decision 10).
   */
  #migrate(): void {
    const nowMs = this.#platform.clock.monotonicMs();
    if (nowMs < this.#migrateMs) return;
    this.#migrateMs = nowMs + MIGRATION_INTERVAL_MS;
    const { clusterVersion } = this.membership;
    const cluster = clusterVersion === null ? null : parseVersion(clusterVersion);
    const { version: storage } = readStorageVersion(this.backend);
    const facts = { storage, cluster, raiseTo: cluster, logNeeds: null };
    const decision = decideMigration(facts);
    if (decision.kind === "migrate") applyWrites(this.backend, decision.writes);
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
