import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { VirtualClock } from "../../sim/world/clock.ts";
import { VirtualDisk } from "../../sim/world/disk.ts";
import type { Change } from "../../storage/restore/testing/make-database.ts";
import { makeDatabase } from "../../storage/restore/testing/make-database.ts";
import {
  bytesOf,
  newDigest,
  someChanges,
  writeFile,
  writeSnapshot,
} from "../../storage/restore/testing/rig.ts";
import { runUtl } from "./run.ts";
import type { World } from "./world.ts";

const CHANGES = someChanges(400);

/** A machine in memory with a snapshot `/snap`. */
class Machine {
  readonly clock = new VirtualClock();
  disk = new VirtualDisk({ clock: this.clock, seed: 1 });
  isTerminal = false;
  out = "";
  err = "";

  constructor(changes: readonly Change[] = CHANGES) {
    writeSnapshot(this.disk, "/snap", changes);
  }

  async run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
    const { clock, disk, isTerminal } = this;
    [this.out, this.err] = ["", ""];
    const world: World = {
      ...{ clock, disk, isTerminal, newDigest, crypto: nodeCrypto, hashSeed: 7 },
      out: (text) => void (this.out += text),
      err: (text) => void (this.err += text),
      sleep: (delayMs) => {
        clock.runFor(delayMs);
        return Promise.resolve();
      },
    };
    const code = await runUtl(argv, world, "9.9.9");
    return { code, out: this.out, err: this.err };
  }
}

test("wrong usage: etcdutl's words and exit codes", async () => {
  const machine = new Machine();
  const restore = ["snapshot", "restore", "/snap", "--data-dir=/data"];
  const local = "http://localhost:2380";
  const differ = '(resolved urls: "http://localhost:2380" != "http://a:1")';
  const cases: [string[], number, string][] = [
    [["snapshot", "status"], 128, "snapshot status requires exactly one argument"],
    [["snapshot", "status", "/no"], 1, "stat /no: no such file or directory"],
    [["snapshot", "status", "/snap", "-w", "xml"], 4, "unsupported output format"],
    [
      ["snapshot", "status", "/snap", "-w", "protobuf"],
      4,
      "protobuf not supported as output format",
    ],
    [["snapshot", "restore"], 128, "snapshot restore requires exactly one argument"],
    [[...restore, "--bump-revision=1"], 128, "--mark-compacted required if --revision-bump > 0"],
    [[...restore, "--mark-compacted"], 128, "--mark-compacted required if --revision-bump > 0"],
    [["snapshot", "restore", "/no"], 1, "open /no: no such file or directory"],
    [
      [...restore, "--name=x"],
      1,
      `couldn't find local name "x" in the initial cluster configuration`,
    ],
    [
      [...restore, "--initial-cluster=default=http://a:1"],
      1,
      `--initial-cluster has default=http://a:1 but missing from ` +
        `--initial-advertise-peer-urls=${local} ${differ}`,
    ],
    [
      [...restore, `--initial-cluster=default=${local},b=${local}`],
      1,
      `initial cluster b=${local},default=${local} has duplicate url`,
    ],
    [[...restore, "--wal-dir=/"], 1, 'wal-dir "/" exists'],
    [["hashkv", "/no"], 1, "stat /no: no such file or directory"],
    [["hashkv", "/snap", "--rev=9999"], 1, "mvcc: required revision is a future revision"],
    [["migrate"], 1, "migrate: not served by skeinutl"],
    [
      ["defrag", "--data-dir=/no"],
      1,
      "Failed to defragment etcd data[/no] " +
        "(stat /no/member/snap/db: no such file or directory)",
    ],
  ];
  for (const [argv, code, message] of cases) {
    const got = await machine.run(...argv);
    const lines = got.err.split("\n").filter((line) => !line.includes("\tinfo\t"));
    assert.deepEqual([got.code, lines.join("\n")], [code, `Error: ${message}\n`], argv.join(" "));
    assert.equal(got.out, "", argv.join(" "));
  }
});

test("command lines that cannot be read: the error, the usage, the error again", async () => {
  const machine = new Machine();
  const cases: [string[], string][] = [
    [["hashkv"], "accepts 1 arg(s), received 0"],
    [["hashkv", "/snap", "--nope"], "unknown flag: --nope"],
    [["defrag"], 'required flag(s) "data-dir" not set'],
    [["nope"], 'unknown command "nope" for "skeinutl"'],
    [
      ["snapshot", "restore", "/snap", "--bump-revision=-1"],
      'invalid argument "-1" for "--bump-revision" flag: ' +
        'strconv.ParseUint: parsing "-1": invalid syntax',
    ],
  ];
  for (const [argv, message] of cases) {
    const { code, err } = await machine.run(...argv);
    assert.equal(code, 1);
    assert.ok(err.startsWith(`Error: ${message}\n`), err);
    assert.ok(err.endsWith(`\nError: ${message}\n`), err);
  }
});

