import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { interpret } from "../../../src/cli/server/flags/interpret.ts";
import { needOracle } from "../oracles/oracles.ts";
import type { FlagCase } from "./cases.ts";
import { FLAG_CASES } from "./cases.ts";

/** Exit code and the reason given: what operators and their scripts see. */
interface Refusal {
  readonly exit: number | null;
  readonly reason: string;
}

/** etcd's words: the log line of the failure, else the first line of stderr. */
function ofEtcd(etcd: string, each: FlagCase): Refusal {
  const dir = mkdtempSync(path.join(tmpdir(), "skein-flags-"));
  try {
    if (each.file !== undefined) writeFileSync(path.join(dir, "c.yml"), each.file);
    const run = spawnSync(etcd, each.args, {
      cwd: dir,
      env: { PATH: process.env["PATH"], ...each.env },
      timeout: 20_000,
      encoding: "utf8",
    });
    const lines = run.stderr.split("\n");
    for (const line of lines) {
      if (!line.startsWith("{")) continue;
      const record = JSON.parse(line) as Record<string, string>;
      if (record["msg"] === "failed to verify flags" || record["msg"] === "discovery failed") {
        return { exit: run.status, reason: record["error"]! };
      }
      if (record["level"] === "fatal") {
        const reason = record["environment-variable"] ?? record["error"] ?? "";
        return { exit: run.status, reason };
      }
    }
    return { exit: run.status, reason: lines.find((line) => !line.startsWith("{")) ?? "" };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function ofSkein(each: FlagCase): Refusal {
  const outcome = interpret(each.args, {
    env: each.env ?? {},
    readFile: (name) => {
      if (name === "c.yml") return each.file ?? "";
      throw new Error(`open ${name}: no such file or directory`);
    },
    hasMember: () => false,
  });
  switch (outcome.kind) {
    case "usage":
      return { exit: 2, reason: outcome.message };
    case "plain":
    case "invalid":
      return { exit: 1, reason: outcome.message };
    case "conflict":
      return { exit: 1, reason: outcome.variable };
    case "help":
    case "version":
    case "run":
      return { exit: 0, reason: outcome.kind };
  }
}

test("a refused start has etcd's exit code and words", (t) => {
  const etcd = needOracle(t, "etcd", "3.7");
  if (etcd === undefined) return;
  const differences: string[] = [];
  for (const each of FLAG_CASES) {
    const [theirs, ours] = [ofEtcd(etcd, each), ofSkein(each)];
    if (theirs.exit === ours.exit && theirs.reason === ours.reason) continue;
    const what = [...each.args, JSON.stringify(each.env ?? {}), each.file ?? ""].join(" ");
    differences.push(
      `${what}\n  etcd  ${theirs.exit} ${theirs.reason}\n  Skein ${ours.exit} ${ours.reason}`,
    );
  }
  assert.equal(differences.join("\n"), "");
});
