import type { Quota } from "../../apply/quota.ts";
import { humanBytes } from "../../base/units.ts";
import { AlarmType, type Alarms } from "../../cluster/alarms.ts";
import type { Logger } from "../../platform/logger.ts";
import {
  AlarmRequestAlarmAction,
  encodeAlarmRequestToBytes,
} from "../../proto/gen/etcdserverpb.ts";
import { WIRE_ERRORS } from "../errors.ts";
import { type Proposer, RequestField } from "../propose/proposer.ts";

/** What a NoSpaceAlarm works with. */
export interface NoSpaceAlarmOptions {
  readonly alarms: Alarms;
  readonly memberId: bigint;
  readonly proposer: Proposer;
  readonly logger: Logger;
  /** For the log. */
  readonly quota: Quota;
}

/**
 * Raises this member's NOSPACE alarm through the log (semantics.md M2). Who is refused for want of
 * room is answered after that, so that a client which was refused finds the alarm. etcd proposes
 * the alarm again for every request that it refuses; one proposal serves all here.
 */
export class NoSpaceAlarm {
  readonly #options: NoSpaceAlarmOptions;
  #isProposed = false;
  readonly #refused: (() => void)[] = [];

  constructor(options: NoSpaceAlarmOptions) {
    this.#options = options;
  }

  /** Proposes the alarm unless it is raised or on its way. */
  raise(): void {
    const { alarms, memberId, proposer } = this.#options;
    if (this.#isProposed || alarms.has(memberId, AlarmType.noSpace)) return;
    this.#warn();
    const request = encodeAlarmRequestToBytes({
      action: AlarmRequestAlarmAction.ACTIVATE,
      memberID: memberId,
      alarm: AlarmType.noSpace,
    });
    const refusal = proposer.proposeInternal(RequestField.alarm, request, this.#settled);
    this.#isProposed = refusal === null;
  }

  /** Calls `answer` when the alarm that is on its way is raised or given up; else at once. */
  afterRaise(answer: () => void): void {
    if (this.#isProposed) this.#refused.push(answer);
    else answer();
  }

  #warn(): void {
    const { logger, quota } = this.#options;
    const { configuredBytes, disk } = quota;
    const error = WIRE_ERRORS.noSpace.message;
    if (disk.isShort) {
      const { freeBytes } = disk;
      const fields = { "free-bytes": freeBytes, free: humanBytes(freeBytes), error };
      logger.log("warn", "disk is almost full; raising alarm", fields);
    } else {
      const size = humanBytes(configuredBytes);
      const fields = { "quota-size-bytes": configuredBytes, "quota-size": size, error };
      logger.log("warn", "message exceeded backend quota; raising alarm", fields);
    }
  }

  /** An alarm that could not be raised is proposed again for the next request without room. */
  readonly #settled = (): void => {
    this.#isProposed = false;
    for (const answer of this.#refused.splice(0)) answer();
  };
}
