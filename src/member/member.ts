import { assert } from "../base/assert.ts";
import type { Sliced } from "../base/sliced.ts";
import { DiskError } from "../platform/disk.ts";
import type { Platform } from "../platform/platform.ts";
import { BoltError } from "../storage/backend/bolt-pages/error.ts";
import {
  encodeClusterMemberAttrSetRequestToBytes,
  encodeClusterVersionSetRequestToBytes,
} from "../proto/gen/membershippb.ts";
import { RequestField } from "../service/propose/proposer.ts";
import { EMULATED_STORAGE_VERSION } from "../service/maintenance/maintenance-service.ts";
import { prepareDirectories } from "./bootstrap.ts";
import type { MemberConfig } from "./config.ts";
import { type Core, type CoreTuning, openingCore } from "./core.ts";
import { diskFault } from "./disk-fault.ts";
import { Doors } from "./doors.ts";
import { guardedPlatform } from "./guarded-platform.ts";
import { registerMemberMetrics } from "./metrics/member-metrics.ts";

/** Reading log and state holds the event loop for so long at most, give or take a pause. */
const START_TURN_MS = 10;
/** How often start-up looks whether the log is applied. */
const READY_POLL_MS = 5;
/** Time that open calls have to end when the member stops (etcd: 5 s + 2 × election timeout). */
const STOP_BASE_MS = 5000;

/** A snapshot of a member's state, for embedding and tools. */
export interface MemberStatus {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  /** 0n while unknown. */
  readonly leader: bigint;
  readonly term: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly revision: number;
  readonly compactRevision: number;
  readonly keys: number;
}

/** A running member. */
export interface Member {
  /** URLs it listens on for clients, with the ports that were really taken. */
  readonly clientUrls: readonly string[];
  /** The log had a torn tail, which was cut off. */
  readonly repaired: boolean;
  status(): MemberStatus;
  /** Ends calls under way, makes everything durable and closes. Idempotent. */
  close(): Promise<void>;
  /** Resolves when the member is closed; with the reason if it stopped by a fatal fault. */
  readonly closed: Promise<Error | null>;
}

/**
 * Starts one member and resolves when it serves. Order: directories, log, state, consensus; the
 * doors open last, so that no client sees a member that has not applied its log.
 * @throws StartError, WalError and DiskError, by rejection.
 */
export async function startMember(
  config: MemberConfig,
  platform: Platform,
  tuning: CoreTuning = {},
): Promise<Member> {
  prepareDirectories(platform.disk, config);
  const running = new RunningMember(config, platform);
  try {
    await running.start(tuning);
  } catch (error) {
    await running.close();
    throw error;
  }
  return running;
}

class RunningMember implements Member {
  readonly closed: Promise<Error | null>;
  clientUrls: readonly string[] = [];
  readonly #config: MemberConfig;
  readonly #platform: Platform;
  /** Null until log and state were read. */
  #opened: Core | null = null;
  #doors: Doors | null = null;
  #closing: Promise<void> | null = null;
  /** Resolves when log and state are opened, or cannot be. */
  #opening: Promise<void> = Promise.resolve();
  #resolveClosed: (reason: Error | null) => void = () => {};
  #fatal: Error | null = null;

