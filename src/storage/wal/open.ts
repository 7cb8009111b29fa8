import type { Disk, FileId } from "../../platform/disk.ts";
import { inOneGo, type Sliced } from "../../base/sliced.ts";
import { type Collected, contentFrom, scanLog, type StartChoice, validOf } from "./content.ts";
import { encodeSnapshot } from "./codec.ts";
import { RecordType, parentOf, type SegmentName, segmentName } from "./format.ts";
import { FrameWriter } from "./frame-writer.ts";
import { lockSegment } from "./lock.ts";
import { GROW_BYTES } from "./next-segment.ts";
import { commitBehind } from "./behind-end.ts";
import { DAMAGED, RecordReader } from "./record-reader.ts";
import type { Ending } from "./record-reader.ts";
import { cutTornTail, zeroTail } from "./repair.ts";
import { chooseSegment, listSegments } from "./segments.ts";
import { WalError } from "./types.ts";
import type { OpenedWal, Wal, WalOptions, WalStart } from "./types.ts";
import { WalWriter } from "./writer.ts";
import type { HeldSegment } from "./writer.ts";

/**
 * Creates the log (in `<dir>.tmp`, then renamed) with the given metadata record; blocking. An empty
 * directory that stands in its place is replaced. `<dir>.lock` is locked meanwhile and stays: two
 * processes that both found no log would remove each other's.
 * @throws WalError when a log or another file is there, or another process creates one; DiskError.
 */
export function createWal(options: WalOptions, metadata: Uint8Array): Wal {
  const { disk, dir } = options;
  const path = `${dir.replace(/\/+$/, "")}.lock`;
  const lock = disk.openSync(path, { write: true, create: true });
  try {
    lockSegment(disk, lock, path);
    refuseOthersFiles(disk, dir);
    return createAlone(options, metadata);
  } finally {
    disk.closeSync(lock);
  }
}

/** What is removed to make place must hold nothing. */
function refuseOthersFiles(disk: Disk, dir: string): void {
  const isLog = listSegments(disk, dir).length > 0;
  const name = disk.existsSync(dir) ? disk.listSync(dir).find((each) => each !== ".touch") : null;
  if (!isLog && (name ?? null) === null) return;
  throw new WalError({
    code: "exists",
    message: isLog ? "wal: there is a log already" : `wal: a directory with files, as ${name}`,
    file: dir,
    offset: -1,
    remedy: isLog
      ? "Start the member on it, or name an empty directory."
      : "Name an empty directory, or one that does not exist yet.",
  });
}

function createAlone(options: WalOptions, metadata: Uint8Array): Wal {
  const { disk, dir } = options;
  const making = `${dir.replace(/\/+$/, "")}.tmp`;
  disk.removeTreeSync(making);
  disk.mkdirSync(making);
  const name = segmentName(0, 0);
  const path = `${making}/${name}`;
  const file = disk.openSync(path, { write: true, create: true, exclusive: true });
  try {
    lockSegment(disk, file, path);
    const sizeBytes = Math.min(GROW_BYTES, options.segmentBytes ?? GROW_BYTES);
    disk.allocateSync(file, sizeBytes);
    const frames = new FrameWriter(disk, { crc: 0, offset: 0 });
    frames.crcRecord();
    frames.record(RecordType.metadata, metadata);
    frames.record(RecordType.snapshot, encodeSnapshot({ index: 0, term: 0, confState: null }));
    for (const run of frames.takeRuns()) {
      disk.writeSync(file, run.bytes.subarray(run.start, run.end), run.offset);
    }
    disk.syncSync(file);
    disk.syncDirSync(making);
    disk.removeTreeSync(dir);
    disk.renameSync(making, dir);
    disk.syncDirSync(parentOf(dir));
    const segments = [{ name, sequence: 0, index: 0, file }];
    const { offset, crc } = frames;
    return new WalWriter(options, {
      metadata,
      hardState: null,
      lastIndex: 0,
      segments,
      offset,
      sizeBytes,
      crc,
    });
  } catch (error) {
    disk.closeSync(file);
    throw error;
  }
}

/**
 * Opens the log at a snapshot for reading and appending; blocking. Repairs a torn tail once.
 * @throws WalError for a log that must not be used or is locked by another process; DiskError.
 */
export function openWal(options: WalOptions, start: WalStart | StartChoice): OpenedWal {
  return inOneGo(openingWal(options, start));
}

/** `openWal` with pauses; not to be given up between them. */
export function* openingWal(options: WalOptions, start: WalStart | StartChoice): Sliced<OpenedWal> {
  const { disk, dir } = options;
  const names = listSegments(disk, dir);
  const segments: HeldSegment[] = names.map((name) => ({ ...name, file: null }));
  try {
    const first = firstToRead(dir, names, start);
    hold(options, segments, first);
    removeLeftovers(disk, dir);
    return yield* openLocked(options, start, segments);
  } catch (error) {
    for (const { file } of segments) if (file !== null) disk.closeSync(file);
    throw error;
  }
}

