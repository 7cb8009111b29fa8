import { ConfChangeTransition, ConfChangeType } from "../../conf-change.ts";
import { encodeConfChangeV2 } from "../../conf-change-codec.ts";
import { Message, MessageType } from "../../message.ts";
import { NO_DATA, NONE, StateType } from "../../types.ts";
import { step } from "../../core/step.ts";
import { AsyncSeat } from "../async-seat.ts";
import { durableEntriesOf, entriesOf, entryText, memberText, messageText } from "./fingerprint.ts";
import { Interner } from "./interner.ts";

/** What may happen to a member besides a message; messages have the numbers from MESSAGE on. */
export const Input = { campaign: 0, beat: 1, propose: 2, change: 3, sync: 4, crash: 5 } as const;
/** The input that delivers message number n is MESSAGE + n. */
export const MESSAGE = 6;

/** What the invariants need to know of a member in a state. */
export interface MemberView {
  readonly member: number;
  readonly term: number;
  readonly isLeader: boolean;
  readonly commit: number;
  /** Number of writes under way. */
  readonly writes: number;
  readonly log: readonly string[];
  readonly logTerms: readonly number[];
  readonly durable: readonly string[];
  readonly isJoint: boolean;
}

/** A member that an input has led to, and what it sends. */
export interface Outcome {
  readonly state: number;
  /** Numbers of messages. */
  readonly sent: readonly number[];
}

interface MemberState extends MemberView {
  /** The inputs that lead here. */
  readonly path: readonly number[];
}

/** Numbers above all inputs, so that a state and an input make one number. */
const INPUTS = 0x10_0000;

/**
 * Members as tables: a state is a number, an input leads to another state and to messages. The core
 * itself is asked once for each pair, by playing all inputs from the start again: so a world of
 * millions of states costs some thousands of runs of the core.
 */
export class Members {
  readonly messages = new Interner<Message>();
  readonly #states = new Interner<MemberState>();
  readonly #outcomes = new Map<number, Outcome>();
  readonly #voters: readonly bigint[];

  constructor(count: number) {
    this.#voters = Array.from({ length: count }, (_, at) => BigInt(at + 1));
  }

  /** The state of member `member` (from 0) before anything happened. */
  start(member: number): number {
    return this.#intern(this.#seat(member), member, []);
  }

  get stateCount(): number {
    return this.#states.size;
  }

  view(state: number): MemberView {
    return this.#states.value(state);
  }

  /** What `input` does to a member in `state`. @throws whatever the core throws. */
  after(state: number, input: number): Outcome {
    const key = state * INPUTS + input;
    const known = this.#outcomes.get(key);
    if (known !== undefined) return known;
    const { member, path } = this.#states.value(state);
    const seat = this.#seat(member);
    for (const earlier of path) this.#play(seat, earlier);
    const messages = this.#play(seat, input);
    const sent = messages.map((message) => this.messages.intern(messageText(message), message));
    const outcome = { state: this.#intern(seat, member, [...path, input]), sent };
    this.#outcomes.set(key, outcome);
    return outcome;
  }

  #seat(member: number): AsyncSeat {
    // An entry a message: more can happen between them.
    const config = { bytesPerMessageMax: 0 };
    return new AsyncSeat({ id: this.#voters[member]!, voters: this.#voters, config });
  }

  #play(seat: AsyncSeat, input: number): readonly Message[] {
    const { node } = seat;
    if (input === Input.campaign) {
      node.campaign();
    } else if (input === Input.beat) {
      const beat = new Message(MessageType.beat, NONE);
      beat.from = seat.id;
      step(node.core, beat);
    } else if (input === Input.propose) {
      node.propose(new Uint8Array([1]));
    } else if (input === Input.change) {
      node.proposeConfChange(encodeConfChangeV2(REMOVE_LAST));
    } else if (input === Input.sync) {
      seat.syncOne();
    } else if (input === Input.crash) {
      seat.crash();
    } else {
      node.step(this.messages.value(input - MESSAGE));
    }
    return seat.send();
  }

  #intern(seat: AsyncSeat, member: number, path: readonly number[]): number {
    const { core } = seat.node;
    const log = entriesOf(seat);
    return this.#states.intern(`${member}|${memberText(seat)}`, {
      member,
      path,
      term: core.term,
      isLeader: core.state === StateType.leader,
      commit: core.log.committed,
      writes: seat.writes.length,
      log: log.map(entryText),
      logTerms: log.map(({ term }) => term),
      durable: durableEntriesOf(seat).map(entryText),
      isJoint: core.tracker.config.voters.isJoint,
    });
  }
}

/** Member 3 leaves, through a joint configuration that ends by itself. */
const REMOVE_LAST = {
  transition: ConfChangeTransition.jointImplicit,
  changes: [{ type: ConfChangeType.removeNode, nodeId: 3n }],
  context: NO_DATA,
};
