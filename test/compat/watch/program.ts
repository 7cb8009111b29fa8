import { Prng } from "../../../src/base/prng.ts";
import { message } from "../errors/proto-writer.ts";
import type { CreateFields } from "./watch-call.ts";

/** Keys that are written; single bytes, so that their order is plain. */
const KEYS = ["a", "b", "c", "d", "e"];
const FIRST_RANGE_ENDS = ["", "\0", "c", "e", "f", "a"];
const STREAMS = 2;

/** One step of a program. */
export type Step =
  | { readonly kind: "write"; readonly path: string; readonly request: Uint8Array }
  | { readonly kind: "compact"; readonly back: number }
  | { readonly kind: "create"; readonly stream: number; readonly fields: CreateFields }
  | { readonly kind: "cancel"; readonly stream: number; readonly watchId: bigint }
  | { readonly kind: "progress"; readonly stream: number };

/** A random program; `startRevision` of its watchers is relative to the revision at that time. */
export function generateProgram(seed: number, length: number): Step[] {
  const prng = new Prng(seed);
  return Array.from({ length }, () => generateStep(prng));
}

function generateStep(prng: Prng): Step {
  const kind = prng.below(100);
  const stream = prng.below(STREAMS);
  if (kind < 30) return put(prng);
  if (kind < 40) return deletion(prng);
  if (kind < 52) return txn(prng);
  if (kind < 57) return { kind: "compact", back: prng.below(6) };
  if (kind < 85) return { kind: "create", stream, fields: createFields(prng) };
  if (kind < 93) return { kind: "cancel", stream, watchId: BigInt(prng.below(8) - 1) };
  return { kind: "progress", stream };
}

function keyOf(prng: Prng): string {
  return KEYS[prng.below(KEYS.length)]!;
}

function putFields(prng: Prng): Uint8Array {
  const value = prng.chance(0.1) ? "" : `v${prng.below(100)}`;
  return message([1, keyOf(prng)], [2, value]);
}

function put(prng: Prng): Step {
  return { kind: "write", path: "/etcdserverpb.KV/Put", request: putFields(prng) };
}

function deletion(prng: Prng): Step {
  const end = prng.chance(0.5) ? undefined : prng.chance(0.3) ? "\0" : keyOf(prng);
  const request = message([1, keyOf(prng)], [2, end]);
  return { kind: "write", path: "/etcdserverpb.KV/DeleteRange", request };
}

/** Puts and deletions of different keys in one revision. */
function txn(prng: Prng): Step {
  const ops = KEYS.filter(() => prng.chance(0.5)).map((key): readonly [number, Uint8Array] => {
    if (prng.chance(0.3)) return [2, message([3, message([1, key])])];
    return [2, message([2, message([1, key], [2, `t${prng.below(100)}`])])];
  });
  return { kind: "write", path: "/etcdserverpb.KV/Txn", request: message(...ops) };
}

function createFields(prng: Prng): CreateFields {
  const start = prng.below(10);
  return {
    key: prng.chance(0.1) ? "" : keyOf(prng),
    rangeEnd: FIRST_RANGE_ENDS[prng.below(FIRST_RANGE_ENDS.length)]!,
    // 0: what comes next; else so far back, or ahead.
    startRevision: start < 4 ? 0 : start === 9 ? -1 : prng.between(-8, 2),
    filters: prng.chance(0.7) ? [] : [prng.below(3), prng.below(3)].slice(prng.below(2)),
    prevKv: prng.chance(0.5),
    watchId: prng.chance(0.7) ? 0 : prng.below(8),
    fragment: prng.chance(0.3),
  };
}
