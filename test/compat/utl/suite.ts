import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Prng } from "../../../src/base/prng.ts";
import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { compareDirectories, pairsOf, withKeyOutOfOrder } from "./directories.ts";
import { makeFiles, type MadeFiles } from "./make-files.ts";
import { expectEqual, startedOn } from "./started.ts";
import { bboltCheck, etcdutl, type Outcome, skeinutl, type Tool } from "./tools.ts";

const VERSIONS = ["3.5", "3.6", "3.7"] as const;
const SIZES = {
  ci: { rounds: 1, steps: 1200 },
  full: { rounds: 3, steps: 8_000 },
} as const;
/** Revisions asked for besides the special ones. */
const RANDOM_REVISIONS = 6;
/** What the documentation of etcd recommends. */
const BUMP = 1_000_000_000;

/**
 * skeinutl beside etcdutl 3.7.1 on files of etcd 3.5, 3.6 and 3.7: the same status in all formats,
 * the same hashes, the same errors; what the two restore from one snapshot is equal bucket by
 * bucket and record by record, and etcd 3.7.1 starts on either and says the same.
 */
export async function run({ seed, size }: LongOptions): Promise<LongResult> {
  const { rounds, steps } = SIZES[size];
  const both: Both = { ours: skeinutl(), theirs: etcdutl() };
  let [passed, failed] = [0, 0];
  for (let round = 0; round < rounds; round += 1) {
    // At once: most of the time is that of servers that start.
    const results = await Promise.all(
      VERSIONS.map((version) => {
        const prng = new Prng(seed + round);
        return scenario(both, { version, steps, prng, name: `etcd ${version}, round ${round}` });
      }),
    );
    for (const result of results) {
      passed += result.passed;
      failed += result.failed;
    }
  }
  return { passed, failed };
}

interface About {
  readonly version: string;
  readonly steps: number;
  readonly prng: Prng;
  readonly name: string;
}