  constructor(config: MemberConfig, platform: Platform) {
    this.#config = config;
    this.#platform = guardedPlatform(platform, (error) => this.#fail(error));
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  get #core(): Core {
    assert(this.#opened !== null, "member: used before it was opened");
    return this.#opened;
  }

  get repaired(): boolean {
    return this.#core.start.repaired;
  }

  async start(tuning: CoreTuning): Promise<void> {
    const onFatal = (error: Error): void => this.#fail(error);
    const events = { onFatal, onClusterChange: () => {} };
    await this.#open(openingCore(this.#platform, this.#config, events, tuning));
    if (this.#fatal !== null) throw this.#fatal;
    this.#core.run();
    await this.#waitFor(() => this.#core.isReady);
    await this.#publish();
    registerMemberMetrics(this.#platform.metrics, this.#core, this.#config);
    this.#doors = new Doors(this.#config, this.#platform, this.#core);
    this.clientUrls = await this.#doors.listen();
    this.#platform.logger.log("info", "ready to serve client requests", {
      "member-id": this.#core.start.memberId.toString(16),
      "listen-client-urls": this.clientUrls,
    });
  }

  status(): MemberStatus {
    const { group, store, start } = this.#core;
    const { leader, term, commitIndex, appliedIndex } = group.node;
    return {
      memberId: start.memberId,
      clusterId: start.clusterId,
      leader,
      term,
      commitIndex,
      appliedIndex,
      revision: store.currentRevision,
      compactRevision: store.compactRevision,
      keys: store.keyCount,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#opening;
    await this.#drainDoors();
    const error = await new Promise<Error | null>((resolve) => {
      if (this.#opened === null) resolve(null);
      else this.#opened.close(resolve);
    });
    this.#resolveClosed(this.#fatal ?? error);
  }

  /** Sockets and signals have their turn in the pauses. */
  #open(work: Sliced<Core>): Promise<void> {
    const { clock } = this.#platform;
    const opened = new Promise<void>((resolve, reject) => {
      const turn = (): void => {
        const untilMs = clock.monotonicMs() + START_TURN_MS;
        try {
          for (;;) {
            const step = work.next();
            if (step.done === true) {
              this.#opened = step.value;
              resolve();
              return;
            }
            if (clock.monotonicMs() < untilMs) continue;
            clock.defer(turn);
            return;
          }
        } catch (error) {
          reject(error);
        }
      };
      turn();
    });
    this.#opening = opened.catch(() => {});
    return opened;
  }

  /** Calls under way may end; who does not in time is cut off. */
  #drainDoors(): Promise<void> {
    const doors = this.#doors;
    if (doors === null) return Promise.resolve();
    this.#core.service.endStreams();
    const { clock } = this.#platform;
    const graceMs = STOP_BASE_MS + 2 * this.#config.electionTimeoutMs;
    return new Promise((resolve) => {
      const timer = clock.startTimer(this.#fatal === null ? graceMs : 0, () => {
        doors.close();
        resolve();
      });
      doors.shutdown(() => {
        clock.cancelTimer(timer);
        resolve();
      });
    });
  }

  #fail(error: Error): void {
    if (this.#fatal !== null) return;
    this.#fatal = error;
    this.#opened?.failed();
    this.#platform.logger.log("error", "member stops after a fatal fault", {
      error: error.message,
      ...faultFields(error),
    });
    // Not in the midst of what failed.
    this.#platform.clock.defer(() => void this.close());
  }

  /**
   * Tells the cluster who this member is and which version it speaks, as etcd does at each start.
   */
  async #publish(): Promise<void> {
    const { service, membership, start } = this.#core;
    const attributes = encodeClusterMemberAttrSetRequestToBytes({
      memberID: start.memberId,
      memberAttributes: {
        name: this.#config.name,
        clientUrls: this.#config.advertiseClientUrls.map((url) => url.text),
      },
    });
    await this.#proposeOwn(RequestField.clusterMemberAttrSet, attributes);
    if (membership.clusterVersion !== null) return;
    const version = encodeClusterVersionSetRequestToBytes({ ver: EMULATED_STORAGE_VERSION });
    await this.#proposeOwn(RequestField.clusterVersionSet, version);
    service.tick();
  }

  async #proposeOwn(field: RequestField, bytes: Uint8Array): Promise<void> {
    let isDone = false;
    const propose = (): void => {
      this.#core.service.proposer.proposeInternal(field, bytes, (error) => {
        isDone ||= error === null;
        // The disk may take longer than a client would wait.
        if (error === "timeout") propose();
      });
    };
    propose();
    await this.#waitFor(() => isDone);
  }

  #waitFor(condition: () => boolean): Promise<void> {
    const { clock } = this.#platform;
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.#fatal !== null) reject(this.#fatal);
        else if (condition()) resolve();
        else clock.startTimer(READY_POLL_MS, look);
      };
      look();
    });
  }
}

/** What kind of fault it is, and what to do. */
function faultFields(error: Error): Readonly<Record<string, string>> {
  if (error instanceof BoltError) return { fault: error.code, remedy: error.remedy };
  if (!(error instanceof DiskError)) return {};
  const { kind, remedy } = diskFault(error);
  return { fault: kind, remedy };
}
