import { type Alarm, alarmName, AlarmType, type Alarms } from "../../cluster/alarms.ts";
import type { HashJob, KvStore } from "../../mvcc/store/store.ts";
import {
  createHashKVResponse,
  createStatusResponse,
  decodeAlarmRequest,
  decodeHashKVRequest,
  encodeHashKVResponseToBytes,
  encodeStatusResponseToBytes,
  type HashKVResponse,
  type ResponseHeader,
} from "../../proto/gen/etcdserverpb.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Consensus } from "../consensus.ts";
import { type WireError, WIRE_ERRORS } from "../errors.ts";
import type { JobRunner } from "../jobs.ts";
import { type Proposer, RequestField } from "../propose/proposer.ts";
import { revisionError } from "../range/reply-parts.ts";
import type { ReplySink, Token } from "../rpc.ts";

/** The etcd release whose behaviour Skein has. */
export const EMULATED_VERSION = "3.7.1";
/** Storage and cluster versions have patch 0. */
export const EMULATED_STORAGE_VERSION = "3.7.0";
/** Changes that one step of a hash reads: a fraction of a millisecond. */
const HASH_STEP_CHANGES = 1000;
/** CRC-32C of the bucket's name: what etcd answers for a negative revision, before all changes. */
const HASH_OF_NOTHING = 0x40a4756d;

/** What the Maintenance service answers from. */
export interface MaintenanceOptions {
  readonly clock: Clock;
  readonly store: KvStore;
  readonly consensus: Consensus;
  readonly proposer: Proposer;
  readonly alarms: Alarms;
  readonly jobs: JobRunner;
  readonly sink: () => ReplySink;
  readonly header: (revision: number) => ResponseHeader;
  readonly backend: { readonly sizeBytes: number; readonly sizeInUseBytes: number };
  /** As configured; negative for none. */
  readonly quotaBytes: number;
}

/** The served part of the Maintenance service (semantics.md 11). */
export class MaintenanceService {
  readonly #options: MaintenanceOptions;
  /** Hashes under way, by the calls that wait for them. */
  readonly #hashes = new Map<Token, HashJob>();

  constructor(options: MaintenanceOptions) {
    this.#options = options;
  }

  /** This member's view of itself (M6). */
  status(token: Token): void {
    const { store, consensus, backend, quotaBytes, header } = this.#options;
    const status = consensus.status();
    const response = createStatusResponse();
    response.header = header(store.currentRevision);
    response.version = EMULATED_VERSION;
    response.dbSize = backend.sizeBytes;
    response.leader = status.leader;
    response.raftIndex = status.commitIndex;
    response.raftTerm = status.term;
    response.raftAppliedIndex = status.appliedIndex;
    response.errors = this.#problems(status.leader);
    response.dbSizeInUse = backend.sizeInUseBytes;
    response.storageVersion = EMULATED_STORAGE_VERSION;
    response.dbSizeQuota = quotaBytes;
    response.downgradeInfo = { enabled: false, targetVersion: "" };
    this.#reply(token, encodeStatusResponseToBytes(response));
  }

  /** Alarm: read and changed through the log, as etcd does. */
  alarm(token: Token, bytes: Uint8Array, start: number, end: number): void {
    decodeAlarmRequest(bytes, start, end);
    this.#options.proposer.propose(RequestField.alarm, bytes, { start, end }, token);
  }

  /** HashKV, computed in slices beside everything else (CMP7). */
  hashKv(token: Token, bytes: Uint8Array, start: number, end: number): void {
    const request = decodeHashKVRequest(bytes, start, end);
    const { store, jobs, clock } = this.#options;
    const remembered = store.compactedHash(request.revision);
    if (remembered !== null) {
      this.#replyHash(token, remembered);
      return;
    }
    const revision = request.revision === 0 ? store.currentRevision : request.revision;
    if (revision < 0) {
      this.#replyHash(token, {
        hash: HASH_OF_NOTHING,
        compactRevision: store.compactRevision,
        hashRevision: revision,
      });
      return;
    }
    const error = store.checkRevision(revision);
    if (error !== null) {
      this.#fail(token, revisionError(error));
      return;
    }
    const hash = store.newHash(revision, clock.monotonicMs());
    this.#hashes.set(token, hash);
    jobs.add({ step: () => this.#stepHash(token, hash) });
  }

  /** The call is dead: its work ends. */
  cancel(token: Token): void {
    this.#hashes.get(token)?.close();
    this.#hashes.delete(token);
  }

  #stepHash(token: Token, hash: HashJob): boolean {
    if (!this.#hashes.has(token)) return true;
    const { clock } = this.#options;
    if (!hash.isCompacted && !hash.step(HASH_STEP_CHANGES, clock.monotonicMs())) return false;
    this.#hashes.delete(token);
    if (hash.isCompacted) {
      hash.close();
      this.#fail(token, WIRE_ERRORS.compacted);
      return true;
    }
    this.#replyHash(token, hash);
    return true;
  }

  #replyHash(
    token: Token,
    result: Pick<HashKVResponse, "hash" | "compactRevision" | "hashRevision">,
  ): void {
    const response = createHashKVResponse();
    response.header = this.#options.header(this.#options.store.currentRevision);
    response.hash = result.hash;
    response.compactRevision = result.compactRevision;
    response.hashRevision = result.hashRevision;
    this.#reply(token, encodeHashKVResponseToBytes(response));
  }

  #problems(leader: bigint): string[] {
    const raised = this.#options.alarms.list(AlarmType.none).map(alarmText);
    return leader === 0n ? [WIRE_ERRORS.noLeader.message, ...raised] : raised;
  }

  #reply(token: Token, message: Uint8Array): void {
    this.#options.sink().reply(token, message, 0, message.length);
  }

  #fail(token: Token, error: WireError): void {
    this.#options.sink().finish(token, error.code, error.message);
  }
}

/** As protobuf's text format has it: a zero is left out. */
function alarmText({ memberId, type }: Alarm): string {
  return `${memberId === 0n ? "" : `memberID:${memberId} `}alarm:${alarmName(type)}`;
}
