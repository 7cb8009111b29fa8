import { DataFileError, type Directive } from "./data-file.ts";

/** Thrown for what a command refuses; the text is its output. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

const INTEGER = /^[+-]?[0-9]+$/;
const UNSIGNED = /^[0-9]+$/;
const UINT64_MAX = 2n ** 64n - 1n;
const TRUE = ["1", "t", "T", "TRUE", "true", "True"];
const FALSE = ["0", "f", "F", "FALSE", "false", "False"];

/** A member id or other unsigned 64-bit number. @throws CommandError in Go's words. */
export function parseUint(text: string): bigint {
  const refuse = (why: string): CommandError =>
    new CommandError(`strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`);
  if (!UNSIGNED.test(text)) throw refuse("invalid syntax");
  const value = BigInt(text);
  if (value > UINT64_MAX) throw refuse("value out of range");
  return value;
}

/** An index, a count or a number of ticks. @throws CommandError in Go's words. */
export function parseNumber(text: string): number {
  if (INTEGER.test(text)) return Number(text);
  throw new CommandError(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** A truth as Go reads it. @throws CommandError in Go's words. */
export function parseBool(text: string): boolean {
  if (TRUE.includes(text)) return true;
  if (FALSE.includes(text)) return false;
  throw new CommandError(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** The words of a command that have no value: ids of nodes. @throws DataFileError */
export function bareIds(directive: Directive): readonly bigint[] {
  return directive.args
    .filter((arg) => arg.values.length === 0)
    .map((arg) => idOf(directive, arg.key));
}

/** The first word, an id. @throws DataFileError */
export function firstId(directive: Directive): bigint {
  return idOf(directive, directive.args[0]?.key ?? "");
}

function idOf({ line, command }: Directive, text: string): bigint {
  if (!UNSIGNED.test(text)) throw new DataFileError(`line ${line}: ${command}: ${text} is no id`);
  return BigInt(text);
}

/** The one value of `key=value`; undefined without the argument. */
export function valueOf(directive: Directive, key: string): string | undefined {
  return directive.args.find((arg) => arg.key === key)?.values[0];
}
