/**
 * `node scripts/tidy.ts`: the style of the house as a program: ranks and imports, sizes, names,
 * docs, state, links. Prints `path:line: [rule] message`; what the rules are is in scripts/tidy/.
 */
import { readFileSync } from "node:fs";
import { globSync } from "node:fs";
import path from "node:path";
import { checkExports } from "./tidy/exports.ts";
import { checkImports } from "./tidy/imports.ts";
import { checkMarkdown } from "./tidy/markdown.ts";
import { checkNames } from "./tidy/names.ts";
import type { Finding } from "./tidy/project.ts";
import { parseProject } from "./tidy/project.ts";
import { checkSizes } from "./tidy/sizes.ts";

const root = path.join(import.meta.dirname, "..");

/** All rules over files given as text by path from the root. */
export function tidy(texts: ReadonlyMap<string, string>): readonly Finding[] {
  const project = parseProject(texts);
  return [
    ...checkImports(project),
    ...checkSizes(project),
    ...checkNames(project),
    ...checkExports(project),
    ...checkMarkdown(project),
  ];
}

/** The files of the clone: texts of code and documents, other files only by name. */
function readClone(): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  const files = globSync("{*,{src,test,bench,scripts,docs,proto,.ci}/**/*}", {
    cwd: root,
    withFileTypes: true,
    exclude: (entry) => entry.name === "node_modules" || entry.name.endsWith(".etcd"),
  });
  for (const entry of files) {
    if (!entry.isFile()) continue;
    const file = path.relative(root, path.join(entry.parentPath, entry.name));
    const isText = /\.(ts|cts|mts|md|json)$/.test(file);
    texts.set(
      file.split(path.sep).join("/"),
      isText ? readFileSync(path.join(root, file), "utf8") : "",
    );
  }
  return texts;
}

if (import.meta.main) {
  const findings = tidy(readClone());
  const lines = findings.map((each) => `${each.path}:${each.line}: [${each.rule}] ${each.message}`);
  for (const line of lines.sort()) console.log(line);
  process.exitCode = findings.length === 0 ? 0 : 1;
}
