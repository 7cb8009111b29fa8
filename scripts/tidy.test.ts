import assert from "node:assert/strict";
import { test } from "node:test";
import { tidy } from "./tidy.ts";
import { LIMITS } from "./tidy/sizes.ts";

type Files = Readonly<Record<string, string>>;

/** The rules that speak up, each once. Files nobody imports are left out unless asked for. */
function rulesBroken(files: Files, withDead = false): readonly string[] {
  const findings = tidy(new Map(Object.entries(files)));
  const rules = new Set(findings.map((each) => each.rule));
  if (!withDead) rules.delete("dead");
  return [...rules].sort();
}

const lines = (count: number): string => "//\n".repeat(count);
const doc = "/** Doc. */\n";
const many = (count: number, folder: string): Files =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${folder}/f${index}.ts`, ""]));

/** Each row: what it shows, the rule that must fire (or none), the files. */
const CASES: readonly (readonly [string, string | null, Files])[] = [
  ["a rank above", "imports", { "src/base/a.ts": 'import "../raft/b.ts";', "src/raft/b.ts": "" }],
  ["a rank below", null, { "src/raft/a.ts": 'import "../base/b.ts";', "src/base/b.ts": "" }],
  [
    "values where types are allowed",
    "imports",
    { "src/raft/a.ts": 'import { x } from "../proto/b.ts";', "src/proto/b.ts": "" },
  ],
  [
    "types where types are allowed",
    null,
    { "src/raft/a.ts": 'import type { X } from "../proto/b.ts";', "src/proto/b.ts": "" },
  ],
  [
    "a re-export counts as an import",
    "imports",
    { "src/base/a.ts": 'export * from "../wire/b.ts";', "src/wire/b.ts": "" },
  ],
  [
    "a dynamic import counts",
    "imports",
    { "src/base/a.ts": 'void import("../wire/b.ts");', "src/wire/b.ts": "" },
  ],
  [
    "consensus sees storage/wal",
    null,
    { "src/consensus/a.ts": 'import "../storage/wal/b.ts";', "src/storage/wal/b.ts": "" },
  ],
  [
    "consensus sees no other storage",
    "imports",
    { "src/consensus/a.ts": 'import "../storage/backend/b.ts";', "src/storage/backend/b.ts": "" },
  ],
  [
    "the tool sees only the client",
    "imports",
    { "src/cli/ctl/a.ts": 'import "../../mvcc/b.ts";', "src/mvcc/b.ts": "" },
  ],
  [
    "one program does not see another",
    "imports",
    { "src/cli/ctl/a.ts": 'import "../server/b.ts";', "src/cli/server/b.ts": "" },
  ],
  [
    "the real platform is not for layers",
    "imports",
    { "src/mvcc/a.ts": 'import "../platform/node/b.ts";', "src/platform/node/b.ts": "" },
  ],
  [
    "interfaces of the platform do not know their twins",
    "imports",
    { "src/platform/a.ts": 'import "./node/b.ts";', "src/platform/node/b.ts": "" },
  ],
  [
    "a folder without a rank",
    "imports",
    { "src/zoo/a.ts": 'import "../base/b.ts";', "src/base/b.ts": "" },
  ],
  ["a file that is not there", "imports", { "src/base/a.ts": 'import "./b.ts";' }],
  ["node in a layer", "imports", { "src/wire/a.ts": 'import "node:fs";' }],
  ["node in the platform", null, { "src/platform/node/a.ts": 'import "node:fs";' }],
  ["net in a socket adapter", null, { "src/client/node-socket.ts": 'import "node:net";' }],
  ["net elsewhere in the client", "imports", { "src/client/kv.ts": 'import "node:net";' }],
  ["fs in a socket adapter", "imports", { "src/client/node-socket.ts": 'import "node:fs";' }],
  ["a package in a layer", "imports", { "src/mvcc/a.ts": 'import "yaml";' }],
  [
    "code that imports a test's twin",
    "imports",
    { "src/mvcc/a.ts": 'import "./testing/b.ts";', "src/mvcc/testing/b.ts": "" },
  ],
  [
    "a test that imports anything",
    null,
    { "src/base/a.test.ts": 'import "node:fs"; import "yaml";' },
  ],
  [
    "a cycle of three",
    "cycle",
    {
      "src/base/a.ts": 'import "./b.ts";',
      "src/base/b.ts": 'import "./c.ts";',
      "src/base/c.ts": 'import "./a.ts";',
    },
  ],
  [
    "a cycle of types only",
    null,
    { "src/base/a.ts": 'import type { B } from "./b.ts";', "src/base/b.ts": 'import "./a.ts";' },
  ],
  ["the longest file", null, { "scripts/a.ts": lines(LIMITS.fileLines) }],
  ["a file too long", "size", { "scripts/a.ts": lines(LIMITS.fileLines + 1) }],
  ["a function too long", "size", { "scripts/a.ts": `function f() {\n${lines(69)}}\n` }],
  ["the longest function", null, { "scripts/a.ts": `function f() {\n${lines(68)}}\n` }],
  ["a method too long", "size", { "scripts/a.ts": `class A { f() {\n${lines(70)}} }\n` }],
  ["a line too long", "size", { "scripts/a.ts": `// ${"word ".repeat(20)}\n` }],
  ["a long golden value", null, { "scripts/a.ts": `const a = "${"x".repeat(120)}";\n` }],
  ["too many parameters", "size", { "scripts/a.ts": "function f(a, b, c, d, e, g) {}" }],
  ["too many files in a folder", "size", many(LIMITS.folderFiles + 1, "src/base")],
  ["tests do not count", null, { ...many(15, "src/base"), "src/base/a.test.ts": "" }],
  ["too deep", "size", { "src/base/b/c/d/a.ts": "" }],
  ["generated code is as long as it is", null, { "src/proto/gen/a.ts": lines(900) }],
  ["camelCase", "kebab-case", { "src/base/someThing.ts": "" }],
  ["a leftover", "leftover", { "src/base/a.ts": `// ${"TO"}${"DO"}: later` }],
  ["the wall clock", "globals", { "src/mvcc/a.ts": "const now = () => Date.now();" }],
  ["a timer", "globals", { "src/wire/a.ts": "setTimeout(() => {}, 1);" }],
  ["chance", "globals", { "src/raft/a.ts": "const r = () => Math.random();" }],
  ["a way around", "globals", { "src/raft/a.ts": "globalThis.x();" }],
  ["shorthand", "globals", { "src/raft/a.ts": "const x = () => ({ process });" }],
  [
    "a member of that name",
    null,
    { "src/wire/a.ts": "const f = (a) => a.process({ crypto: 1 });" },
  ],
  ["a parameter of that name", null, { "src/wire/a.ts": "const f = (process) => process;" }],
  ["timers in the platform", null, { "src/platform/node/a.ts": "setTimeout(() => {}, 1);" }],
  ["an async function", "promises", { "src/apply/a.ts": "const f = async () => {};" }],
  ["a promise", "promises", { "src/lease/a.ts": "const f = () => Promise.resolve();" }],
  ["a promise elsewhere", null, { "src/service/a.ts": "const f = async () => {};" }],
  ["an export without words", "docs", { "src/base/a.ts": "export const a = 1;" }],
  ["a comment that is none", "docs", { "src/base/a.ts": "// Doc.\nexport const a = 1;" }],
  ["a documented export", null, { "src/base/a.ts": `${doc}export const a = 1;` }],
  [
    "one comment for value and type",
    null,
    { "src/base/a.ts": `${doc}export const A = 1;\nexport type A = typeof A;` },
  ],
  ["a variable of the module", "state", { "src/base/a.ts": "let a = 1;" }],
  ["an exported variable", "state", { "src/base/a.ts": `${doc}export let a = 1;` }],
  ["a map of the module", "state", { "src/base/a.ts": "const a = new Map();" }],
  ["a constant map", null, { "src/base/a.ts": "const a: ReadonlyMap<1, 1> = new Map();" }],
  ["an empty array", "state", { "src/base/a.ts": "const a: number[] = [];" }],
  ["a scratch buffer", "state", { "src/base/a.ts": "const scratch = new Uint8Array(64);" }],
  ["a constant table", null, { "src/base/a.ts": "const CRC_TABLE = new Uint32Array(256);" }],
  ["a static field", "state", { "src/base/a.ts": "class A { static count = 0; }" }],
  ["a link to nowhere", "links", { "README.md": "[a](docs/b.md)" }],
  ["a link", null, { "README.md": "[a](docs/b.md#the-b)", "docs/b.md": "# The `b`\n" }],
  ["a link to a folder", null, { "README.md": "[a](docs/)", "docs/b.md": "" }],
  ["a missing heading", "links", { "README.md": "[a](docs/b.md#c)", "docs/b.md": "# B\n" }],
  ["a command that is not there", "commands", { "README.md": "```\nnpm run fly\n```" }],
  [
    "a command",
    null,
    { "README.md": "```\nnpm start -- --help\n```", "package.json": '{"scripts":{"start":"x"}}' },
  ],
  ["a script that is not there", "commands", { "README.md": "```\nnode scripts/a.ts\n```" }],
];

for (const [what, rule, files] of CASES) {
  test(`${rule ?? "fine"}: ${what}`, () => {
    assert.deepEqual(rulesBroken(files), rule === null ? [] : [rule]);
  });
}

test("a file that nobody imports is dead; entries, tests and workers are not", () => {
  assert.deepEqual(rulesBroken({ "src/base/a.ts": "" }, true), ["dead"]);
  const files = {
    "src/index.ts": "",
    "src/cli/server/main.ts": 'new Worker(new URL("./own-worker.ts", import.meta.url));',
    "src/cli/server/own-worker.ts": "",
    "src/base/a.test.ts": "",
  };
  assert.deepEqual(rulesBroken(files, true), []);
});

test("a finding names file and line", () => {
  const [finding] = tidy(new Map([["src/base/a.test.ts", `const a = 1;\n// ${"FIX"}${"ME"}\n`]]));
  assert.equal(finding?.path, "src/base/a.test.ts");
  assert.equal(finding.line, 2);
});
