import {
  bytesOf,
  copyOf,
  type Outcome,
  type Target,
  truncate,
  tryStart,
  WAL_DIR,
} from "./target.ts";
import type { Tally } from "./tally.ts";

const SECTOR_BYTES = 512;
const WORD_BYTES = 8;

/** Damages every byte of every segment in turn, and cuts each at every length. */
export function damageLog(target: Target, tally: Tally, turns: Iterable<number>): void {
  const names = target.disk.listSync(WAL_DIR).filter((name) => name.endsWith(".wal"));
  const segments = names.map((name) => {
    const path = `${WAL_DIR}/${name}`;
    return { path, bytes: bytesOf(target.disk, path) };
  });
  const total = segments.reduce((sum, { bytes }) => sum + bytes.length, 0);
  for (const turn of turns) {
    if (turn >= total) break;
    let at = turn;
    const segment = segments.find(({ bytes }) => {
      if (at < bytes.length) return true;
      at -= bytes.length;
      return false;
    })!;
    for (const mask of masksOf(segment.bytes[at]!, at)) {
      const world = copyOf(target);
      world.disk.flip(segment.path, at, mask);
      tally.log("flip", `${segment.path} byte ${at} mask ${mask}`, tryStart(world, target));
    }
    const cut = copyOf(target);
    truncate(cut.disk, segment.path, at);
    tally.log("cut", `${segment.path} at ${at}`, tryStart(cut, target));
  }
  for (const { path, bytes } of segments) zeroWords(target, tally, path, bytes);
}

/** One bit, all bits, and what makes it zero. */
export function masksOf(byte: number, at: number): ReadonlySet<number> {
  const masks = new Set([1 << (at % 8), 0xff, byte]);
  masks.delete(0);
  return masks;
}

/**
 * A length word that became zero ends the log; with other bytes behind it in its sector that is
 * damage, for a sector is written whole or not at all.
 */
function zeroWords(target: Target, tally: Tally, path: string, bytes: Uint8Array): void {
  for (const at of framesOf(bytes)) {
    const world = copyOf(target);
    for (let i = at; i < at + WORD_BYTES; i += 1) {
      if (bytes[i] !== 0) world.disk.flip(path, i, bytes[i]!);
    }
    const sectorEnd = at - (at % SECTOR_BYTES) + SECTOR_BYTES;
    const isFollowed = bytes.subarray(at + WORD_BYTES, sectorEnd).some((byte) => byte !== 0);
    const outcome: Outcome = tryStart(world, target);
    if (isFollowed && outcome.kind !== "refused") {
      tally.fail(`${path}: the zero length word at ${at} was taken: ${JSON.stringify(outcome)}`);
    }
    tally.log("zero word", `${path} word at ${at}`, outcome);
  }
}

function framesOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const frames: number[] = [];
  for (let at = 0; at + WORD_BYTES <= bytes.length;) {
    const length = view.getUint32(at, true);
    if (length === 0) break;
    frames.push(at);
    at += WORD_BYTES + Math.ceil(length / WORD_BYTES) * WORD_BYTES;
  }
  return frames;
}
