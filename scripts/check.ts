/**
 * `npm run check`: format, lint, types, generated files, tidy. One line per step, and the output of
 * those that failed. `runChecks` is also the first part of `npm test`.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";

const root = path.join(import.meta.dirname, "..");

/** The outcome of one step. */
export interface CheckResult {
  readonly name: string;
  readonly passed: boolean;
  readonly output: string;
  readonly seconds: number;
}

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** What to do about a failure. */
  readonly remedy: string;
}

function node(script: string, ...args: string[]): readonly string[] {
  return [process.execPath, path.join("scripts", script), ...args];
}

function tool(name: string, ...args: string[]): readonly string[] {
  return [path.join("node_modules", ".bin", name), ...args];
}

function steps(): readonly Step[] {
  const all: Step[] = [
    { name: "format", command: tool("oxfmt", "--check", "."), remedy: "npm run format" },
    {
      name: "lint",
      command: tool("oxlint", "--type-aware", "--deny-warnings", "--quiet"),
      remedy: "see the rule's name in .oxlintrc.json",
    },
    { name: "types", command: tool("tsc", "-p", "."), remedy: "fix the types" },
    { name: "tidy", command: node("tidy.ts"), remedy: "the limits are in CONTRIBUTING.md" },
    {
      name: "flag docs",
      command: node("docs-flags.ts", "--check"),
      remedy: "node scripts/docs-flags.ts",
    },
  ];
  if (existsSync(path.join(root, "scripts", "proto-gen.ts"))) {
    all.push({
      name: "codecs",
      command: node("proto-gen.ts", "--check"),
      remedy: "node scripts/proto-gen.ts",
    });
  }
  return all;
}

function run(step: Step): Promise<CheckResult> {
  const startMs = performance.now();
  const { promise, resolve } = Promise.withResolvers<CheckResult>();
  const child = spawn(step.command[0]!, step.command.slice(1), {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const collect = (chunk: string): void => {
    output += chunk;
  };
  child.stdout.setEncoding("utf8").on("data", collect);
  child.stderr.setEncoding("utf8").on("data", collect);
  const finish = (passed: boolean): void =>
    resolve({
      name: step.name,
      passed,
      output: passed ? output : `${output}remedy: ${step.remedy}\n`,
      seconds: (performance.now() - startMs) / 1000,
    });
  child.on("error", (error) => {
    output += `${error.message}\n`;
    finish(false);
  });
  child.on("close", (status) => finish(status === 0));
  return promise;
}

/** Runs every step, two at a time, and prints one line for each. */
export async function runChecks(): Promise<readonly CheckResult[]> {
  const waiting = [...steps()];
  const results: CheckResult[] = [];
  const work = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const result = await run(step);
      results.push(result);
      const word = result.passed ? "ok    " : "FAILED";
      console.log(`check ${step.name.padEnd(10)} ${word} ${result.seconds.toFixed(1)} s`);
      if (!result.passed) console.log(result.output.trimEnd());
    }
  };
  await Promise.all([work(), work()]);
  return results;
}

if (import.meta.main) {
  const results = await runChecks();
  process.exitCode = results.every((result) => result.passed) ? 0 : 1;
}
