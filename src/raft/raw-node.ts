import { assert } from "../base/assert.ts";
import { bootstrapRaft, type Peer } from "./bootstrap.ts";
import type { ConfChangeV2 } from "./conf-change.ts";
import type { EncodedConfChange } from "./conf-change-codec.ts";
import type { RaftConfig } from "./config.ts";
import { applyConfChange } from "./core/membership.ts";
import { openRaft } from "./core/open.ts";
import type { Raft } from "./core/raft.ts";
import { step } from "./core/step.ts";
import { tick } from "./core/ticks.ts";
import { type Status, statusOf } from "./status.ts";
import { isLocalMessage, isResponseMessage, Message, MessageType } from "./message.ts";
import { Outbox } from "./output/outbox.ts";
import type { Ready } from "./output/ready.ts";
import { type ConfState, type Entry, EntryType, isLocalThread, NONE, RaftError } from "./types.ts";

/**
 * One member of a Raft group: a pure object without I/O, clock or threads (raft.md 1). Inputs are
 * calls; output is one Ready at a time, which the caller works off and acknowledges: with
 * `advance`, or in asynchronous mode with the responses of its storage messages.
 */
export class RawNode {
  /** State for inspection: nobody but the core changes it. */
  readonly core: Raft;
  readonly #outbox: Outbox;
  readonly #isAsync: boolean;

  /** @throws AssertionError for a configuration, or a storage, that cannot be. */
  constructor(config: RaftConfig) {
    this.core = openRaft(config);
    this.#isAsync = config.asyncStorageWrites ?? false;
    this.#outbox = new Outbox(this.core, this.#isAsync);
  }

  get id(): bigint {
    return this.core.id;
  }

  /**
   * Begins a new group instead of opening one that exists, once, before anything else.
   * @throws AssertionError when there are no peers, or a log.
   */
  bootstrap(peers: readonly Peer[]): void {
    this.#outbox.forgetHardState();
    bootstrapRaft(this.core, peers);
  }

  status(): Status {
    return statusOf(this.core);
  }

  /** One step of logical time. */
  tick(): void {
    tick(this.core);
  }

  /** Starts an election, unless this member leads or may not. */
  campaign(): RaftError | null {
    return step(this.core, new Message(MessageType.hup, NONE));
  }

  /** Proposes `data`, which must not change. Nothing promises that it will be committed. */
  propose(data: Uint8Array): RaftError | null {
    return this.#propose({ type: EntryType.normal, data }, this.id);
  }

  /**
   * Proposes a change of membership. Where the leader does not allow it now an empty entry is
   * appended in its place.
   */
  proposeConfChange(change: EncodedConfChange): RaftError | null {
    return this.#propose(change, NONE);
  }

  #propose({ type, data }: Pick<Entry, "type" | "data">, from: bigint): RaftError | null {
    const proposal = new Message(MessageType.prop, NONE);
    proposal.from = from;
    proposal.entries = [{ type, term: 0, index: 0, data }];
    return step(this.core, proposal);
  }

  /**
   * To be called for every configuration entry when it is applied; for one that the application
   * refuses, with a change that does nothing. Returns the configuration that snapshots must carry.
   * @throws AssertionError for a change that is not possible.
   */
  applyConfChange(change: ConfChangeV2): ConfState {
    return applyConfChange(this.core, change);
  }

  /** Takes in a message of another member, or a response of a storage message. */
  step(message: Message): RaftError | null {
    const { type, from } = message;
    if (!isLocalThread(from)) {
      if (isLocalMessage(type)) return RaftError.stepLocalMessage;
      if (isResponseMessage(type) && this.core.tracker.progress(from) === undefined) {
        return RaftError.stepPeerNotFound;
      }
    }
    return step(this.core, message);
  }

  /** True when a Ready would have anything in it. */
  hasReady(): boolean {
    return this.#outbox.hasReady();
  }

  /**
   * Hands out the work there is; nothing is handed out twice.
   * @throws AssertionError in synchronous mode, before the last one was acknowledged.
   */
  ready(): Ready {
    return this.#outbox.take();
  }

  /**
   * Synchronous mode: everything of the last Ready is persisted, sent and applied.
   * @throws AssertionError in asynchronous mode.
   */
  advance(): void {
    assert(!this.#isAsync, "Advance must not be called when using AsyncStorageWrites");
    for (const message of this.#outbox.takeAcknowledgements()) step(this.core, message);
  }

  /** The last message to `id` was lost. */
  reportUnreachable(id: bigint): void {
    this.#report(MessageType.unreachable, id, false);
  }

  /** What became of the snapshot that was sent to `id`. */
  reportSnapshot(id: bigint, isDelivered: boolean): void {
    this.#report(MessageType.snapStatus, id, !isDelivered);
  }

  /** Asks the leader to hand leadership to `to`. */
  transferLeader(to: bigint): void {
    this.#report(MessageType.transferLeader, to, false);
  }

  #report(type: MessageType, id: bigint, reject: boolean): void {
    const message = new Message(type, NONE);
    message.from = id;
    message.reject = reject;
    step(this.core, message);
  }

  /** A follower no longer knows of a leader, and may vote at once; its term and vote stay. */
  forgetLeader(): void {
    step(this.core, new Message(MessageType.forgetLeader, NONE));
  }

  /**
   * Asks for a read index; the answer is a ReadState with `context`. None comes without a leader,
   * or when messages are lost: ask again.
   */
  readIndex(context: Uint8Array): void {
    const request = new Message(MessageType.readIndex, NONE);
    request.entries = [{ type: EntryType.normal, term: 0, index: 0, data: context }];
    step(this.core, request);
  }
}
