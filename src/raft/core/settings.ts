import { assert } from "../../base/assert.ts";
import { type RaftConfig, ReadOnlyOption } from "../config.ts";
import { QUIET, type RaftLogger } from "../logger.ts";
import type { InflightLimits } from "../tracker/tracker.ts";
import { isLocalThread, NONE, UNLIMITED } from "../types.ts";

/** A configuration that was checked, with all defaults filled in. */
export interface Settings {
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  readonly random: (bound: number) => number;
  readonly bytesPerMessageMax: number;
  readonly committedBytesPerReadyMax: number;
  readonly uncommittedBytesMax: number;
  readonly inflightLimits: InflightLimits;
  readonly checkQuorum: boolean;
  readonly preVote: boolean;
  readonly isLeaseBased: boolean;
  readonly disableProposalForwarding: boolean;
  readonly disableConfChangeValidation: boolean;
  readonly stepDownOnRemoval: boolean;
  readonly logger: RaftLogger;
}

/** @throws AssertionError with the library's text for a configuration that cannot be. */
export function checkedSettings(config: RaftConfig): Settings {
  assert(config.id !== NONE, "cannot use none as id");
  assert(!isLocalThread(config.id), "cannot use local target as id");
  assert(config.heartbeatTicks > 0, "heartbeat tick must be greater than 0");
  assert(
    config.electionTicks > config.heartbeatTicks,
    "election tick must be greater than heartbeat tick",
  );
  const bytesPerMessageMax = config.bytesPerMessageMax ?? UNLIMITED;
  const inflightBytesMax = config.inflightBytesMax ?? 0;
  assert(config.inflightMessagesMax > 0, "max inflight messages must be greater than 0");
  assert(
    inflightBytesMax === 0 || inflightBytesMax >= bytesPerMessageMax,
    "max inflight bytes must be >= max message size",
  );
  const isLeaseBased = config.readOnly === ReadOnlyOption.leaseBased;
  const checkQuorum = config.checkQuorum ?? false;
  assert(
    checkQuorum || !isLeaseBased,
    "CheckQuorum must be enabled when ReadOnlyOption is ReadOnlyLeaseBased",
  );
  return {
    electionTicks: config.electionTicks,
    heartbeatTicks: config.heartbeatTicks,
    random: config.random,
    bytesPerMessageMax,
    committedBytesPerReadyMax: config.committedBytesPerReadyMax || bytesPerMessageMax,
    uncommittedBytesMax: config.uncommittedBytesMax || UNLIMITED,
    inflightLimits: { inflightMax: config.inflightMessagesMax, inflightBytesMax },
    checkQuorum,
    preVote: config.preVote ?? false,
    isLeaseBased,
    disableProposalForwarding: config.disableProposalForwarding ?? false,
    disableConfChangeValidation: config.disableConfChangeValidation ?? false,
    stepDownOnRemoval: config.stepDownOnRemoval ?? false,
    logger: config.logger ?? QUIET,
  };
}
