/** Raft as a library: `import { RawNode } from "skein/raft"`. See docs/raft.md. */
export type { Peer } from "./bootstrap.ts";
export {
  asV2,
  type ConfChange,
  type ConfChangeSingle,
  ConfChangeTransition,
  ConfChangeType,
  type ConfChangeV2,
  LEAVE_JOINT,
} from "./conf-change.ts";
export {
  decodeConfChange,
  type EncodedConfChange,
  encodeConfChange,
  encodeConfChangeV2,
} from "./conf-change-codec.ts";
export { type RaftConfig, ReadOnlyOption } from "./config.ts";
export { MemoryStorage } from "./log/memory-storage.ts";
export { type Storage, StorageError, TERM_UNKNOWN } from "./log/storage.ts";
export { QUIET, type RaftLogger } from "./logger.ts";
export { Message, MessageType, messageTypeName } from "./message.ts";
export type { ReadState, Ready } from "./output/ready.ts";
export { RawNode } from "./raw-node.ts";
export type { Status } from "./status.ts";
export { type Progress, ProgressState } from "./tracker/progress.ts";
export * from "./types.ts";
