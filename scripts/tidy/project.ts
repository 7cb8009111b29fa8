import path from "node:path";
import type { Node, Program } from "oxc-parser";
import { parseSync } from "oxc-parser";

/** One thing that is wrong; `line` counts from 1. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
  readonly message: string;
}

/** One import or re-export of a file. */
export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path from the root when relative, else undefined. */
  readonly target: string | undefined;
  /** Nothing of it remains at run time. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** A parsed TypeScript file; paths are from the root with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly program: Program;
  readonly comments: readonly { readonly start: number; readonly end: number; value: string }[];
  readonly imports: readonly Import[];
  /** Relative `.ts` names in strings: workers and the like. */
  readonly mentions: readonly string[];
  lineOf(offset: number): number;
}

/** What the rules look at. */
export interface Project {
  readonly sources: readonly SourceFile[];
  /** Every file of the project by path; texts only of those that rules read. */
  readonly texts: ReadonlyMap<string, string>;
}

/** Files whose code is for tests: they may import twins, the simulator and Node. */
export function isTest(file: string): boolean {
  return /\.(test|contract|bench)\.ts$/.test(file) || /(^|\/)(testing|test|bench)\//.test(file);
}

/** Files written by a program, exempt from the limits for people. */
export function isGenerated(file: string): boolean {
  return /(^|\/)gen\//.test(file);
}

/** Builds a project from texts by path. @throws Error when a file does not parse. */
export function parseProject(texts: ReadonlyMap<string, string>): Project {
  const sources: SourceFile[] = [];
  for (const [file, text] of texts) {
    if (file.endsWith(".ts") && !file.endsWith(".d.ts")) sources.push(parseSource(file, text));
  }
  return { sources, texts };
}

function parseSource(file: string, text: string): SourceFile {
  const parsed = parseSync(file, text);
  const error = parsed.errors[0];
  if (error !== undefined) throw new Error(`${file}: ${error.message}`);
  const lineStarts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    lineStarts.push(at + 1);
  }
  const lineOf = (offset: number): number => {
    let low = 0;
    let high = lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (lineStarts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
  const imports: Import[] = [];
  const add = (specifier: string, typeOnly: boolean, offset: number): void => {
    imports.push({
      specifier,
      target: resolve(file, specifier),
      typeOnly,
      line: lineOf(offset),
    });
  };
  for (const each of parsed.module.staticImports) {
    const typeOnly = each.entries.length > 0 && each.entries.every((entry) => entry.isType);
    add(each.moduleRequest.value, typeOnly, each.start);
  }
  for (const each of parsed.module.staticExports) {
    const from = each.entries.find((entry) => entry.moduleRequest)?.moduleRequest;
    if (from) {
      const typeOnly = each.entries.every((entry) => entry.isType);
      add(from.value, typeOnly, each.start);
    }
  }
  for (const each of parsed.module.dynamicImports) {
    const raw = text.slice(each.moduleRequest.start, each.moduleRequest.end);
    if (/^["'`][^$]*["'`]$/.test(raw)) add(raw.slice(1, -1), false, each.start);
  }
  const mentions = [...text.matchAll(/["'`](\.{1,2}\/[\w./-]+\.ts)["'`]/g)].map((match) =>
    path.posix.join(path.posix.dirname(file), match[1]!),
  );
  return {
    path: file,
    text,
    program: parsed.program,
    comments: parsed.comments,
    imports,
    mentions,
    lineOf,
  };
}

function resolve(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return path.posix.join(path.posix.dirname(from), specifier);
}

/** Calls `visit` for every node below and including `node`, parents first. */
export function walk(node: Node, visit: (node: Node, parent: Node | undefined) => void): void {
  const step = (current: Node, parent: Node | undefined): void => {
    visit(current, parent);
    for (const value of Object.values(current)) {
      if (Array.isArray(value)) {
        for (const item of value) if (isNode(item)) step(item, current);
      } else if (isNode(value)) step(value, current);
    }
  };
  step(node, undefined);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}
