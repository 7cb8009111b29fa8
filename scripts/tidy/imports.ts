import type { Finding, Import, Project, SourceFile } from "./project.ts";
import { isTest } from "./project.ts";

/** What a folder may import. A name with a slash is a folder of the second level only. */
interface Allowance {
  readonly values: readonly string[];
  readonly types?: readonly string[];
}

const BELOW_MVCC = ["base", "proto", "platform", "wire", "raft", "storage"];
const RANK_4 = ["lease", "auth", "cluster", "mvcc"];
const BELOW_SERVICE = [...BELOW_MVCC, ...RANK_4, "consensus", "apply"];
const BELOW_MEMBER = [...BELOW_SERVICE, "service", "edge"];
const EVERYTHING = [...BELOW_MEMBER, "member"];

/** The table of ARCHITECTURE.md, "Who may import whom". Own folder always. */
const ALLOWED: Readonly<Record<string, Allowance>> = {
  base: { values: [] },
  proto: { values: ["base"] },
  platform: { values: ["base"] },
  wire: { values: ["base", "proto", "platform"] },
  raft: { values: ["base"], types: ["proto"] },
  storage: { values: ["base", "proto", "platform"], types: ["raft"] },
  lease: { values: BELOW_MVCC, types: RANK_4 },
  auth: { values: BELOW_MVCC, types: RANK_4 },
  cluster: { values: BELOW_MVCC, types: RANK_4 },
  mvcc: { values: BELOW_MVCC, types: RANK_4 },
  consensus: {
    values: ["base", "proto", "platform", "wire", "raft", "storage/wal", "storage/snap"],
  },
  apply: { values: [...BELOW_MVCC, ...RANK_4], types: ["consensus"] },
  service: { values: BELOW_SERVICE },
  edge: { values: ["base", "proto", "platform", "wire", "service"] },
  member: { values: [...BELOW_MEMBER, "platform/node"] },
  sim: { values: EVERYTHING },
  client: { values: ["base", "proto", "wire"] },
  "cli/go": { values: ["base"] },
  // Flags, tables and exit codes in Go's manner.
  "cli/common": { values: ["base", "cli/go"], types: ["member"] },
  "cli/server": { values: [...EVERYTHING, "platform/node", "cli/go", "cli/common"] },
  "cli/ctl": { values: ["client", "base", "cli/go", "cli/common"] },
  "cli/utl": {
    values: [
      ...["storage", "mvcc", "cluster", "base", "proto", "platform", "platform/node"],
      ...["cli/go", "cli/common"],
    ],
  },
  "cli/bench": { values: ["client", "base", "platform", "platform/node"] },
  "index.ts": { values: [...EVERYTHING, "platform/node"] },
};

