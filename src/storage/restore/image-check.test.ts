import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeKeyValueToBytes } from "../../proto/gen/mvccpb.ts";
import { writeRevisionKey } from "../backend/bolt-pages/revision-key.ts";
import { buildDatabase, type Item } from "../backend/testing/build-database.ts";
import { checkImage, type CheckStage, type ImageReport } from "./image-check.ts";
import {
  bytesOf,
  newDigest,
  newRig,
  someChanges,
  writeFile,
  writeSnapshot,
} from "./testing/rig.ts";

const CHANGES = someChanges(500);
type Rig = ReturnType<typeof newRig>;

function check({ disk }: Rig, stages = new Set<CheckStage>()): ImageReport {
  const file = disk.openSync("/snap", {});
  try {
    const onProgress = (stage: CheckStage, done: number, total: number): void => {
      stages.add(stage);
      assert.ok(done >= 0 && done <= total);
    };
    return checkImage({ disk, file, path: "/snap", newDigest, onProgress });
  } finally {
    disk.closeSync(file);
  }
}

test("a sound snapshot, with and without digest; the file is not changed", () => {
  const rig = newRig();
  writeSnapshot(rig.disk, "/snap", CHANGES);
  const bytes = bytesOf(rig.disk, "/snap");
  const stages = new Set<CheckStage>();
  const report = check(rig, stages);
  assert.deepEqual([report.problems, report.digest], [[], "right"]);
  assert.deepEqual([report.changes, report.revision], [500, 501]);
  assert.deepEqual([...stages], ["digest", "pages", "contents"]);
  assert.deepEqual(bytesOf(rig.disk, "/snap"), bytes);
  writeFile(rig.disk, "/snap", bytes.slice(0, -32));
  assert.deepEqual([check(rig).problems, check(rig).digest], [[], "absent"]);
});

test("every flipped byte of a snapshot is told of, and never crashes the check", () => {
  const rig = newRig();
  writeSnapshot(rig.disk, "/snap", CHANGES);
  const { length } = bytesOf(rig.disk, "/snap");
  for (let at = 7; at < length; at += 997) {
    rig.disk.flip("/snap", at, 0x40);
    const { problems, digest } = check(rig);
    assert.equal(digest, "wrong");
    assert.ok(problems[0]?.startsWith(`digest at byte ${length - 32}: expected sha256 [`));
    rig.disk.flip("/snap", at, 0x40);
  }
  assert.deepEqual(check(rig).problems, []);
});

test("a truncated file is no snapshot", () => {
  const rig = newRig();
  writeSnapshot(rig.disk, "/snap", CHANGES);
  const bytes = bytesOf(rig.disk, "/snap");
  for (const length of [0, 10, 4096, 8192, bytes.length - 4096 - 32]) {
    writeFile(rig.disk, "/snap", bytes.slice(0, length));
    assert.match(check(rig).problems.join("\n"), /invalid database|database has \d+ bytes of \d+/);
  }
});

function change(main: number, value: Uint8Array): Item {
  const key = new Uint8Array(17);
  writeRevisionKey(key, main, 0);
  return { key, value };
}

test("contents that no member could start from, each with its page and byte", () => {
  const numbers = { createRevision: 2, version: 1, value: Buffer.alloc(2000), lease: 0n };
  const kv = (modRevision: number): Uint8Array =>
    encodeKeyValueToBytes({ key: Buffer.from("a"), modRevision, ...numbers });
  const key = [
    change(2, kv(2)),
    change(3, kv(9)),
    change(4, Uint8Array.of(0x0a, 0xff)),
    change(5, kv(5)),
    change(6, Uint8Array.of(0x10, 1)),
    { key: Buffer.from("zzz"), value: kv(7) },
  ];
  const rig = newRig();
  writeFile(
    rig.disk,
    "/snap",
    buildDatabase({ pageBytes: 4096, buckets: new Map([["key", key]]) }),
  );
  const { problems, revision } = check(rig);
  assert.equal(revision, 6);
  assert.deepEqual(
    problems.map((each) => each.replace(/^page (\d+) at byte (\d+): /, "P: ").slice(0, 44)),
    [
      "P: revision 3.0 has the value of revision 9",
      "P: revision 4.0 is no KeyValue: ".concat(problems[1]!.split("KeyValue: ")[1]!).slice(0, 44),
      "P: revision 6.0 has no user key",
      "P: a key of the bucket `key` is no revision",
    ],
  );
  for (const each of problems) {
    const [, page, byte] = /^page (\d+) at byte (\d+): /.exec(each)!;
    assert.equal(Number(byte), Number(page) * 4096);
  }
});

test("a member's JSON that is none", () => {
  const rig = newRig();
  const members = [{ key: Buffer.from("a1"), value: Buffer.from("{") }];
  writeFile(
    rig.disk,
    "/snap",
    buildDatabase({ pageBytes: 4096, buckets: new Map([["members", members]]) }),
  );
  assert.match(check(rig).problems.join(), /^bucket members, key a1: /);
});
