import { compare } from "../../../client/index.ts";
import type { Condition, Relation } from "../../../client/index.ts";
import { parseInt64 } from "../../go/go-number.ts";
import { goQuote, goUnquote } from "../../go/go-text.ts";
import { ToolError, Exit } from "../../common/exit.ts";
import { rawBytes, saturated } from "./key-args.ts";

/** What ends etcdctl with a stack trace and this code; here it is a plain message. */
const EXIT_PANIC = 2;

const SPACE = /[ \t\r\v\f]/;

/** Reads text from the front, as Go's Sscanf does with `%q` and `%s`. */
class Scanner {
  #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  skipSpaces(): boolean {
    const before = this.#text.length;
    while (SPACE.test(this.#text[0] ?? "")) this.#text = this.#text.slice(1);
    return this.#text.length < before || this.#text === "";
  }

  literal(char: string): boolean {
    if (this.#text[0] !== char) return false;
    this.#text = this.#text.slice(1);
    return true;
  }

  word(): string | null {
    this.skipSpaces();
    const end = this.#text.search(SPACE);
    const word = end < 0 ? this.#text : this.#text.slice(0, end);
    this.#text = this.#text.slice(word.length);
    return word === "" ? null : word;
  }

  quoted(): string | null {
    this.skipSpaces();
    const raw = /^`([^`]*)`/.exec(this.#text);
    const literal = raw?.[0] ?? /^"(?:[^"\\]|\\.)*"/s.exec(this.#text)?.[0];
    if (literal === undefined) return null;
    this.#text = this.#text.slice(literal.length);
    return raw === null ? goUnquote(literal) : (raw[1] as string);
  }
}

/** Key, operator and operand of `"key") OP "operand"`, as far as they could be read. */
function scanCompare(rest: string): { key: string; op: string; operand: string; whole: boolean } {
  const scanner = new Scanner(rest);
  const found = { key: "", op: "", operand: "", whole: false };
  const key = scanner.quoted();
  if (key === null) return found;
  found.key = key;
  if (!scanner.literal(")") || !scanner.skipSpaces()) return found;
  const op = scanner.word();
  if (op === null) return found;
  found.op = op;
  if (!scanner.skipSpaces()) return found;
  const operand = scanner.quoted();
  if (operand === null) return found;
  return { ...found, operand, whole: true };
}

function relation(op: string): Relation {
  if (op === "=" || op === "!=" || op === ">" || op === "<") return op;
  throw new ToolError(EXIT_PANIC, "Unknown result op");
}

/** One line of the comparisons of a transaction. @throws ToolError in etcdctl's words. */
export function parseCompare(line: string): Condition {
  const bracket = line.indexOf("(");
  if (bracket < 0) throw new ToolError(Exit.badInput, `malformed comparison: ${line}`);
  const target = line.slice(0, bracket);
  const { key, op, operand, whole } = scanCompare(line.slice(bracket + 1));
  if (!whole) {
    const got = `${target}(${goQuote(key)}) ${op} ${goQuote(operand)}`;
    throw new ToolError(Exit.badInput, `malformed comparison: ${line}; got ${got}`);
  }
  const bytes = rawBytes(key);
  const number = (): number => {
    const parsed = parseInt64(operand, 10, goQuote(operand));
    if ("value" in parsed) return saturated(parsed.value);
    throw new ToolError(Exit.badInput, `invalid txn compare request: ${line}`);
  };
  switch (target) {
    case "ver":
    case "version":
      return withOperand(number(), (value) => compare.version(bytes, relation(op), value));
    case "c":
    case "create":
      return withOperand(number(), (value) => compare.createRevision(bytes, relation(op), value));
    case "m":
    case "mod":
      return withOperand(number(), (value) => compare.modRevision(bytes, relation(op), value));
    case "val":
    case "value":
      return compare.value(bytes, relation(op), rawBytes(operand));
    case "lease":
      throw new ToolError(EXIT_PANIC, "bad compare value");
    default: {
      const text = `malformed comparison: ${line} (unknown target ${target})`;
      throw new ToolError(Exit.badInput, text);
    }
  }
}

/** The operand is read before the operator is judged: their errors come in that order. */
function withOperand(value: number, make: (value: number) => Condition): Condition {
  return make(value);
}

/** Words of a request line: double quotes with Go's escapes, single quotes raw. */
export function splitWords(line: string): string[] {
  const words = line.match(/"(?:[^"\\]|\\.)*"|'[^']*'|[^'"\s]\S*[^'"\s]?/g) ?? [];
  return words.map((word) => {
    if (word.startsWith("'")) return word.slice(1, -1);
    if (!word.startsWith('"')) return word;
    const text = goUnquote(word);
    if (text === null) throw new ToolError(Exit.badInput, "invalid syntax");
    return text;
  });
}
