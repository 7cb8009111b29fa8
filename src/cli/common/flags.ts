import { goDuration, goQuote } from "../go/go-text.ts";
import { parseBool, parseDurationMs, parseInt64 } from "../go/go-number.ts";
import type { Parsed } from "../go/go-number.ts";

/**
 * Command-line flags in the grammar of etcdctl (POSIX with GNU long names, flags and arguments
 * mixed, `--bool=false`, `-w=json`), with its error texts. A general option parser has another
 * grammar and other texts, so this tool brings its own.
 */
export interface FlagSpec {
  readonly name: string;
  readonly short?: string;
  readonly type: "string" | "bool" | "int64" | "int" | "duration" | "strings";
  /** As a user would type it. */
  readonly fallback: string;
  readonly usage: string;
}

type FlagValue = string | boolean | bigint | number | readonly string[];

/** A command line that cannot be parsed; the message is what the user sees. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The user asked for help instead of running the command. */
export class HelpRequest extends Error {
  override readonly name = "HelpRequest";
}

function parseValue(spec: FlagSpec, text: string): Parsed<FlagValue> {
  const quoted = goQuote(text);
  switch (spec.type) {
    case "string":
      return { value: text };
    case "strings":
      return { value: text === "" ? [] : text.split(",") };
    case "bool":
      return parseBool(text, quoted);
    case "duration":
      return parseDurationMs(text, quoted);
    case "int":
    case "int64":
      return parseInt64(text, 0, quoted);
  }
}

/** The flags of one command line: what exists, what was given. */
export class FlagSet {
  readonly specs: readonly FlagSpec[];
  #values = new Map<string, FlagValue>();
  #changed = new Set<string>();

  constructor(specs: readonly FlagSpec[]) {
    this.specs = specs;
    for (const spec of specs) {
      const parsed = parseValue(spec, spec.fallback);
      if ("value" in parsed) this.#values.set(spec.name, parsed.value);
    }
  }

  /** Sets a flag from text. @returns the reason when the text does not fit, else null. */
  set(name: string, text: string): string | null {
    const spec = this.specs.find((candidate) => candidate.name === name);
    if (spec === undefined) return `no such flag -${name}`;
    const parsed = parseValue(spec, text);
    if ("error" in parsed) {
      const shown = spec.short === undefined ? `--${name}` : `-${spec.short}, --${name}`;
      return `invalid argument ${goQuote(text)} for "${shown}" flag: ${parsed.error}`;
    }
    this.#values.set(name, parsed.value);
    this.#changed.add(name);
    return null;
  }

  /** True when the flag was on the command line. */
  changed(name: string): boolean {
    return this.#changed.has(name);
  }

  text(name: string): string {
    return this.#values.get(name) as string;
  }

  flag(name: string): boolean {
    return this.#values.get(name) as boolean;
  }

  /** A 64-bit number; exact. */
  number(name: string): bigint {
    return this.#values.get(name) as bigint;
  }

  /** A duration flag in milliseconds. */
  durationMs(name: string): number {
    return this.#values.get(name) as number;
  }

  list(name: string): readonly string[] {
    return this.#values.get(name) as readonly string[];
  }

  /** The value as Go prints it. */
  shown(name: string): string {
    const value = this.#values.get(name);
    const type = this.specs.find((candidate) => candidate.name === name)?.type;
    if (type === "duration") return goDuration(value as number);
    return Array.isArray(value) ? `[${value.join(",")}]` : String(value);
  }

  /**
   * Reads flags out of `args`; what is left are the arguments. All after `--` is arguments.
   * @throws UsageError for unknown flags and bad values; HelpRequest for `-h` and `--help`.
   */
  parse(args: readonly string[]): string[] {
    const rest: string[] = [];
    const queue = [...args];
    while (queue.length > 0) {
      const arg = queue.shift() as string;
      if (arg === "--") return [...rest, ...queue];
      if (arg.length < 2 || arg[0] !== "-") rest.push(arg);
      else if (arg[1] === "-") this.#long(arg, queue);
      else this.#short(arg, queue);
    }
    return rest;
  }

  #long(arg: string, queue: string[]): void {
    const equals = arg.indexOf("=");
    const name = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
    if (name === "" || name[0] === "-") throw new UsageError(`bad flag syntax: ${arg}`);
    const spec = this.specs.find((candidate) => candidate.name === name);
    if (spec === undefined) {
      if (name === "help") throw new HelpRequest();
      throw new UsageError(`unknown flag: --${name}`);
    }
    if (equals >= 0) this.#assign(spec, arg.slice(equals + 1));
    else if (spec.type === "bool") this.#assign(spec, "true");
    else if (queue.length > 0) this.#assign(spec, queue.shift() as string);
    else throw new UsageError(`flag needs an argument: ${arg}`);
  }

  #short(arg: string, queue: string[]): void {
    let letters = arg.slice(1);
    while (letters !== "") {
      const letter = letters[0] as string;
      const spec = this.specs.find((candidate) => candidate.short === letter);
      if (spec === undefined) {
        if (letter === "h") throw new HelpRequest();
        throw new UsageError(`unknown shorthand flag: '${letter}' in -${letters}`);
      }
      if (letters[1] === "=" && letters.length > 2) return this.#assign(spec, letters.slice(2));
      if (spec.type === "bool") {
        this.#assign(spec, "true");
        letters = letters.slice(1);
        continue;
      }
      if (letters.length > 1) return this.#assign(spec, letters.slice(1));
      const value = queue.shift();
      if (value === undefined) {
        throw new UsageError(`flag needs an argument: '${letter}' in -${letters}`);
      }
      return this.#assign(spec, value);
    }
  }

  #assign(spec: FlagSpec, text: string): void {
    const error = this.set(spec.name, text);
    if (error !== null) throw new UsageError(error);
  }
}
