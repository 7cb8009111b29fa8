/**
 * Reader of data-driven test files (raft.md 19.1): commands with what they must print.
 *
 *     # comment
 *     command word key=value key=(one,two)
 *     input
 *     ----
 *     expected output, up to a blank line
 */

/** One argument of a command: `key`, `key=value` or `key=(value,value)`. */
export interface DirectiveArg {
  readonly key: string;
  /** Empty for a bare word; one empty text for `key=`. */
  readonly values: readonly string[];
}

/** One command of a file. */
export interface Directive {
  /** Where the command stands, from 1. */
  readonly line: number;
  readonly command: string;
  readonly args: readonly DirectiveArg[];
  /** The lines between command and separator, trimmed. */
  readonly input: string;
  /** With its end of line, or empty. */
  readonly expected: string;
}

/** A file that cannot be read, or a command that makes no sense. */
export class DataFileError extends Error {
  override readonly name = "DataFileError";
}

const SEPARATOR = "----";

/** All commands of a file in order. @throws DataFileError for a line that is none. */
export function readDirectives(text: string): readonly Directive[] {
  const lines = text.split("\n").map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  if (lines.at(-1) === "") lines.pop();
  const reader = new DirectiveReader(lines);
  const directives: Directive[] = [];
  for (let next = reader.next(); next !== null; next = reader.next()) directives.push(next);
  return directives;
}

class DirectiveReader {
  readonly #lines: readonly string[];
  #at = 0;

  constructor(lines: readonly string[]) {
    this.#lines = lines;
  }

  next(): Directive | null {
    while (this.#at < this.#lines.length) {
      const line = this.#at + 1;
      const text = this.#commandLine();
      if (text === "" || text.startsWith("#")) continue;
      const { command, args } = parseCommand(text, line);
      // Groups of commands have a begin and an end, and neither input nor output.
      if (command === "subtest") return { line, command, args, input: "", expected: "" };
      const { lines: input, found } = this.#until((each) => each === SEPARATOR);
      const expected = found ? this.#expected() : "";
      return { line, command, args, input: input.join("\n").trim(), expected };
    }
    return null;
  }

  /** A trailing backslash joins the next line. */
  #commandLine(): string {
    let text = this.#lines[this.#at++]!.trim();
    if (text.startsWith("#")) return text;
    while (text.endsWith("\\") && this.#at < this.#lines.length) {
      text = `${text.slice(0, -1)} ${this.#lines[this.#at++]!.trim()}`;
    }
    return text;
  }

  /** Lines up to one that ends them, which is passed over. */
  #until(isEnd: (line: string) => boolean): { lines: string[]; found: boolean } {
    const lines: string[] = [];
    while (this.#at < this.#lines.length) {
      const line = this.#lines[this.#at++]!;
      if (isEnd(line)) return { lines, found: true };
      lines.push(line);
    }
    return { lines, found: false };
  }

  /** Up to a blank line; behind a doubled separator up to the next doubled one. */
  #expected(): string {
    if (this.#lines[this.#at] !== SEPARATOR) return joined(this.#until(isBlank).lines);
    this.#at += 1;
    const { lines } = this.#until(
      (line) => line === SEPARATOR && this.#lines[this.#at] === SEPARATOR,
    );
    this.#at += 1;
    if (this.#lines[this.#at] === "") this.#at += 1;
    return joined(lines);
  }
}

function isBlank(line: string): boolean {
  return line.trim() === "";
}

function joined(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

/** Takes a command line apart. @throws DataFileError for unbalanced parentheses or a bare `=`. */
export function parseCommand(
  text: string,
  line: number,
): { readonly command: string; readonly args: readonly DirectiveArg[] } {
  const command = /^\S+/.exec(text)![0];
  const args: DirectiveArg[] = [];
  let rest = text.slice(command.length).trim();
  while (rest !== "") {
    const key = /^[^ =]*/.exec(rest)![0];
    rest = rest.slice(key.length);
    if (key === "") throw new DataFileError(`line ${line}: cannot parse ${text}`);
    let values: readonly string[] = [];
    if (rest.startsWith("=")) {
      const taken = takeValues(rest.slice(1));
      if (taken === null) throw new DataFileError(`line ${line}: cannot parse ${text}`);
      ({ values, rest } = taken);
    }
    args.push({ key, values });
    rest = rest.trim();
  }
  return { command, args };
}

/** What stands behind the `=`; null without the closing parenthesis. */
function takeValues(text: string): { values: readonly string[]; rest: string } | null {
  if (!text.startsWith("(")) {
    const value = /^[^ ]*/.exec(text)![0];
    return { values: [value], rest: text.slice(value.length) };
  }
  const values: string[] = [];
  let depth = 1;
  let start = 1;
  for (let at = 1; at < text.length; at += 1) {
    const each = text[at];
    if (each === "(") depth += 1;
    else if (each === ")") depth -= 1;
    if (depth === 0)
      return { values: [...values, text.slice(start, at)], rest: text.slice(at + 1) };
    if (each !== "," || depth > 1) continue;
    values.push(text.slice(start, at));
    while (text[at + 1] === " ") at += 1;
    start = at + 1;
  }
  return null;
}
