import assert from "node:assert/strict";
import { test } from "node:test";
import { readDirectives } from "./data-file.ts";
import { describeMismatch, replay } from "./replay.ts";

const args = (line: string) =>
  readDirectives(`${line}\n----\n`)[0]!.args.map(({ key, values }) => [key, ...values]);

test("arguments: words, values, lists", () => {
  assert.deepEqual(args("do 1 a=b c= d=(1,2,  3) e=(4 5) f=(x,(y,z)) g=() last"), [
    ["1"],
    ["a", "b"],
    ["c", ""],
    ["d", "1", "2", "3"],
    ["e", "4 5"],
    ["f", "x", "(y,z)"],
    ["g", ""],
    ["last"],
  ]);
  assert.deepEqual(args("do   a=b   \\\n   c=d"), [
    ["a", "b"],
    ["c", "d"],
  ]);
});

for (const line of ["do =b", "do a=(b", "do a=(b,(c)"]) {
  test(`refused: ${line}`, () => assert.throws(() => args(line), /line 1: cannot parse/));
}

const FILE = `
# A comment, then a command with input.

first 1
  some input
more
----
one
two
# part of the output
\t
# a comment
second
----
----
with

a blank line
----
not the end
----
----

third
----
fourth without output
----
`;

test("a file: comments, input, output up to a blank line or doubled separators", () => {
  const directives = readDirectives(FILE);
  assert.deepEqual(
    directives.map(({ line, command, input, expected }) => [line, command, input, expected]),
    [
      [4, "first", "some input\nmore", "one\ntwo\n# part of the output\n"],
      [13, "second", "", "with\n\na blank line\n----\nnot the end\n"],
      [24, "third", "", "fourth without output\n----\n"],
    ],
  );
});

test("replay stops at the first command that prints something else", () => {
  const printed: string[] = [];
  const { commands, mismatch } = replay("a\n----\nok\n\nb\n----\nok\n\nc\n----\nok\n", (each) => {
    printed.push(each.command);
    return each.command === "b" ? "something" : "ok";
  });
  assert.equal(commands, 1);
  assert.deepEqual(printed, ["a", "b"]);
  assert.ok(mismatch !== null);
  assert.match(describeMismatch(mismatch), /^line 5: b, line 1 of the output differs\n {2}- ok/);
});

test("no output is printed as none, and groups are passed over", () => {
  const { commands, mismatch } = replay("subtest x\n\na\n----\n\nsubtest end\n", () => "");
  assert.deepEqual([commands, mismatch], [1, null]);
});
