import assert from "node:assert/strict";
import { test } from "node:test";
import type { Io } from "./io.ts";
import { renderTable } from "../common/table.ts";
import { runCtl } from "./run.ts";

/** Runs the tool with no cluster at hand. */
async function ctl(
  argv: readonly string[],
  stdin = "",
): Promise<{ code: number; out: string; err: string }> {
  let [out, err, rest] = ["", "", stdin];
  const io: Io = {
    out: (text) => (out += text),
    err: (text) => (err += text),
    readAll: () => {
      const all = rest;
      rest = "";
      return Promise.resolve(all);
    },
    readLine: () => {
      const end = rest.indexOf("\n");
      if (end < 0) return Promise.resolve(null);
      const line = rest.slice(0, end + 1);
      rest = rest.slice(end + 1);
      return Promise.resolve(line);
    },
    env: {},
    sleep: () => Promise.resolve(),
    nowMs: () => 0,
    wallMs: () => 0,
    readFile: () => {
      throw new Error("no files here");
    },
    newFile: () => {
      throw new Error("no files here");
    },
    askSecret: () => Promise.resolve("secret"),
  };
  const code = await runCtl(argv, io, "9.9.9");
  return { code, out, err };
}

/** Where nothing listens: commands that get so far have passed their own checks. */
const NOWHERE = ["--endpoints=127.0.0.1:1", "--command-timeout=10ms"];

test("wrong usage: etcdctl's words and exit codes", async () => {
  const cases: [string[], number, string][] = [
    [["get"], 128, "get command needs one argument as key and an optional argument as range_end"],
    [
      ["get", "a", "--prefix", "--from-key"],
      128,
      "`--prefix` and `--from-key` cannot be set at the same time, choose one",
    ],
    [
      ["get", "a", "b", "--prefix"],
      128,
      "too many arguments, only accept one argument when `--prefix` or `--from-key` is set",
    ],
    [
      ["get", "a", "--keys-only", "--count-only"],
      128,
      "`--keys-only` and `--count-only` cannot be set at the same time, choose one",
    ],
    [["get", "a", "--order", "up"], 4, "bad sort order up"],
    [["get", "a", "--sort-by", "size"], 4, "bad sort target size"],
    [["get", "a", "--consistency", "x"], 4, 'unknown consistency flag "x"'],
    [["get", "a", "--min-mod-rev=3", "--max-mod-rev=2"], 4, "getMinModRev(=3) > getMaxModRev(=2)"],
    [["get", "a", "-w", "xml"], 4, "unsupported output format"],
    [["put", "a"], 128, "put command needs 1 argument and input from stdin or 2 arguments"],
    [
      ["put", "a", "b", "--ignore-value"],
      128,
      "put command needs only 1 argument when 'ignore-value' is set",
    ],
    [
      ["put", "a", "b", "--lease=zz"],
      128,
      'bad lease ID (strconv.ParseInt: parsing "zz": invalid syntax), expecting ID in Hex',
    ],
    [["del"], 128, "del command needs one argument as key and an optional argument as range_end"],
    [["txn", "x"], 128, "txn command does not accept argument"],
    [["txn"], 3, "EOF"],
    [["compaction"], 128, "compaction command needs 1 argument"],
    [["compaction", "x"], 1, 'strconv.ParseInt: parsing "x": invalid syntax'],
    [["alarm", "list", "x"], 128, "alarm list command accepts no arguments"],
    [["member", "list", "--consistency=x"], 4, 'unknown consistency flag "l"'],
    [["get", "a", "--cert="], 128, "empty string is passed to --cert option"],
    [["watch", "a", "--prefix"], 1, "watch: not yet served by skeinctl"],
    [["role", "add", "a"], 1, "add: not yet served by skeinctl"],
    [["lease", "grant"], 128, "lease grant command needs TTL argument"],
    [["lease", "revoke"], 128, "lease revoke command needs 1 argument"],
    [["lease", "grant", "60", ...NOWHERE], 1, "failed to grant lease (context deadline exceeded)"],
    [["get", "a", ...NOWHERE], 1, "context deadline exceeded"],
  ];
  for (const [argv, code, message] of cases) {
    const got = await ctl(argv);
    assert.deepEqual([got.code, got.err], [code, `Error: ${message}\n`], argv.join(" "));
  }
});

test("unknown commands: a hint, exit code 1; groups alone show help", async () => {
  const unknown = await ctl(["gett"]);
  assert.equal(unknown.code, 1);
  assert.match(
    unknown.err,
    /^Error: unknown command "gett" for "skeinctl"\n\nDid you mean this\?\n\tget\n/,
  );
  assert.equal((await ctl(["endpoint"])).code, 0);
  assert.equal((await ctl(["endpoint", "nope"])).code, 0);
  const help = await ctl(["--help"]);
  assert.equal(help.code, 0);
  assert.match(help.out, /^ {2}txn {2,}/m);
  assert.equal((await ctl(["vers"])).out, "skeinctl version: 9.9.9\nAPI version: 3.7\n");
});

test("transactions: errors of their language", async () => {
  const cases: [string, number, string][] = [
    ["nonsense\n", 3, "malformed comparison: nonsense"],
    ['foo("a") = "1"\n', 3, 'malformed comparison: foo("a") = "1" (unknown target foo)'],
    ['mod("a") = 1\n', 3, 'malformed comparison: mod("a") = 1; got mod("a") = ""'],
    ['mod("a")="1"\n', 3, 'malformed comparison: mod("a")="1"; got mod("a")  ""'],
    ['mod("a") = "x"\n', 3, 'invalid txn compare request: mod("a") = "x"'],
    ['mod("a") >= "1"\n', 2, "Unknown result op"],
    ['lease("a") = "1"\n', 2, "bad compare value"],
    ["\nget\n", 3, "invalid txn compare request: get"],
    ["\nget a --nope\n", 3, "invalid txn request: get a --nope"],
    ["\nfrob a b\n", 3, "invalid txn request: frob a b"],
    ["\nget a --order up\n", 4, "bad sort order up"],
    ["\nput a\n", 128, "put command needs 1 argument and input from stdin or 2 arguments"],
    ['mod("a") = "1"\n', 3, "EOF"],
  ];
  for (const [stdin, code, message] of cases) {
    const got = await ctl(["txn"], stdin);
    assert.deepEqual([got.code, got.err], [code, `Error: ${message}\n`], stdin);
  }
});

test("tables: light box, header centred, cells to the right", () => {
  const table = renderTable({
    header: ["ID", "NAME"],
    rows: [
      ["8e9e", "m1"],
      ["1", "longer"],
    ],
  });
  assert.equal(
    table,
    [
      "┌──────┬────────┐",
      "│  ID  │  NAME  │",
      "├──────┼────────┤",
      "│ 8e9e │     m1 │",
      "│    1 │ longer │",
      "└──────┴────────┘",
      "",
    ].join("\n"),
  );
});
