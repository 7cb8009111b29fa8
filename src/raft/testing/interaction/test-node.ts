import type { RaftConfig } from "../../config.ts";
import { decodeConfChange } from "../../conf-change-codec.ts";
import { MemoryStorage } from "../../log/memory-storage.ts";
import type { Message } from "../../message.ts";
import { RawNode } from "../../raw-node.ts";
import { type Entry, EntryType, type HardState, type Snapshot } from "../../types.ts";
import { CommandError } from "../arguments.ts";

/** Durable work: what a disk is asked to keep. */
export interface AppendWork {
  /** Null when nothing of it changed. */
  readonly hardState: HardState | null;
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | null;
}

/** Storage whose newest snapshot is made of what was applied, whatever was installed. */
class HistoryStorage extends MemoryStorage {
  /** A snapshot of each applied index, oldest first; never empty. */
  readonly history: Snapshot[];

  constructor(first: Snapshot) {
    super();
    this.history = [first];
  }

  override snapshot(): Snapshot {
    return this.history.at(-1)!;
  }
}

/** What a node of the harness starts from. */
export type TestNodeOptions = Omit<RaftConfig, "storage"> & {
  /** The first of its history. */
  readonly snapshot: Snapshot;
  /** Whether that snapshot is in the storage when the core starts. */
  readonly isBootstrapped: boolean;
};

/**
 * One member in the harness: the core, its storage, and the work that its append and apply threads
 * have before them. Applied data is kept as one growing text in the snapshots.
 */
export class TestNode {
  readonly id: bigint;
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  readonly isAsync: boolean;
  readonly raw: RawNode;
  readonly storage: HistoryStorage;
  readonly appendWork: Message[] = [];
  readonly applyWork: Message[] = [];

  /** @throws CommandError when the snapshot cannot be installed. */
  constructor(options: TestNodeOptions) {
    const { snapshot, isBootstrapped, ...config } = options;
    this.id = config.id;
    this.electionTicks = config.electionTicks;
    this.heartbeatTicks = config.heartbeatTicks;
    this.isAsync = config.asyncStorageWrites ?? false;
    this.storage = new HistoryStorage(snapshot);
    if (isBootstrapped) refuseIf(this.storage.applySnapshot(snapshot));
    this.raw = new RawNode({ ...config, storage: this.storage });
  }

  /** Makes work durable, the hard state first. @throws CommandError with etcd's text. */
  persist({ hardState, entries, snapshot }: AppendWork): void {
    if (hardState !== null) this.storage.setHardState(hardState);
    if (snapshot === null) {
      this.storage.append(entries);
      return;
    }
    if (entries.length > 0) {
      throw new CommandError("can't apply snapshot and entries at the same time");
    }
    refuseIf(this.storage.applySnapshot(snapshot));
  }

  /** Applies committed entries; each leaves a snapshot behind. */
  apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const { data, metadata } = this.storage.snapshot();
      let { confState } = metadata;
      let update = entry.data;
      if (entry.type !== EntryType.normal) {
        const change = decodeConfChange(entry);
        update = change.context;
        confState = this.raw.applyConfChange(change);
      }
      const { index, term } = entry;
      this.storage.history.push({
        data: concat(data, update),
        metadata: { index, term, confState },
      });
    }
  }
}

function refuseIf(error: string | null): void {
  if (error !== null) throw new CommandError(error);
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