async function scenario(both: Both, { version, steps, prng, name }: About): Promise<LongResult> {
  const dir = mkdtempSync(path.join(tmpdir(), "utl-"));
  try {
    const files = await makeFiles({ version, dir, steps, prng });
    return await new Scenario(both, files, { dir, prng, name }).run();
  } catch (error) {
    console.log(`${name}: FAILED`, error);
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Both {
  readonly ours: Tool;
  readonly theirs: Tool;
}

class Scenario {
  readonly #both: Both;
  readonly #files: MadeFiles;
  readonly #dir: string;
  readonly #prng: Prng;
  readonly #name: string;
  #copies = 0;

  constructor(
    both: Both,
    files: MadeFiles,
    about: { readonly dir: string; readonly prng: Prng; readonly name: string },
  ) {
    this.#both = both;
    this.#files = files;
    this.#dir = about.dir;
    this.#prng = about.prng;
    this.#name = about.name;
  }

  async run(): Promise<LongResult> {
    const parts: Readonly<Record<string, () => Promise<void>>> = {
      status: () => this.#status(),
      hashkv: () => this.#hashKv(),
      check: () => this.#check(),
      damage: () => this.#damage(),
      "damaged page": () => this.#damagedPage(),
      refusals: () => this.#refusals(),
      restore: () => this.#restore([]),
      bump: () => this.#restore([`--bump-revision=${BUMP}`, "--mark-compacted"]),
      "bump a tombstone": () => this.#restoreTombstone(),
      "three members": () => this.#restoreThree(),
      defrag: () => this.#defrag(),
      program: () => this.#program(),
    };
    let [passed, failed] = [0, 0];
    for (const [what, part] of Object.entries(parts)) {
      try {
        await part();
        passed += 1;
      } catch (error) {
        console.log(`${this.#name}, ${what}: FAILED`, error);
        failed += 1;
      }
    }
    console.log(`${this.#name}: ${passed} of ${Object.keys(parts).length} parts`);
    return { passed, failed };
  }

  #allFiles(): readonly string[] {
    const { underLoad, atEnd, afterDelete, database } = this.#files;
    return [underLoad, atEnd, afterDelete, database];
  }

  /** A copy for one tool: etcdutl writes into what it reads. */
  #copy(file: string): string {
    this.#copies += 1;
    const copy = path.join(this.#dir, `copy-${this.#copies}`);
    copyFileSync(file, copy);
    return copy;
  }

  async #status(): Promise<void> {
    for (const file of this.#allFiles()) {
      for (const format of ["simple", "json", "fields", "table", "protobuf", "xml"]) {
        const before = readFileSync(file);
        const args = ["snapshot", "status", file, "-w", format];
        expectEqual(args.join(" "), await this.#both.ours(args), await this.#both.theirs(args));
        expectEqual("the file", readFileSync(file).equals(before), true);
      }
    }
  }

  async #hashKv(): Promise<void> {
    const { revision, compactRevision } = this.#files;
    const near = [-1, 0, 1].map((each) => compactRevision + each);
    const random = Array.from({ length: RANDOM_REVISIONS }, () => {
      return compactRevision + this.#prng.below(revision - compactRevision);
    });
    for (const rev of [0, -3, 1, ...near, ...random, revision - 1, revision, revision + 5000]) {
      await this.#hashKvAt(this.#files.atEnd, rev);
    }
    for (const file of this.#allFiles()) {
      for (const rev of [0, compactRevision, compactRevision + 1]) await this.#hashKvAt(file, rev);
    }
  }

  async #hashKvAt(file: string, rev: number): Promise<void> {
    for (const format of rev === 0 ? ["simple", "json", "fields", "table", "protobuf"] : ["json"]) {
      const args = (of: string): string[] => ["hashkv", of, `--rev=${rev}`, "-w", format];
      const before = readFileSync(file);
      const ours = await this.#both.ours(args(file));
      expectEqual("the file", readFileSync(file).equals(before), true);
      expectEqual(args(file).join(" "), ours, await this.#both.theirs(args(this.#copy(file))));
    }
  }

  async #check(): Promise<void> {
    for (const file of this.#allFiles()) {
      const { exitCode, stdout, error } = await this.#both.ours(["check", file]);
      if (exitCode !== 0 || !stdout.startsWith(`${file}: sound: `)) {
        throw new Error(`check ${file}: ${exitCode}, ${stdout}, ${error}`);
      }
    }
  }

  /** Damaged snapshots: both refuse to restore them, in the same words. */
  async #damage(): Promise<void> {
    const good = readFileSync(this.#files.atEnd);
    const image = good.length - 32;
    const flipped = Buffer.from(good);
    flipped[8192 + this.#prng.below(image - 8192)]! ^= 1 + this.#prng.below(255);
    const wrongDigest = Buffer.from(good);
    wrongDigest[image + this.#prng.below(32)]! ^= 0x10;
    const cases: Readonly<Record<string, Buffer>> = {
      flipped,
      wrongDigest,
      "last page missing": Buffer.concat([good.subarray(0, image - 4096), good.subarray(image)]),
      "cut at a page": good.subarray(0, 4096 * 3),
      "without digest": good.subarray(0, image),
      "cut in the digest": good.subarray(0, good.length - 5),
    };
    for (const [what, bytes] of Object.entries(cases)) {
      const file = path.join(this.#dir, "damaged");
      writeFileSync(file, bytes);
      const restore = (tool: Tool, to: string): Promise<Outcome> =>
        tool(["snapshot", "restore", file, "--data-dir", path.join(this.#dir, `${to} ${what}`)]);
      const [ours, theirs] = [this.#both.ours, this.#both.theirs];
      expectEqual(what, await restore(ours, "ours"), await restore(theirs, "theirs"));
      if (what === "without digest") continue;
      const { exitCode } = await ours(["check", file]);
      expectEqual(`check, ${what}`, exitCode, 1);
    }
  }

  /** A page with keys out of order: the same verdict; what follows it are our own words. */
  async #damagedPage(): Promise<void> {
    const file = path.join(this.#dir, "misordered");
    writeFileSync(file, withKeyOutOfOrder(this.#files.atEnd));
    const verdict = async (tool: Tool): Promise<unknown> => {
      const { exitCode, stdout, error } = await tool(["snapshot", "status", file]);
      return { exitCode, stdout, error: error.split("\n")[0] };
    };
    expectEqual("status", await verdict(this.#both.ours), await verdict(this.#both.theirs));
    const { exitCode, stdout } = await this.#both.ours(["check", file]);
    expectEqual("check", exitCode, 1);
    expectEqual(stdout, /^page \d+ at byte \d+: .*(key of element|has a key)/m.test(stdout), true);
  }

  /** Command lines that both refuse, in the same words. */
  async #refusals(): Promise<void> {
    const file = this.#files.atEnd;
    const full = path.dirname(this.#files.dataDir);
    const restore = (...flags: string[]): string[] => ["snapshot", "restore", file, ...flags];
    const to = ["--data-dir", path.join(this.#dir, "never")];
    const cases: readonly string[][] = [
      ["snapshot", "status"],
      ["snapshot", "status", file, file],
      ["snapshot", "status", path.join(this.#dir, "missing")],
      ["hashkv", path.join(this.#dir, "missing")],
      ["hashkv", path.join(this.#dir, "missing"), "-w", "xml"],
      ["hashkv", this.#copy(file), "-w", "xml"],
      ["defrag", "--data-dir", path.join(this.#dir, "missing")],
      ["snapshot", "status", path.join(this.#dir, "missing"), "-w", "xml"],
      ["snapshot", "restore", path.join(this.#dir, "missing"), ...to],
      ["snapshot", "restore"],
      ["snapshot", "restore", file, file, ...to],
      restore(...to, "--bump-revision=5"),
      restore(...to, "--mark-compacted"),
      restore("--data-dir", full),
      restore(...to, "--wal-dir", full),
      restore(...to, "--name", "m9"),
      restore(...to, "--initial-cluster", "default=http://10.0.0.1:2380"),
      restore(...to, "--initial-cluster", "default=http://localhost:2380,b=http://localhost:2380"),
      restore(...to, "--initial-cluster", "default=localhost"),
      restore(...to, "--initial-advertise-peer-urls", "ftp://localhost:2380"),
      restore(...to, "--initial-advertise-peer-urls", "http://localhost"),
      restore(...to, "--initial-advertise-peer-urls", "http://localhost:2380,http://h:1"),
    ];
    for (const args of cases) {
      expectEqual(args.join(" "), await this.#both.ours(args), await this.#both.theirs(args));
    }
  }

  async #restoreBoth(file: string, flags: readonly string[]) {
    this.#copies += 1;
    const [ours, theirs] = ["ours", "theirs"].map((who) =>
      path.join(this.#dir, `${who}-${this.#copies}`),
    ) as [string, string];
    const args = (to: string): string[] => [
      ...["snapshot", "restore", file, "--data-dir", to],
      ...flags,
    ];
    const outcome = await this.#both.ours(args(ours));
    expectEqual(flags.join(" "), outcome, await this.#both.theirs(args(theirs)));
    expectEqual("exit code", outcome.exitCode, 0);
    compareDirectories(ours, theirs);
    bboltCheck(path.join(ours, "member/snap/db"));
    return { ours, theirs };
  }

  async #restore(flags: readonly string[]): Promise<void> {
    const url = "http://127.0.0.1:12380";
    const { ours, theirs } = await this.#restoreBoth(this.#files.underLoad, [
      ...["--name", "m1", "--initial-cluster", `m1=${url}`, "--initial-cluster-token", "new"],
      ...["--initial-advertise-peer-urls", url],
      ...flags,
    ]);
    const [found, wanted] = await Promise.all([startedOn(ours), startedOn(theirs)]);
    expectEqual("what etcd says", found, wanted);
  }

  async #restoreTombstone(): Promise<void> {
    const bump = ["--bump-revision=7", "--mark-compacted"];
    await this.#restoreBoth(this.#files.afterDelete, bump);
    // A copy of a database, without digest, and the log elsewhere.
    const { ours } = await this.#restoreBoth(this.#files.database, ["--skip-hash-check"]);
    const { exitCode } = await this.#both.ours(["check", path.join(ours, "member/snap/db")]);
    expectEqual("check", exitCode, 0);
  }

  async #restoreThree(): Promise<void> {
    const urls = [1, 2, 3].map((each) => `http://10.0.0.${each}:2380`);
    const second = "http://10.0.0.2:2381";
    const cluster = urls.map((url, at) => `m${at + 1}=${url}`);
    await this.#restoreBoth(this.#files.atEnd, [
      ...["--name", "m2", "--initial-cluster", [...cluster, `m2=${second}`].join(",")],
      ...["--initial-advertise-peer-urls", `${second},${urls[1]}`],
    ]);
  }

  async #defrag(): Promise<void> {
    const dataDir = path.join(this.#dir, "defrag");
    const db = path.join(dataDir, "member/snap/db");
    cpSync(this.#files.dataDir, dataDir, { recursive: true });
    const before = pairsOf(db);
    const { exitCode, error } = await this.#both.ours(["defrag", "--data-dir", dataDir]);
    expectEqual("defrag", [exitCode, error], [0, ""]);
    expectEqual("content", pairsOf(db), before);
    bboltCheck(db);
    const version = this.#files.version;
    const [found, wanted] = await Promise.all([
      startedOn(dataDir, version),
      startedOn(this.#files.dataDir, version),
    ]);
    expectEqual("what etcd says", found, wanted);
  }

  /** Once as a process of its own. */
  async #program(): Promise<void> {
    const main = path.join(import.meta.dirname, "../../../src/cli/utl/main.ts");
    for (const args of [
      ["snapshot", "status", this.#files.atEnd, "-w", "table"],
      ["snapshot", "status"],
    ]) {
      const { status, stdout } = spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
      const wanted = await this.#both.theirs(args);
      expectEqual(args.join(" "), [status, stdout], [wanted.exitCode, wanted.stdout]);
    }
  }
}
