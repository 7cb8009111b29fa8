import type { Quota } from "../../apply/quota.ts";
import type { Alarms } from "../../cluster/alarms.ts";
import type { Lessor } from "../../lease/lessor.ts";
import type { Consensus } from "../consensus.ts";
import type { NoSpaceAlarm } from "../maintenance/no-space-alarm.ts";
import type { Proposer } from "../propose/proposer.ts";
import type { RangeContext } from "../range/range-service.ts";
import type { TableMemory } from "../range/table-memory.ts";
import type { PendingReads } from "../reads.ts";
import type { Token } from "../rpc.ts";
import type { StreamReplies } from "../streams.ts";
import { Checkpoints } from "./checkpoints.ts";
import { Expiry } from "./expiry.ts";
import { KeepAlives } from "./keep-alives.ts";
import { LeaseLists } from "./lease-lists.ts";
import { LeaseService } from "./lease-service.ts";

/** What all about leases works with. */
export interface LeaseCallsOptions extends RangeContext {
  readonly alarms: Alarms;
  readonly lessor: Lessor;
  readonly consensus: Consensus;
  readonly proposer: Proposer;
  readonly reads: PendingReads;
  readonly quota: Quota;
  readonly noSpace: NoSpaceAlarm;
  /** For what large replies hold. */
  readonly memory: TableMemory;
  readonly streams: StreamReplies;
}

/** The Lease service, and what has leases expire. */
export class LeaseCalls {
  readonly unary: LeaseService;
  readonly keepAlives: KeepAlives;
  readonly expiry: Expiry;
  readonly #lists: LeaseLists;
  readonly #checkpoints: Checkpoints;

  constructor(options: LeaseCallsOptions) {
    this.#lists = new LeaseLists(options);
    this.unary = new LeaseService({ ...options, lists: this.#lists });
    this.keepAlives = new KeepAlives({ ...options, replies: options.streams });
    this.expiry = new Expiry(options);
    this.#checkpoints = new Checkpoints(options);
  }

  /** The unary call is dead. */
  cancel(token: Token): void {
    this.#lists.cancel(token);
  }

  /** Once a tick. */
  tick(): void {
    this.expiry.tick();
    this.#checkpoints.tick();
  }

  stop(): void {
    this.expiry.stop();
  }
}
