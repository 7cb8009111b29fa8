import { type Entry, NO_DATA, NO_ENTRIES, NONE, type Snapshot } from "./types.ts";

/** Raft's message types, numbers as in raftpb (raft.md 2 says who sends which when). */
export const MessageType = {
  hup: 0,
  beat: 1,
  prop: 2,
  app: 3,
  appResp: 4,
  vote: 5,
  voteResp: 6,
  snap: 7,
  heartbeat: 8,
  heartbeatResp: 9,
  unreachable: 10,
  snapStatus: 11,
  checkQuorum: 12,
  transferLeader: 13,
  timeoutNow: 14,
  readIndex: 15,
  readIndexResp: 16,
  preVote: 17,
  preVoteResp: 18,
  storageAppend: 19,
  storageAppendResp: 20,
  storageApply: 21,
  storageApplyResp: 22,
  forgetLeader: 23,
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

const NAMES = Object.keys(MessageType).map(
  (name) => `Msg${name.charAt(0).toUpperCase()}${name.slice(1)}`,
);

/** How a message type is printed: `MsgApp`. */
export function messageTypeName(type: MessageType): string {
  return NAMES[type]!;
}

/** The type printed as `name`; undefined when there is none. */
export function messageTypeOf(name: string): MessageType | undefined {
  const at = NAMES.indexOf(name);
  return at < 0 ? undefined : (at as MessageType);
}

const NO_MESSAGES: readonly Message[] = [];

/**
 * One message between members, or between the core and its surroundings. All fields exist in all
 * messages, so that there is one shape; those without meaning for a type keep their zero value.
 * A message is not changed once it was sent or stepped: sender and receiver may share it.
 */
export class Message {
  type: MessageType;
  to: bigint;
  from = NONE;
  /** 0 for local and forwarded messages. */
  term = 0;
  logTerm = 0;
  index = 0;
  entries: readonly Entry[] = NO_ENTRIES;
  commit = 0;
  snapshot: Snapshot | null = null;
  reject = false;
  rejectHint = 0;
  context: Uint8Array = NO_DATA;
  vote = NONE;
  /** To be delivered after the work of a storage message is done. */
  responses: readonly Message[] = NO_MESSAGES;

  constructor(type: MessageType, to: bigint) {
    this.type = type;
    this.to = to;
  }
}

/** True for the types that never come from another member (L in raft.md 2). */
export function isLocalMessage(type: MessageType): boolean {
  switch (type) {
    case MessageType.hup:
    case MessageType.beat:
    case MessageType.unreachable:
    case MessageType.snapStatus:
    case MessageType.checkQuorum:
    case MessageType.storageAppend:
    case MessageType.storageAppendResp:
    case MessageType.storageApply:
    case MessageType.storageApplyResp:
      return true;
    default:
      return false;
  }
}

/** True for the types that answer another message (R in raft.md 2). */
export function isResponseMessage(type: MessageType): boolean {
  switch (type) {
    case MessageType.appResp:
    case MessageType.voteResp:
    case MessageType.heartbeatResp:
    case MessageType.unreachable:
    case MessageType.readIndexResp:
    case MessageType.preVoteResp:
    case MessageType.storageAppendResp:
    case MessageType.storageApplyResp:
      return true;
    default:
      return false;
  }
}
