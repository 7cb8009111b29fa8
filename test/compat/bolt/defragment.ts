import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Prng } from "../../../src/base/prng.ts";
import { NodeDisk } from "../../../src/platform/node/disk.ts";
import { checkDatabase } from "../../../src/storage/backend/bolt-pages/check.ts";
import { PageFile } from "../../../src/storage/backend/bolt-pages/page-file.ts";
import { openBolt } from "../../../src/storage/backend/bolt/bolt-backend.ts";
import { contentOf } from "../../../src/storage/backend/testing/random-writer.ts";
import { oraclePath } from "../oracles/oracles.ts";
import { churn, defragment, idle } from "./churn.ts";

/** Times that a file is filled, thinned and made short. */
const ROUNDS = 3;
/** A kill comes at most so long after the work began. */
const KILL_MS_MAX = 120;

/** Checks copies of a file after every commit of its defragmentation. @throws Error. */
export async function defragmentAndCheck(seed: number): Promise<string> {
  const dir = mkdtempSync(path.join(tmpdir(), "bolt-"));
  const [file, copy] = [path.join(dir, "db"), path.join(dir, "copy")];
  const disk = new NodeDisk();
  const onFailure = (error: Error): never => {
    throw error;
  };
  try {
    const backend = openBolt({ disk, path: file, onFailure });
    const prng = new Prng(seed);
    const sizes: string[] = [];
    let main = 1;
    let checks = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      main = await churn(backend, main, prng);
      backend.commit();
      await idle(backend);
      const [content, before] = [contentOf(backend), statSync(file).size];
      await defragment(backend, () => {
        copyFileSync(file, copy);
        check(copy);
        checks += 1;
      });
      const [after, used] = [statSync(file).size, backend.sizeInUseBytes];
      if (contentOf(backend) !== content) throw new Error("the content is another");
      if (after > 1.1 * used + 400_000) throw new Error(`${after} bytes for ${used}`);
      sizes.push(`${before} to ${after}`);
    }
    backend.close();
    check(file);
    return `${sizes.join(", ")} bytes, ${checks + 1} checks`;
  } finally {
    await new Promise<void>((closed) => disk.close(closed));
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Ends a process by `kill -9` while it defragments, `kills` times, on one file. @throws Error. */
export async function killAndCheck(seed: number, kills: number): Promise<string> {
  const dir = mkdtempSync(path.join(tmpdir(), "bolt-"));
  const file = path.join(dir, "db");
  const prng = new Prng(seed);
  try {
    let whole = 0;
    for (let kill = 0; kill < kills; kill += 1) {
      const output = await killed(file, seed + kill, prng.below(KILL_MS_MAX));
      if (output.includes(" to ")) whole += 1;
      check(file);
    }
    return `${kills} kills, ${whole} after the end of the work, ${kills} checks`;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Its output. */
function killed(file: string, seed: number, afterMs: number): Promise<string> {
  const program = path.join(import.meta.dirname, "churn.ts");
  const child = spawn(process.execPath, [program, file, String(seed)]);
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stdout.on("data", (chunk: Buffer) => {
    const isFirst = !output.includes("defragmenting");
    output += chunk.toString();
    if (isFirst && output.includes("defragmenting")) {
      setTimeout(() => child.kill("SIGKILL"), afterMs);
    }
  });
  return new Promise((done, reject) => {
    child.on("close", (code, signal) => {
      if (signal === "SIGKILL") done(output);
      else reject(new Error(`it ended by itself with ${code}: ${output}`));
    });
  });
}

/** bbolt's check and ours, which looks at the length too. @throws Error. */
function check(file: string): void {
  const bbolt = execFileSync(oraclePath("bbolt")!, ["check", file], { encoding: "utf8" });
  if (bbolt.trim() !== "OK") throw new Error(`bbolt's check: ${bbolt}`);
  const disk = new NodeDisk();
  const id = disk.openSync(file, {});
  const { problems } = checkDatabase(new PageFile(disk, id, file));
  disk.closeSync(id);
  if (problems.length > 0) throw new Error(`our check: ${problems.join("; ")}`);
}
