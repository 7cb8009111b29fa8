/**
 * h2spec in strict mode against the client port of a running server, on a path that returns DATA.
 * Run twice: h2spec skips its case on the limit of streams unless the server announces one.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { freePort, ServerProcess } from "../../integration/server-process.ts";
import { oraclePath } from "../oracles/oracles.ts";

/** Answered with a body to any request that is not gRPC. */
const PATH = "/version";
/** How long h2spec waits for an answer, s; a loaded machine needs more than its default of 2. */
const ANSWER_LIMIT_S = 5;

/** What h2spec said. */
interface Verdict {
  readonly passed: number;
  readonly failed: number;
  readonly closingLine: string;
  readonly skipped: readonly string[];
  readonly failures: string;
}

/** Runs h2spec against a server with each set of flags. */
export async function run(_options: LongOptions): Promise<LongResult> {
  const program = oraclePath("h2spec");
  if (program === undefined) throw new Error("h2spec is not there: npm run oracles");
  let passed = 0;
  let failed = 0;
  for (const flags of [[], ["--max-concurrent-streams=100"]]) {
    const verdict = await withServer(flags, (port) => check(program, port));
    console.log(`h2spec --strict ${PATH} (server flags: ${flags.join(" ") || "none"})`);
    console.log(`  ${verdict.closingLine}`);
    for (const title of verdict.skipped) console.log(`  skipped: ${title}`);
    if (verdict.failed > 0) console.log(verdict.failures);
    passed += verdict.passed;
    failed += verdict.failed;
  }
  return { passed, failed };
}

async function withServer<T>(
  flags: readonly string[],
  use: (port: number) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(path.join(tmpdir(), "skein-h2spec-"));
  const server = await ServerProcess.start(path.join(dir, "data"), await freePort(), flags);
  try {
    return await use(server.port);
  } finally {
    await server.end("SIGTERM");
    rmSync(dir, { recursive: true, force: true });
  }
}

async function check(program: string, port: number): Promise<Verdict> {
  const args = ["-p", String(port), "-P", PATH, "--strict", "-o", String(ANSWER_LIMIT_S)];
  const titles = caseTitles(await output(program, [...args, "--dryrun"]));
  const text = await output(program, args);
  const closing = /(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed/.exec(text);
  if (closing === null) throw new Error(`h2spec did not finish:\n${text.slice(-2000)}`);
  const reported = titles.filter((title) => !/[✔×]/u.test(lineOf(text, title)));
  const failuresAt = text.lastIndexOf("Failures:");
  return {
    passed: Number(closing[2]),
    failed: Number(closing[4]),
    closingLine: closing[0],
    skipped: Number(closing[3]) === 0 ? [] : reported,
    failures: failuresAt < 0 ? "" : text.slice(failuresAt),
  };
}

/** `1: Sends a …` of every case. */
function caseTitles(dryRun: string): string[] {
  return dryRun
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => /^\d+: /.test(line));
}

function lineOf(text: string, title: string): string {
  return text.split("\n").find((line) => line.includes(title)) ?? "";
}

function output(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
    }
    child.once("error", reject);
    child.once("close", () => resolve(text));
  });
}