/**
 * Position of the segment to begin with; where the start is to be chosen, the oldest: damage
 * anywhere in the log is seen, also where nobody needs what it says any more.
 */
function firstToRead(
  dir: string,
  names: readonly SegmentName[],
  start: WalStart | StartChoice,
): number {
  return chooseSegment(dir, names, "choose" in start ? (names[0]?.index ?? 0) : start.index);
}

/** Opens and locks the segments from `first` on. */
function hold({ disk, dir }: WalOptions, segments: HeldSegment[], first: number): void {
  for (const segment of segments.slice(first)) {
    const path = `${dir}/${segment.name}`;
    segment.file = disk.openSync(path, { write: true });
    lockSegment(disk, segment.file, path);
  }
}

function* openLocked(
  options: WalOptions,
  wanted: WalStart | StartChoice,
  segments: HeldSegment[],
): Sliced<OpenedWal> {
  const { disk } = options;
  let { reader, content, ending } = yield* read(options, wanted, segments);
  const { start } = content;
  releaseBefore(disk, chooseSegment(options.dir, segments, start.index), segments);
  const last = segments.at(-1)!;
  const file = last.file!;
  const repaired = ending === "torn";
  if (options.commitIsDurable === true) refuseLoss(options, last.name, file, reader, content);
  if (repaired) {
    const path = `${options.dir}/${last.name}`;
    cutTornTail(disk, { path, file, endOffset: reader.endOffset });
    ({ reader, content, ending } = yield* read(options, start, segments));
    if (ending === "torn") throw reader.refuse("torn", "the log is torn again after its repair");
  } else zeroTail(disk, file, reader.endOffset);
  makeDurable(options, file);
  const wal = new WalWriter(options, {
    metadata: content.metadata,
    hardState: content.hardState,
    lastIndex: Math.max(content.lastIndex, last.index - 1, 0),
    segments,
    offset: reader.endOffset,
    sizeBytes: disk.sizeSync(file),
    crc: reader.crc,
  });
  return { ...content, wal, repaired };
}

/** Segments before the one that the start needs are not held. */
function releaseBefore(disk: Disk, chosen: number, segments: HeldSegment[]): void {
  for (const segment of segments.slice(0, chosen)) {
    if (segment.file !== null) disk.closeSync(segment.file);
    segment.file = null;
  }
}

/** A tear with committed entries in it is no torn tail: what a sync confirmed was lost later. */
function refuseLoss(
  { disk, dir }: WalOptions,
  name: string,
  file: FileId,
  { endOffset }: RecordReader,
  { lastIndex }: Collected,
): void {
  const commit = commitBehind(disk, file, endOffset);
  if (commit <= lastIndex) return;
  throw new WalError({
    code: "corrupt",
    message: `records are lost: entry ${lastIndex} is followed by a commit of entry ${commit}`,
    file: `${dir}/${name}`,
    offset: endOffset,
    remedy: DAMAGED,
  });
}

function* read(
  options: WalOptions,
  wanted: WalStart | StartChoice,
  segments: readonly HeldSegment[],
): Sliced<{ reader: RecordReader; content: Collected; ending: Ending }> {
  const readable = segments
    .filter((segment) => segment.file !== null)
    .map((segment) => ({ path: `${options.dir}/${segment.name}`, file: segment.file! }));
  const reader = new RecordReader(options.disk, readable);
  if (!("choose" in wanted)) {
    const content = contentFrom(reader, yield* scanLog(reader, wanted.index), wanted);
    return { reader, content, ending: reader.ending };
  }
  const scan = yield* scanLog(reader, wanted.appliedIndex);
  const content = contentFrom(reader, scan, wanted.choose(validOf(scan).at(-1)));
  return { reader, content, ending: reader.ending };
}

/**
 * What was read counts as durable from now on, but the process before may have been killed between
 * a write and its sync, or between a rename and the sync of its directory, with only the page cache
 * keeping it. (etcd leaves this gap.)
 */
function makeDurable({ disk, dir }: WalOptions, file: FileId): void {
  disk.syncSync(file);
  disk.syncDirSync(dir);
  disk.syncDirSync(parentOf(dir));
}

/** Segments that were prepared and never used. */
function removeLeftovers(disk: Disk, dir: string): void {
  for (const name of disk.listSync(dir)) {
    if (/^\d+\.tmp$/.test(name)) disk.unlinkSync(`${dir}/${name}`);
  }
}