test("status in all formats", async () => {
  const machine = new Machine();
  const status = (format: string) => machine.run("snapshot", "status", "/snap", "-w", format);
  const { out } = await status("json");
  const { hash, totalSize } = JSON.parse(out) as { hash: number; totalSize: number };
  assert.equal(
    out,
    `{"hash":${hash},"revision":401,"totalKey":34,"totalSize":${totalSize},"version":"3.7.0"}\n`,
  );
  const hex = hash.toString(16);
  assert.match((await status("simple")).out, new RegExp(`^${hex}, 401, 34, \\d+ kB, 3\\.7\\.0\n$`));
  assert.equal(
    (await status("fields")).out,
    `"Hash" : ${hash}\n"Revision" : 401\n"Keys" : 34\n"Size" : ${totalSize}\n"Version" : 3.7.0\n`,
  );
  assert.match(
    (await status("table")).out,
    /^┌─+┬.*\n│ +HASH +│ REVISION │ TOTAL KEYS │ TOTAL SIZE │ VERSION │\n/,
  );
});

test("hashes of revisions; a negative one hashes nothing but the name", async () => {
  const changes = ["a", "b", "a", "a"].map((key, at) => ({
    key,
    value: at === 2 ? null : `${at}`,
  }));
  const machine = new Machine(changes);
  const hash = async (rev: number) =>
    (await machine.run("hashkv", "/snap", `--rev=${rev}`, "-w", "json")).out;
  assert.equal(await hash(-7), '{"hash":1084519789,"hashRevision":-7,"compactRevision":-1}\n');
  assert.match(await hash(0), /"hashRevision":5,"compactRevision":-1\}/);
  assert.equal(await hash(0), await hash(5));
  assert.notEqual(await hash(3), await hash(4));
});

test("restore makes a directory, then refused; nothing is left of one that failed", async () => {
  const machine = new Machine();
  const flags = ["--data-dir=/data", "--initial-cluster-token=t"];
  const bad = bytesOf(machine.disk, "/snap");
  bad[5000]! ^= 1;
  writeFile(machine.disk, "/bad", bad);
  const failed = await machine.run("snapshot", "restore", "/bad", ...flags);
  assert.match(failed.err, /^Error: expected sha256 \[/m);
  assert.deepEqual(machine.disk.listSync("/data"), []);
  const done = await machine.run("snapshot", "restore", "/snap", ...flags);
  assert.deepEqual([done.code, done.out], [0, ""]);
  assert.match(done.err, /\tinfo\tskeinutl\trestored snapshot\t\{"path":"\/snap",/);
  assert.deepEqual(machine.disk.listSync("/data"), ["member"]);
  const again = await machine.run("snapshot", "restore", "/snap", ...flags);
  assert.equal(again.err, 'Error: data-dir "/data" not empty or could not be read\n');
  assert.equal((await machine.run("check", "/data/member/snap/db")).code, 0);
});

test("the ids are etcd's: SHA-1 of URLs and token", async () => {
  const machine = new Machine();
  const { err } = await machine.run("snapshot", "restore", "/snap");
  const text = "http://localhost:2380etcd-cluster";
  const id = createHash("sha1").update(text).digest().subarray(0, 8).toString("hex");
  assert.match(err, new RegExp(`"added-peer-id":"${id.replace(/^0+/, "")}"`));
  assert.ok(machine.disk.existsSync("default.etcd/member/snap/db"));
});

test("check lists problems and fails; as JSON too", async () => {
  const machine = new Machine();
  const sound = await machine.run("check", "/snap");
  assert.match(sound.out, /^\/snap: sound: \d+ pages \(\d+ free\), 40\d pairs, 400 changes up to /);
  machine.disk.flip("/snap", bytesOf(machine.disk, "/snap").length - 1, 1);
  const bad = await machine.run("check", "/snap");
  assert.equal(bad.code, 1);
  assert.match(bad.out, /^digest at byte \d+: expected sha256 \[/);
  assert.equal(bad.err, "Error: /snap has 1 problem: use another snapshot, or another member\n");
  const json = JSON.parse((await machine.run("check", "/snap", "-w", "json")).out) as {
    problems: string[];
    digest: string;
  };
  assert.deepEqual([json.problems.length, json.digest], [1, "wrong"]);
  assert.equal((await machine.run("check", "/snap", "-w", "table")).code, 4);
});

test("a file that a server has locked: given up after the timeout", async () => {
  const machine = new Machine();
  const file = machine.disk.openSync("/snap", {});
  assert.ok(machine.disk.tryLockSync(file));
  for (const command of [["snapshot", "status"], ["hashkv"], ["check"]]) {
    const startMs = machine.clock.monotonicMs();
    const { code, err } = await machine.run(...command, "/snap", "--timeout=2s");
    assert.deepEqual([code, err.slice(0, 38)], [1, "Error: timeout: /snap is locked by a s"]);
    assert.ok(machine.clock.monotonicMs() - startMs >= 2000);
  }
  machine.disk.closeSync(file);
  assert.equal((await machine.run("check", "/snap")).code, 0);
});

test("defrag says what it gained; progress only on a terminal", async () => {
  const machine = new Machine();
  const { disk } = machine;
  disk.mkdirSync("/data/member/snap");
  makeDatabase(disk, "/data/member/snap/db", someChanges(3000), 5);
  const hash = (await machine.run("hashkv", "/data/member/snap/db")).out;
  const { code, err } = await machine.run("defrag", "--data-dir", "/data/");
  assert.equal(code, 0);
  assert.match(err, /^[^\r]*\tfinished defragmenting directory\t\{.*"current-db-size-bytes":\d+,/);
  assert.equal((await machine.run("hashkv", "/data/member/snap/db")).out, hash);
});
