import type { RaftConfig } from "./config.ts";
import type { ConfChangeV2 } from "./conf-change.ts";
import type { EncodedConfChange } from "./conf-change-codec.ts";
import type { Message } from "./message.ts";
import type { Ready } from "./ready.ts";
import type { ConfState, RaftError } from "./types.ts";

/** Signatures only, for the moment. */
export declare class RawNode {
  constructor(config: RaftConfig);
  /** One step of logical time. */
  tick(): void;
  campaign(): RaftError | null;
  propose(data: Uint8Array): RaftError | null;
  /** Take `change` from `encodeConfChange` (V1) or `encodeConfChangeV2`. */
  proposeConfChange(change: EncodedConfChange): RaftError | null;
  /** To be called for every committed configuration entry; V1 goes through `asV2`. */
  applyConfChange(change: ConfChangeV2): ConfState;
  step(message: Message): RaftError | null;
  hasReady(): boolean;
  ready(): Ready;
  /** Synchronous mode only. */
  advance(): void;
  reportUnreachable(id: bigint): void;
  reportSnapshot(id: bigint, ok: boolean): void;
  transferLeader(to: bigint): void;
  forgetLeader(): void;
  readIndex(context: Uint8Array): void;
}
