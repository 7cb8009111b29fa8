/** One `.snap` file (formats-disk.md 7): {1 crc, 2 data}, the data a raftpb.Snapshot. */
import { assert } from "../../base/assert.ts";
import { crc32c } from "../../base/crc32c.ts";
import { decodeSnapshot, encodeSnapshotToBytes } from "../../proto/gen/raftpb.ts";
import type { ConfState as ProtoConfState } from "../../proto/gen/raftpb.ts";
import {
  decodeSnapshot as decodeFrame,
  encodeSnapshotToBytes as encodeFrame,
} from "../../proto/gen/snappb.ts";
import { ProtoError } from "../../proto/wire.ts";
import type { ConfState } from "../../raft/types.ts";
import { SnapError } from "./snap-error.ts";

/**
 * Largest file that is read. One of a cluster without v2 keys has below 2 MiB; the rest is room
 * for those of 3.5 clusters that once had some, short of what a start should hold in memory.
 */
export const SNAP_FILE_BYTES_MAX = 64 * 1024 * 1024;

/** A raft snapshot: where the log was, who was in the cluster, and the v2 tree (v2-tree.ts). */
export interface SnapFile {
  /** Term of the entry at `index`; in [1, 2^53). */
  readonly term: number;
  /** Index of the last entry that the snapshot stands for; in [1, 2^53). */
  readonly index: number;
  readonly confState: ConfState;
  readonly data: Uint8Array;
}

/**
 * Field 2 of raftpb.Snapshot, empty: merging it into the metadata changes nothing. Appended to
 * data whose checksum would be 0, which readers take for "no checksum".
 */
const EMPTY_METADATA = [0x12, 0x00] as const;

/**
 * The bytes of the file, as etcd 3.7 writes them: fields ascending, ids not packed.
 * @throws AssertionError when term or index is out of range.
 */
export function encodeSnapFile(snapshot: SnapFile): Uint8Array {
  const { term, index, confState } = snapshot;
  assert(isLogNumber(term) && isLogNumber(index), `a snapshot at term ${term}, index ${index}`);
  const lists: ProtoConfState = {
    voters: [...confState.voters],
    learners: [...confState.learners],
    votersOutgoing: [...confState.votersOutgoing],
    learnersNext: [...confState.learnersNext],
    autoLeave: confState.autoLeave,
  };
  let data = encodeSnapshotToBytes({
    data: snapshot.data,
    metadata: { confState: lists, index, term },
  });
  if (crc32c(data) === 0) data = withEmptyMetadata(data);
  return encodeFrame({ crc: crc32c(data), data });
}

/**
 * Reads the bytes of a whole file; `file` is its path, for messages. The result's `data` is a view
 * of `bytes`. A missing conf_state gives empty lists. Accepts what etcd does,
 * except index or term 0, which etcd never writes, and numbers of 2^53 and more.
 * @throws SnapError, nothing else, whatever the bytes are.
 */
export function decodeSnapFile(bytes: Uint8Array, file: string): SnapFile {
  if (bytes.length === 0) throw new SnapError({ code: "empty", message: "empty file", file });
  const frame = parse(bytes, file, 0, decodeFrame);
  if (frame.data.length === 0 || frame.crc === 0) {
    const message = frame.crc === 0 ? "no checksum" : "no data";
    throw new SnapError({ code: "empty", message, file });
  }
  const offset = frame.data.byteOffset - bytes.byteOffset;
  const crc = crc32c(frame.data);
  if (crc !== frame.crc) {
    const hex = (value: number): string => value.toString(16).padStart(8, "0");
    const message = `crc mismatch: the data has ${hex(crc)}, the file says ${hex(frame.crc)}`;
    throw new SnapError({ code: "crc", message, file, offset });
  }
  const { data, metadata } = parse(frame.data, file, offset, decodeSnapshot);
  const term = metadata?.term ?? 0;
  const index = metadata?.index ?? 0;
  if (!isLogNumber(term) || !isLogNumber(index)) {
    const message = `not a place in a log: term ${term}, index ${index}`;
    throw new SnapError({ code: "parse", message, file, offset });
  }
  return { term, index, confState: metadata?.confState ?? noConfState(), data };
}

function parse<T>(
  bytes: Uint8Array,
  file: string,
  offset: number,
  decode: (bytes: Uint8Array, start: number, end: number) => T,
): T {
  try {
    return decode(bytes, 0, bytes.length);
  } catch (error) {
    if (!(error instanceof ProtoError)) throw error;
    throw new SnapError({ code: "parse", message: error.message, file, offset });
  }
}

/** Decoded numbers of 2^53 and more arrive as 2^53, which is not a safe integer. */
function isLogNumber(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}

function noConfState(): ConfState {
  return { voters: [], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
}

function withEmptyMetadata(data: Uint8Array): Uint8Array {
  const longer = new Uint8Array(data.length + EMPTY_METADATA.length);
  longer.set(data);
  longer.set(EMPTY_METADATA, data.length);
  return longer;
}
