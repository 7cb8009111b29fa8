import type { Node } from "oxc-parser";
import type { Finding, Project, SourceFile } from "./project.ts";
import { isGenerated, isTest, walk } from "./project.ts";

/** Hard limits of the house (CONTRIBUTING.md). */
export const LIMITS = {
  fileLines: 500,
  functionLines: 70,
  lineColumns: 100,
  folderFiles: 15,
  folderDepth: 3,
  /** Five, not four: `bytes, start, end` is one thing in three words. */
  parameters: 5,
} as const;

/** Lines of files and functions, columns, files in a folder, depth. */
export function checkSizes(project: Project): readonly Finding[] {
  const findings: Finding[] = [];
  const filesIn = new Map<string, number>();
  for (const source of project.sources) {
    if (isGenerated(source.path)) continue;
    const report = (line: number, message: string): void => {
      findings.push({ path: source.path, line, rule: "size", message });
    };
    const lines = source.text.split("\n");
    const count = lines.at(-1) === "" ? lines.length - 1 : lines.length;
    if (count > LIMITS.fileLines) report(1, `${count} lines, the limit is ${LIMITS.fileLines}`);
    lines.forEach((line, index) => {
      if (line.length > LIMITS.lineColumns && !isUnbreakable(line)) {
        report(index + 1, `${line.length} columns, the limit is ${LIMITS.lineColumns}`);
      }
    });
    checkFunctions(source, report);
    if (!source.path.startsWith("src/")) continue;
    const folder = source.path.slice(0, source.path.lastIndexOf("/"));
    const depth = folder.split("/").length - 1;
    if (depth > LIMITS.folderDepth) report(1, `${depth} folders deep below src`);
    if (!isTest(source.path)) filesIn.set(folder, (filesIn.get(folder) ?? 0) + 1);
  }
  for (const [folder, count] of filesIn) {
    if (count > LIMITS.folderFiles) {
      const message = `${count} source files, the limit is ${LIMITS.folderFiles}`;
      findings.push({ path: folder, line: 1, rule: "size", message });
    }
  }
  return findings;
}

/** One word that no formatter can break: a URL, a golden value. */
function isUnbreakable(line: string): boolean {
  return line
    .trim()
    .split(/\s+/)
    .some((word) => word.length > LIMITS.lineColumns - 20);
}

function checkFunctions(source: SourceFile, report: (line: number, message: string) => void): void {
  walk(source.program, (node) => {
    if (
      node.type !== "FunctionDeclaration" &&
      node.type !== "FunctionExpression" &&
      node.type !== "ArrowFunctionExpression"
    ) {
      return;
    }
    const line = source.lineOf(node.start);
    const lines = source.lineOf(node.end) - line + 1;
    if (lines > LIMITS.functionLines && !(isTest(source.path) && holdsTests(node))) {
      report(line, `function of ${lines} lines, the limit is ${LIMITS.functionLines}`);
    }
    if (node.params.length > LIMITS.parameters) {
      report(line, `${node.params.length} parameters, the limit is ${LIMITS.parameters}`);
    }
  });
}

/** A function that only groups tests is as long as they are. */
function holdsTests(node: Node): boolean {
  let found = false;
  walk(node, (each) => {
    if (each.type !== "CallExpression") return;
    const callee = each.callee;
    if (callee.type === "Identifier" && /^(test|it|describe|suite)$/.test(callee.name))
      found = true;
  });
  return found;
}
