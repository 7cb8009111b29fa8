import { decodeConfChange } from "../conf-change-codec.ts";
import type { RaftConfig } from "../config.ts";
import { MemoryStorage } from "../log/memory-storage.ts";
import { Message, type MessageType } from "../message.ts";
import type { ReadState, Ready } from "../output/ready.ts";
import { RawNode } from "../raw-node.ts";
import {
  type ConfState,
  type Entry,
  EntryType,
  type HardState,
  NO_DATA,
  NONE,
  type Snapshot,
  UNLIMITED,
} from "../types.ts";

/** What a member starts from; a log is given by the terms of its entries from index 1 on. */
export interface SeatOptions {
  readonly id: bigint;
  readonly voters: readonly bigint[];
  readonly learners?: readonly bigint[];
  readonly term?: number;
  readonly vote?: bigint;
  readonly commit?: number;
  readonly log?: readonly number[];
  readonly config?: Partial<RaftConfig>;
}

/** Storage whose configuration the test gives, without a snapshot. */
class SeatStorage extends MemoryStorage {
  confState: ConfState;

  constructor(confState: ConfState) {
    super();
    this.confState = confState;
  }

  override initialState(): { hardState: HardState; confState: ConfState } {
    return { hardState: super.initialState().hardState, confState: this.confState };
  }
}

/** One member with its disk and its application, in synchronous mode. */
export class Seat {
  readonly id: bigint;
  readonly storage: SeatStorage;
  readonly applied: Entry[] = [];
  readonly reads: ReadState[] = [];
  node: RawNode;
  protected readonly config: RaftConfig;

  constructor(options: SeatOptions) {
    const { id, voters, learners = [], term = 0, vote = NONE, commit = 0, log = [] } = options;
    this.id = id;
    const confState = { voters, learners, votersOutgoing: [], learnersNext: [], autoLeave: false };
    this.storage = new SeatStorage(confState);
    this.storage.append(log.map((entryTerm, at) => entry(entryTerm, at + 1)));
    this.storage.setHardState({ term, vote, commit });
    this.config = {
      id,
      electionTicks: 10,
      heartbeatTicks: 1,
      storage: this.storage,
      random: () => 0,
      inflightMessagesMax: 256,
      ...options.config,
    };
    this.node = new RawNode(this.config);
  }

  /** Terms of the stored entries, from the first index on. */
  get logTerms(): readonly number[] {
    const first = this.storage.firstIndex();
    const last = this.storage.lastIndex();
    return last < first
      ? []
      : this.storage.entries(first, last + 1, UNLIMITED)!.map(({ term }) => term);
  }

  /** Steps a message of `from` with `fields`; the term is this member's unless given. */
  receive(type: MessageType, from: bigint, fields: Partial<Message> = {}): void {
    this.node.step(message(type, from, this.id, { term: this.node.core.term, ...fields }));
  }

  /** Persists and applies until there is nothing more to do; what it sends meanwhile. */
  work(): readonly Message[] {
    const sent: Message[] = [];
    while (this.node.hasReady()) {
      const ready = this.node.ready();
      this.persist(ready);
      sent.push(...ready.messages);
      this.apply(ready);
      this.node.advance();
    }
    return sent;
  }

  persist({ hardState, entries, snapshot }: Ready): void {
    this.persistWrite(hardState, entries, snapshot);
  }

  /** Makes a write durable. */
  persistWrite(
    hardState: HardState | null,
    entries: readonly Entry[],
    snapshot: Snapshot | null,
  ): void {
    if (hardState !== null) this.storage.setHardState(hardState);
    if (snapshot !== null) {
      this.storage.applySnapshot(snapshot);
      this.storage.confState = snapshot.metadata.confState;
    }
    this.storage.append(entries);
  }

  apply({ committedEntries, readStates }: Ready): void {
    this.applyEntries(committedEntries);
    this.reads.push(...readStates);
  }

  /** Gives committed entries to the application. */
  applyEntries(entries: readonly Entry[]): void {
    for (const committed of entries) {
      this.applied.push(committed);
      if (committed.type !== EntryType.normal) {
        this.storage.confState = this.node.applyConfChange(decodeConfChange(committed));
      }
    }
  }

  tick(count: number): void {
    for (let at = 0; at < count; at += 1) this.node.tick();
  }

  /** Stops and starts again with what is on the disk; the application keeps what it applied. */
  restart(): void {
    const applied = this.applied.at(-1)?.index ?? 0;
    this.node = new RawNode({ ...this.config, applied });
  }
}

/** A message as another member would send it. */
export function message(
  type: MessageType,
  from: bigint,
  to: bigint,
  fields: Partial<Message> = {},
): Message {
  return Object.assign(new Message(type, to), { from }, fields);
}

/** An entry without data. */
export function entry(term: number, index: number, data: Uint8Array = NO_DATA): Entry {
  return { type: EntryType.normal, term, index, data };
}
