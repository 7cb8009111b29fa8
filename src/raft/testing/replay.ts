import { AssertionError } from "../../base/assert.ts";
import { type Directive, readDirectives } from "./data-file.ts";

/** Carries out one command and returns what it prints. */
export type Interpreter = (directive: Directive) => string;

/** The first command of a file that printed something else. */
export interface Mismatch {
  readonly line: number;
  readonly command: string;
  readonly expected: string;
  readonly actual: string;
}

/** What came of a file; commands behind a mismatch are not carried out. */
export interface Replay {
  /** Commands that printed what they must. */
  readonly commands: number;
  readonly mismatch: Mismatch | null;
}

const PANIC = "panic: ";

/**
 * Carries out a file's commands in order and compares byte for byte. Where the core must stop, the
 * recording says `panic: ` and a reason: that it stops is compared, not why, and nothing behind it.
 */
export function replay(text: string, interpret: Interpreter): Replay {
  let commands = 0;
  for (const directive of readDirectives(text)) {
    if (directive.command === "subtest") continue;
    const actual = carryOut(directive, interpret);
    const { line, command, expected } = directive;
    const isEnd = expected.startsWith(PANIC) && actual.startsWith(PANIC);
    if (actual !== expected && !isEnd) {
      return { commands, mismatch: { line, command, expected, actual } };
    }
    commands += 1;
    if (isEnd) break;
  }
  return { commands, mismatch: null };
}

/** What a broken command says is a mismatch, or what was recorded. */
function carryOut(directive: Directive, interpret: Interpreter): string {
  let output: string;
  try {
    output = interpret(directive);
  } catch (error) {
    if (error instanceof AssertionError) output = `${PANIC}${error.message}\n${error.stack}`;
    else output = error instanceof Error ? `${error.stack}` : String(error);
  }
  return output === "" || output.endsWith("\n") ? output : `${output}\n`;
}

const CONTEXT_LINES = 3;

/** The mismatch for people: where the outputs part, with some lines before. */
export function describeMismatch({ line, command, expected, actual }: Mismatch): string {
  const wanted = expected.split("\n");
  const found = actual.split("\n");
  let at = 0;
  while (at < wanted.length && wanted[at] === found[at]) at += 1;
  const from = Math.max(0, at - CONTEXT_LINES);
  const show = (sign: string, lines: readonly string[]): string[] =>
    lines.map((text) => `  ${sign} ${text}`);
  return [
    `line ${line}: ${command}, line ${at + 1} of the output differs`,
    ...show(" ", wanted.slice(from, at)),
    ...show("-", wanted.slice(at, at + CONTEXT_LINES)),
    ...show("+", found.slice(at, at + CONTEXT_LINES)),
  ].join("\n");
}
