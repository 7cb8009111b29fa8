import assert from "node:assert/strict";
import { test } from "node:test";
import { FlagSet, HelpRequest, UsageError } from "./flags.ts";
import type { FlagSpec } from "./flags.ts";

const SPECS: readonly FlagSpec[] = [
  { name: "write-out", short: "w", type: "string", fallback: "simple", usage: "" },
  { name: "hex", short: "x", type: "bool", fallback: "false", usage: "" },
  { name: "limit", type: "int64", fallback: "0", usage: "" },
  { name: "timeout", type: "duration", fallback: "5s", usage: "" },
  { name: "endpoints", type: "strings", fallback: "a:1", usage: "" },
];

function parsed(...args: string[]): { flags: FlagSet; rest: string[] } {
  const flags = new FlagSet(SPECS);
  return { flags, rest: flags.parse(args) };
}

test("flags and arguments may be mixed", () => {
  const { flags, rest } = parsed("a", "--limit", "3", "b", "--hex", "c", "--timeout=1m");
  assert.deepEqual(rest, ["a", "b", "c"]);
  assert.equal(flags.number("limit"), 3n);
  assert.equal(flags.flag("hex"), true);
  assert.equal(flags.durationMs("timeout"), 60_000);
  assert.equal(flags.text("write-out"), "simple");
  assert.equal(flags.changed("hex"), true);
  assert.equal(flags.changed("write-out"), false);
});

test("all ways to give a short flag", () => {
  for (const args of [["-w", "json"], ["-wjson"], ["-w=json"], ["-xw", "json"], ["-xwjson"]]) {
    assert.equal(parsed(...args).flags.text("write-out"), "json", args.join(" "));
  }
});

test("a boolean never takes the next word, but takes a value with =", () => {
  const { flags, rest } = parsed("--hex", "false");
  assert.equal(flags.flag("hex"), true);
  assert.deepEqual(rest, ["false"]);
  assert.equal(parsed("--hex=false").flags.flag("hex"), false);
  assert.equal(parsed("-x=0").flags.flag("hex"), false);
});

test("two dashes end the flags; one dash is an argument", () => {
  assert.deepEqual(parsed("--", "--hex", "-w").rest, ["--hex", "-w"]);
  assert.deepEqual(parsed("-", "a").rest, ["-", "a"]);
});

test("lists are split at commas", () => {
  assert.deepEqual(parsed("--endpoints=a,b").flags.list("endpoints"), ["a", "b"]);
  assert.deepEqual(parsed().flags.list("endpoints"), ["a:1"]);
});

test("errors in etcdctl's words", () => {
  const cases: [string[], string][] = [
    [["--nope"], "unknown flag: --nope"],
    [["-z"], "unknown shorthand flag: 'z' in -z"],
    [["-xz"], "unknown shorthand flag: 'z' in -z"],
    [["--limit"], "flag needs an argument: --limit"],
    [["-w"], "flag needs an argument: 'w' in -w"],
    [["--=x"], "bad flag syntax: --=x"],
    [["---a"], "bad flag syntax: ---a"],
    [
      ["--limit", "x"],
      'invalid argument "x" for "--limit" flag: strconv.ParseInt: parsing "x": invalid syntax',
    ],
    [
      ["--hex=2"],
      'invalid argument "2" for "-x, --hex" flag: strconv.ParseBool: parsing "2": invalid syntax',
    ],
    [
      ["--timeout", "5"],
      'invalid argument "5" for "--timeout" flag: time: missing unit in duration "5"',
    ],
  ];
  for (const [args, message] of cases) {
    assert.throws(() => parsed(...args), new UsageError(message), args.join(" "));
  }
  assert.throws(() => parsed("--help"), HelpRequest);
  assert.throws(() => parsed("-h"), HelpRequest);
});
