import { type Message, MessageType } from "../message.ts";
import type { ConfState, HardState } from "../types.ts";
import { Seat, type SeatOptions } from "./seat.ts";

/** One member in asynchronous mode: writes are durable when the test says so, in order. */
export class AsyncSeat extends Seat {
  /** Writes not yet durable. */
  readonly #writes: Message[] = [];
  /** Free to leave: of Readys, and what durability released. */
  #outgoing: Message[] = [];
  readonly #confState: ConfState;

  constructor(options: SeatOptions) {
    super({ ...options, config: { ...options.config, asyncStorageWrites: true } });
    this.#confState = this.storage.confState;
  }

  /** Member 1, elected in term 1 by `voters`; everything so far is durable and committed. */
  static leader(voters: readonly bigint[]): AsyncSeat {
    const seat = new AsyncSeat({ id: 1n, voters });
    seat.node.campaign();
    seat.syncAll();
    for (const id of voters.slice(1)) seat.receive(MessageType.voteResp, id);
    seat.syncAll();
    for (const id of voters.slice(1)) seat.receive(MessageType.appResp, id, { index: 1 });
    seat.syncAll();
    seat.send();
    return seat;
  }

  /** Term, vote and commit of the oldest write that is not durable. */
  get pendingHardState(): HardState | null {
    const write = this.#writes[0];
    if (write === undefined) return null;
    return { term: write.term, vote: write.vote, commit: write.commit };
  }

  /** Works off Readys, applying at once; what may leave. */
  send(): readonly Message[] {
    while (this.node.hasReady()) {
      const { messages, readStates } = this.node.ready();
      this.reads.push(...readStates);
      for (const message of messages) this.#take(message);
    }
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    return outgoing;
  }

  /** The oldest write is durable: its responses are delivered. */
  syncOne(): void {
    this.#collect();
    const write = this.#writes.shift();
    if (write === undefined) return;
    const { term, vote, commit, entries, snapshot } = write;
    const hardState = term === 0 && commit === 0 ? null : { term, vote, commit };
    this.persistWrite(hardState, entries, snapshot);
    this.#deliver(write.responses);
  }

  /** Until no write is under way. */
  syncAll(): void {
    this.#collect();
    while (this.#writes.length > 0) this.syncOne();
  }

  /** Writes not yet durable, oldest first. */
  get writes(): readonly Message[] {
    return this.#writes;
  }

  /** Loses everything that is not durable; the application begins from nothing. */
  crash(): void {
    this.#writes.length = 0;
    this.#outgoing = [];
    this.applied.length = 0;
    this.storage.confState = this.#confState;
    this.restart();
  }

  #collect(): void {
    // Asked first: the list is another one afterwards.
    const sent = this.send();
    this.#outgoing.push(...sent);
  }

  #take(message: Message): void {
    if (message.type === MessageType.storageAppend) this.#writes.push(message);
    else if (message.type === MessageType.storageApply) this.#apply(message);
    else this.#outgoing.push(message);
  }

  #apply({ entries, responses }: Message): void {
    this.applyEntries(entries);
    this.#deliver(responses);
  }

  #deliver(responses: readonly Message[]): void {
    for (const response of responses) {
      if (response.to === this.id) this.node.step(response);
      else this.#outgoing.push(response);
    }
  }
}