/** Folders and files where Node's own modules and the names of the outside world may be used. */
const NODE_HOMES = [/^src\/platform\/node\//, /^src\/cli\//];
/** The socket adapters, files named `node-…`: of Node's modules only these. */
const SOCKET_HOMES = [/^src\/(client|edge)\/([\w-]+\/)*node-[\w-]+\.ts$/];
const SOCKET_MODULES = ["node:net", "node:tls"];
/** Packages of the registry are for programs and for the real platform. */
const PACKAGE_HOMES = NODE_HOMES;

/** True where the names of the outside world (timers, process …) are at home. */
export function isNodeHome(file: string): boolean {
  return (
    !file.startsWith("src/") ||
    isTest(file) ||
    [...NODE_HOMES, ...SOCKET_HOMES].some((home) => home.test(file))
  );
}

/** Ranks, Node's modules, packages, tests imported by code, cycles, files nobody imports. */
export function checkImports(project: Project): readonly Finding[] {
  const findings: Finding[] = [];
  for (const source of project.sources) {
    if (!source.path.startsWith("src/")) continue;
    for (const each of source.imports) {
      const message = problem(source, each, project);
      if (message !== undefined) {
        findings.push({ path: source.path, line: each.line, rule: "imports", message });
      }
    }
  }
  return [...findings, ...findCycles(project), ...findDeadFiles(project)];
}

function problem(source: SourceFile, each: Import, project: Project): string | undefined {
  if (isTest(source.path)) return undefined;
  if (each.specifier.startsWith("node:")) return nodeProblem(source.path, each.specifier);
  if (each.target === undefined) {
    return PACKAGE_HOMES.some((home) => home.test(source.path))
      ? undefined
      : `package ${each.specifier} is for platform/node and cli only`;
  }
  if (!project.texts.has(each.target)) return `${each.specifier} does not exist`;
  if (isTest(each.target)) return `${each.specifier} is for tests only`;
  return rankProblem(source.path, each.target, each.typeOnly);
}

function nodeProblem(file: string, specifier: string): string | undefined {
  const isSocket = SOCKET_HOMES.some((home) => home.test(file));
  if (!isSocket && isNodeHome(file)) return undefined;
  if (isSocket && SOCKET_MODULES.includes(specifier)) return undefined;
  return `${specifier} is for platform/node, cli and socket adapters only`;
}

function rankProblem(from: string, to: string, typeOnly: boolean): string | undefined {
  if (!to.startsWith("src/")) return `${to} is outside src`;
  const [own, ownSecond] = from.split("/").slice(1);
  const [other, otherSecond] = to.split("/").slice(1);
  const toNode = other === "platform" && otherSecond === "node";
  if (own === other && !(own === "cli" && ownSecond !== otherSecond)) {
    return toNode && ownSecond !== "node"
      ? "platform declares, platform/node implements"
      : undefined;
  }
  const allowed = ALLOWED[`${own}/${ownSecond}`] ?? ALLOWED[own!];
  if (allowed === undefined) return `${own} is in no rank; see scripts/tidy/imports.ts`;
  const matches = (name: string): boolean =>
    name === `${other}/${otherSecond}` || (name === other && !toNode);
  if (allowed.values.some(matches)) return undefined;
  if (allowed.types?.some(matches)) {
    return typeOnly ? undefined : `${own} may import only types of ${other}`;
  }
  return `${own} may not import ${toNode ? "platform/node" : other}`;
}

/** Cycles between files over imports that remain at run time (Tarjan's components). */
function findCycles(project: Project): readonly Finding[] {
  const byPath = new Map(project.sources.map((source) => [source.path, source]));
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const findings: Finding[] = [];
  const visit = (file: string): void => {
    const place = order.size;
    order.set(file, place);
    low.set(file, place);
    stack.push(file);
    for (const { target, typeOnly } of byPath.get(file)!.imports) {
      if (typeOnly || target === undefined || !byPath.has(target)) continue;
      if (!order.has(target)) visit(target);
      if (stack.includes(target)) low.set(file, Math.min(low.get(file)!, low.get(target)!));
    }
    if (low.get(file) !== place) return;
    const members = stack.splice(stack.indexOf(file));
    if (members.length > 1) {
      const message = `import cycle: ${members.join(", ")}`;
      findings.push({ path: file, line: 1, rule: "cycle", message });
    }
  };
  for (const source of project.sources) if (!order.has(source.path)) visit(source.path);
  return findings;
}

/** Files that programs start with, or that a user imports. */
const ENTRIES = [/^src\/index\.ts$/, /^src\/client\/index\.ts$/, /^src\/cli\/\w+\/main\.ts$/];

function findDeadFiles(project: Project): readonly Finding[] {
  const alive = new Set<string>();
  for (const source of project.sources) {
    for (const { target } of source.imports) if (target !== undefined) alive.add(target);
    for (const mention of source.mentions) alive.add(mention);
  }
  return project.sources
    .filter(
      ({ path }) =>
        path.startsWith("src/") &&
        !path.endsWith(".test.ts") &&
        !alive.has(path) &&
        !ENTRIES.some((entry) => entry.test(path)),
    )
    .map(({ path }) => ({ path, line: 1, rule: "dead", message: "no file imports it" }));
}
