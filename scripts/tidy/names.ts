import type { Node } from "oxc-parser";
import { isNodeHome } from "./imports.ts";
import type { Finding, Project, SourceFile } from "./project.ts";
import { isTest, walk } from "./project.ts";

/** The outside world: the simulator owns it, so code must ask its platform. */
const FORBIDDEN = new Set([
  "Date",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "performance",
  "process",
  "crypto",
  "WeakRef",
  "FinalizationRegistry",
  "globalThis",
]);

/** Folders whose code never waits. */
const PROMISE_FREE = /^src\/(raft|mvcc|lease|auth|apply)\//;
const DIGITS_ARE_FINE = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/;
const LEFTOVERS = /\b(TODO|FIXME|XXX|HACK)\b/;

/** Forbidden globals, promises, leftovers, file names. */
export function checkNames(project: Project): readonly Finding[] {
  const findings: Finding[] = [];
  for (const source of project.sources) {
    const report = (offset: number, rule: string, message: string): void => {
      findings.push({ path: source.path, line: source.lineOf(offset), rule, message });
    };
    if (!DIGITS_ARE_FINE.test(source.path.slice(source.path.lastIndexOf("/") + 1))) {
      report(0, "kebab-case", "file names are kebab-case");
    }
    for (const comment of source.comments) {
      const leftover = LEFTOVERS.exec(comment.value);
      if (leftover !== null) report(comment.start, "leftover", `${leftover[1]} in a comment`);
    }
    if (!isNodeHome(source.path)) checkGlobals(source, report);
    if (PROMISE_FREE.test(source.path) && !isTest(source.path)) checkPromises(source, report);
  }
  return findings;
}

type Report = (offset: number, rule: string, message: string) => void;

function checkGlobals(source: SourceFile, report: Report): void {
  const declared = declaredNames(source);
  walk(source.program, (node, parent) => {
    if (node.type !== "Identifier" || isLabel(node, parent)) return;
    if (FORBIDDEN.has(node.name) && !declared.has(node.name)) {
      report(node.start, "globals", `${node.name} is for the platform only`);
    }
    if (
      node.name === "Math" &&
      parent?.type === "MemberExpression" &&
      parent.property.type === "Identifier" &&
      parent.property.name === "random"
    ) {
      report(node.start, "globals", "Math.random is for the platform only");
    }
  });
}

/** Names that are not references: properties and keys. */
function isLabel(node: Node, parent: Node | undefined): boolean {
  if (parent === undefined) return false;
  if (parent.type === "MemberExpression") return parent.property === node && !parent.computed;
  if ("key" in parent && parent.key === node) return !("shorthand" in parent && parent.shorthand);
  if (parent.type === "TSQualifiedName") return parent.right === node;
  return parent.type === "TSEnumMember" || parent.type === "ExportSpecifier";
}

function declaredNames(source: SourceFile): ReadonlySet<string> {
  const names = new Set<string>();
  const add = (node: Node | null | undefined): void => {
    if (node?.type === "Identifier") names.add(node.name);
  };
  walk(source.program, (node) => {
    if (node.type === "VariableDeclarator") add(node.id);
    else if (node.type === "ImportSpecifier" || node.type === "ImportDefaultSpecifier") {
      add(node.local);
    } else if (node.type === "FunctionDeclaration" || node.type === "FunctionExpression") {
      for (const each of node.params) add(each as Node);
    } else if (node.type === "ArrowFunctionExpression") {
      for (const each of node.params) add(each as Node);
    }
  });
  return names;
}

function checkPromises(source: SourceFile, report: Report): void {
  walk(source.program, (node, parent) => {
    const isAsync = "async" in node && node.async === true;
    const isPromise =
      node.type === "Identifier" && node.name === "Promise" && !isLabel(node, parent);
    if (isAsync || isPromise || node.type === "AwaitExpression") {
      report(node.start, "promises", "raft, mvcc, lease, auth and apply use no promises");
    }
  });
}
