import { assert } from "../../base/assert.ts";
import type { Raft } from "../core/raft.ts";
import type { Message } from "../message.ts";
import { type Entry, type HardState, NONE, type SoftState, type StateType } from "../types.ts";
import type { ReadState, Ready } from "./ready.ts";
import {
  storageAppend,
  storageAppendResponse,
  storageApply,
  storageApplyResponse,
} from "./storage-messages.ts";

const NO_MESSAGES: readonly Message[] = [];
const NO_READS: readonly ReadState[] = [];

/** Makes Readys of what the core has to say, each thing once (raft.md 12 and 13). */
export class Outbox {
  readonly #raft: Raft;
  readonly #isAsync: boolean;
  /** What was told last. */
  #lead: bigint;
  #state: StateType;
  #term: number;
  #vote: bigint;
  #commit: number;
  /** Synchronous mode: what `advance` steps, as if storage had answered. */
  #acknowledgements: Message[] = [];

  constructor(raft: Raft, isAsync: boolean) {
    this.#raft = raft;
    this.#isAsync = isAsync;
    this.#lead = raft.lead;
    this.#state = raft.state;
    this.#term = raft.term;
    this.#vote = raft.vote;
    this.#commit = raft.log.committed;
  }

  /** Nothing of the hard state counts as told: it was not read from storage. */
  forgetHardState(): void {
    this.#term = 0;
    this.#vote = NONE;
    this.#commit = 0;
  }

  /** True when a Ready would have anything in it. */
  hasReady(): boolean {
    const { messages, messagesAfterAppend, readStates, log } = this.#raft;
    return (
      messages.length > 0 ||
      messagesAfterAppend.length > 0 ||
      log.unstable.hasNextEntries ||
      log.hasNextCommitted(!this.#isAsync) ||
      this.#hardStateChanged() ||
      this.#softStateChanged() ||
      readStates.length > 0 ||
      log.unstable.nextSnapshot() !== null
    );
  }

  /** @throws AssertionError in synchronous mode, before the last Ready was acknowledged. */
  take(): Ready {
    const { log } = this.#raft;
    const { unstable } = log;
    assert(
      this.#acknowledgements.length === 0,
      "two accepted Ready structs without call to Advance",
    );
    const entries = unstable.nextEntries();
    const snapshot = unstable.nextSnapshot();
    const committedEntries = log.nextCommitted(!this.#isAsync);
    const mustSync = entries.length > 0 || this.#termOrVoteChanged();
    const work = {
      softState: this.#takeSoftState(),
      hardState: this.#takeHardState(),
      readStates: this.#takeReadStates(),
      entries,
      snapshot,
      committedEntries,
    };
    const messages = this.#isAsync ? this.#takeAllMessages(work) : this.#takeMessages(work);
    unstable.acceptInProgress();
    if (committedEntries.length > 0) log.acceptApplying(committedEntries, !this.#isAsync);
    return { ...work, messages, mustSync };
  }

  /** What `advance` has to step: the last Ready is done. */
  takeAcknowledgements(): readonly Message[] {
    const acknowledgements = this.#acknowledgements;
    this.#acknowledgements = [];
    return acknowledgements;
  }

  /** Synchronous mode: answers to others go last, those to oneself wait for `advance`. */
  #takeMessages(work: Work): readonly Message[] {
    const raft = this.#raft;
    const messages = raft.messages;
    const acknowledgements = this.#acknowledgements;
    for (const message of raft.messagesAfterAppend) {
      if (message.to === raft.id) acknowledgements.push(message);
      else messages.push(message);
    }
    if (raft.messagesAfterAppend.length > 0) raft.messagesAfterAppend = [];
    if (raft.log.unstable.length > 0 || work.snapshot !== null) {
      acknowledgements.push(storageAppendResponse(raft, work.snapshot));
    }
    if (work.committedEntries.length > 0) {
      acknowledgements.push(storageApplyResponse(raft, work.committedEntries));
    }
    if (messages.length === 0) return NO_MESSAGES;
    raft.messages = [];
    return messages;
  }

  /** Asynchronous mode: the work of storage travels as messages behind the others. */
  #takeAllMessages(work: Work): readonly Message[] {
    const raft = this.#raft;
    const { messages, messagesAfterAppend } = raft;
    const hasAppend =
      work.entries.length > 0 ||
      work.hardState !== null ||
      work.snapshot !== null ||
      messagesAfterAppend.length > 0;
    if (hasAppend) messages.push(storageAppend(raft, work));
    if (messagesAfterAppend.length > 0) raft.messagesAfterAppend = [];
    if (work.committedEntries.length > 0) messages.push(storageApply(raft, work.committedEntries));
    if (messages.length === 0) return NO_MESSAGES;
    raft.messages = [];
    return messages;
  }

  #softStateChanged(): boolean {
    return this.#raft.state !== this.#state || this.#raft.lead !== this.#lead;
  }

  #takeSoftState(): SoftState | null {
    if (!this.#softStateChanged()) return null;
    const { lead, state } = this.#raft;
    this.#lead = lead;
    this.#state = state;
    return { lead, state };
  }

  #termOrVoteChanged(): boolean {
    return this.#raft.term !== this.#term || this.#raft.vote !== this.#vote;
  }

  #hardStateChanged(): boolean {
    return this.#raft.log.committed !== this.#commit || this.#termOrVoteChanged();
  }

  #takeHardState(): HardState | null {
    if (!this.#hardStateChanged()) return null;
    const { term, vote } = this.#raft;
    const commit = this.#raft.log.committed;
    this.#term = term;
    this.#vote = vote;
    this.#commit = commit;
    return { term, vote, commit };
  }

  #takeReadStates(): readonly ReadState[] {
    const raft = this.#raft;
    if (raft.readStates.length === 0) return NO_READS;
    const reads = raft.readStates;
    raft.readStates = [];
    return reads;
  }
}

/** A Ready without its messages. */
type Work = Omit<Ready, "messages" | "mustSync"> & { readonly committedEntries: readonly Entry[] };
