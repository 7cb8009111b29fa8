import type { KeySelector } from "../../../client/index.ts";
import type { FlagSet } from "../../common/flags.ts";
import { ToolError, Exit } from "../../common/exit.ts";

/** Largest number that is exact; beyond it requests saturate, which changes no answer. */
const EXACT_MAX = 2n ** 53n;

/** A byte string as bytes. */
export function rawBytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** A 64-bit number as the client takes it. */
export function saturated(value: bigint): number {
  if (value > EXACT_MAX) return Number(EXACT_MAX);
  return value < -EXACT_MAX ? -Number(EXACT_MAX) : Number(value);
}

/** @throws ToolError when the two ways to widen a key are both given. */
export function checkRangeFlags(flags: FlagSet): void {
  if (!flags.flag("prefix") || !flags.flag("from-key")) return;
  const text = "`--prefix` and `--from-key` cannot be set at the same time, choose one";
  throw new ToolError(Exit.badArgs, text);
}

/** Key and selection of `KEY [RANGE_END]`. @throws ToolError when an end and a flag collide. */
export function keyBytes(
  args: readonly string[],
  flags: FlagSet,
): { readonly key: Uint8Array; readonly range: KeySelector } {
  const [key, end] = args as [string, string | undefined];
  const prefix = flags.flag("prefix");
  const fromKey = flags.flag("from-key");
  if (end !== undefined) {
    if (prefix || fromKey) {
      const text =
        "too many arguments, only accept one argument when `--prefix` or `--from-key` is set";
      throw new ToolError(Exit.badArgs, text);
    }
    return { key: rawBytes(key), range: { rangeEnd: rawBytes(end) } };
  }
  return {
    key: rawBytes(key),
    range: { ...(prefix ? { prefix } : {}), ...(fromKey ? { fromKey } : {}) },
  };
}
