import type { Expression, Node } from "oxc-parser";
import type { Finding, Project, SourceFile } from "./project.ts";
import { isGenerated, isTest, walk } from "./project.ts";

type Report = (offset: number, rule: string, message: string) => void;

/** Doc comments on exports; no state outside of objects. */
export function checkExports(project: Project): readonly Finding[] {
  const findings: Finding[] = [];
  for (const source of project.sources) {
    if (!source.path.startsWith("src/") || isTest(source.path)) continue;
    const report: Report = (offset, rule, message) => {
      findings.push({ path: source.path, line: source.lineOf(offset), rule, message });
    };
    if (!isGenerated(source.path)) checkDocs(source, report);
    checkState(source, report);
  }
  return findings;
}

function declaredName(node: Node): string {
  if (node.type === "VariableDeclaration") {
    const id = node.declarations[0]?.id;
    return id?.type === "Identifier" ? id.name : "";
  }
  return "id" in node && node.id !== null && "name" in node.id ? String(node.id.name) : "";
}

/** A type and a constant of one name share one comment; so do overloads. */
function checkDocs(source: SourceFile, report: Report): void {
  const documented = new Set<string>();
  const docEnds = source.comments
    .filter((comment) => comment.value.startsWith("*"))
    .map((comment) => comment.end);
  for (const node of source.program.body) {
    if (node.type !== "ExportNamedDeclaration" || node.declaration === null) continue;
    const name = declaredName(node.declaration);
    const hasDoc = docEnds.some(
      (end) => end <= node.start && source.text.slice(end, node.start).trim() === "",
    );
    if (hasDoc) documented.add(name);
    else if (!documented.has(name)) report(node.start, "docs", `${name} has no doc comment`);
  }
}

const MUTABLE_CLASSES = /^(Map|Set|WeakMap|WeakSet|Array)$/;
const BUFFER_CLASSES = /^(Uint|Int|Float|Big|Data|Buffer|Shared|ArrayBuffer)/;

/** Several members live in one process: nothing may be shared through a module. */
function checkState(source: SourceFile, report: Report): void {
  for (const statement of source.program.body) {
    const node =
      statement.type === "ExportNamedDeclaration" && statement.declaration !== null
        ? statement.declaration
        : statement;
    if (node.type !== "VariableDeclaration") continue;
    if (node.kind === "let" || node.kind === "var") {
      report(node.start, "state", "a variable of the module; put it into an object");
      continue;
    }
    for (const { id, init } of node.declarations) {
      const type = "typeAnnotation" in id && id.typeAnnotation ? id.typeAnnotation : undefined;
      const typeText = type === undefined ? "" : source.text.slice(type.start, type.end);
      if (init === null || /readonly/i.test(typeText)) continue;
      if (isMutable(init)) {
        report(init.start, "state", "mutable value of the module; type it Readonly or move it");
      } else if (isBuffer(init) && !(id.type === "Identifier" && /^[A-Z0-9_]+$/.test(id.name))) {
        report(init.start, "state", "a buffer of the module; name a constant table IN_CAPITALS");
      }
    }
  }
  walk(source.program, (node) => {
    if (node.type === "PropertyDefinition" && node.static && !node.readonly) {
      report(node.start, "state", "a static field must be readonly");
    }
  });
}

function isMutable(init: Expression): boolean {
  if (init.type === "ArrayExpression") return init.elements.length === 0;
  if (init.type === "ObjectExpression") return init.properties.length === 0;
  if (init.type !== "NewExpression" || init.callee.type !== "Identifier") return false;
  return MUTABLE_CLASSES.test(init.callee.name);
}

/** No type makes a buffer constant; only a name can say that it is one. */
function isBuffer(init: Expression): boolean {
  if (init.type !== "NewExpression" || init.callee.type !== "Identifier") return false;
  if (!BUFFER_CLASSES.test(init.callee.name)) return false;
  const size = init.arguments[0];
  const isFixed =
    size === undefined ||
    size.type === "ArrayExpression" ||
    (size.type === "Literal" && size.value === 0);
  return !isFixed;
}
