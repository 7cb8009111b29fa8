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
  readonly quotaBytes: number;
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
    const { alarms, memberId, proposer, logger, quotaBytes } = this.#options;
    if (this.#isProposed || alarms.has(memberId, AlarmType.noSpace)) return;
    logger.log("warn", "message exceeded backend quota; raising alarm", {
      "quota-size-bytes": quotaBytes,
      "quota-size": humanBytes(quotaBytes),
      error: WIRE_ERRORS.noSpace.message,
    });
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

  /** An alarm that could not be raised is proposed again for the next request without room. */
  readonly #settled = (): void => {
    this.#isProposed = false;
    for (const answer of this.#refused.splice(0)) answer();
  };
}
