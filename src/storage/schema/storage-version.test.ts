import assert from "node:assert/strict";
import { test } from "node:test";
import { copyOfSpan, newSpan } from "../../base/span.ts";
import { bytesOf, textBytes } from "../../proto/testing/hex.ts";
import type { Backend } from "../backend/backend.ts";
import { openMemoryBackend } from "../backend/memory/memory-backend.ts";
import { writeConsistentIndex } from "./consistent-index.ts";
import { applyWrites, decideMigration } from "./migration.ts";
import type { MigrationFacts } from "./migration.ts";
import { readStorageVersion, storageVersionProblem, versionPath } from "./storage-version.ts";
import { compareVersions, parseVersion, versionText } from "./version.ts";
import type { Version } from "./version.ts";

function put(backend: Backend, text: string): void {
  backend.put("meta", textBytes("storageVersion"), textBytes(text));
}

function stored(backend: Backend): string | null {
  const out = newSpan();
  if (!backend.get("meta", textBytes("storageVersion"), out)) return null;
  return Buffer.from(copyOfSpan(out)).toString();
}

/** `3.6` as a version. */
function v(text: string): Version {
  return parseVersion(`${text}.0`)!;
}

test("texts of versions", () => {
  const cases: [string, string | null][] = [
    ["3.6.0", "3.6.0"],
    ["3.7.1", "3.7.0"],
    ["3.7.0-rc.1", "3.7.0"],
    ["3.7.0-alpha.0+git.abc-1", "3.7.0"],
    ["3.10.0", "3.10.0"],
    ["3.6", null],
    ["3", null],
    ["", null],
    ["v3.6.0", null],
    ["3.6.0 ", null],
    ["3.6.0-", null],
    ["3.6.-1", null],
    ["3.6.0.0", null],
    ["9999999999.0.0", null],
  ];
  for (const [text, expected] of cases) {
    const version = parseVersion(text);
    assert.equal(version === null ? null : versionText(version), expected, text);
  }
  const order = ["2.9", "3.0", "3.5", "3.6", "3.7", "3.10", "4.0"].map((text) => v(text));
  assert.deepEqual(order.toReversed().sort(compareVersions), order);
});

test("the version is what is written; else a term means 3.5 (formats-disk.md 4)", () => {
  const cases: [string | null, number, string | null, boolean][] = [
    ["3.6.0", 2, "3.6.0", true],
    ["3.7.0", 0, "3.7.0", true],
    ["3.8.0", 2, "3.8.0", true],
    ["3.7.1", 2, "3.7.0", true],
    [null, 2, "3.5.0", false],
    [null, 0, null, false],
    ["", 2, "3.5.0", false],
    ["nonsense", 2, "3.5.0", false],
    ["nonsense", 0, null, false],
    ["3.6", 2, "3.5.0", false],
  ];
  for (const [text, term, expected, isWritten] of cases) {
    const backend = openMemoryBackend();
    writeConsistentIndex(backend, { index: 5, term });
    if (text !== null) put(backend, text);
    const found = readStorageVersion(backend);
    const version = found.version === null ? null : versionText(found.version);
    assert.deepEqual([version, found.isWritten], [expected, isWritten], `${text}, ${term}`);
  }
  const bytes = openMemoryBackend();
  bytes.put("meta", textBytes("storageVersion"), bytesOf("ff00"));
  assert.deepEqual(readStorageVersion(bytes), { version: null, isWritten: false });
});

test("3.5, 3.6 and 3.7 are opened; the others are refused in etcd's words", () => {
  const cases: [string, string | null][] = [
    ["3.5", null],
    ["3.6", null],
    ["3.7", null],
    ["3.8", `version "3.8.0" is not supported`],
    ["3.9", `version "3.9.0" is not supported`],
    ["3.10", `version "3.10.0" is not supported`],
    ["3.4", `version "3.5.0" is not supported`],
    ["3.999999999", `version "3.999999999.0" is not supported`],
    ["4.0", "changing major storage version is not supported"],
    ["2.7", "changing major storage version is not supported"],
  ];
  for (const [version, problem] of cases) {
    assert.equal(storageVersionProblem(v(version)), problem, version);
  }
  assert.equal(storageVersionProblem(null), null);
});

test("the way between two versions goes through every minor", () => {
  const cases: [string, string, string][] = [
    ["3.5", "3.7", "3.6.0 3.7.0"],
    ["3.7", "3.5", "3.6.0 3.5.0"],
    ["3.6", "3.6", ""],
    ["3.4", "3.4", ""],
    ["3.7", "3.4", `version "3.5.0" is not supported`],
    ["3.6", "3.8", `version "3.8.0" is not supported`],
  ];
  for (const [from, to, expected] of cases) {
    const path = versionPath(v(from), v(to));
    const found = "problem" in path ? path.problem : path.steps.map(versionText).join(" ");
    assert.equal(found, expected, `${from} to ${to}`);
  }
});

/** Each row: storage, cluster, raiseTo, logNeeds; what is decided; what is stored then. */
type Row = readonly [string | null, string | null, string | null, string | null, string, string];

const MIGRATIONS: readonly Row[] = [
  // Before the members agreed, and before the version can be told.
  ["3.5", null, "3.7", null, "stay undecided", ""],
  ["3.5", "3.0", "3.7", null, "stay undecided", ""],
  [null, "3.7", "3.7", null, "stay unknown", ""],
  ["3.6", "3.6", "3.7", null, "stay equal", "3.6.0"],
  // Up, with an operator's word.
  ["3.5", "3.6", "3.7", null, "migrate 3.6.0", "3.6.0"],
  ["3.5", "3.7", "3.7", null, "migrate 3.7.0", "3.7.0"],
  ["3.6", "3.7", "3.7", null, "migrate 3.7.0", "3.7.0"],
  // Up only as far as that word goes, and not without it.
  ["3.5", "3.7", "3.6", null, "migrate 3.6.0", "3.6.0"],
  ["3.6", "3.7", "3.6", null, "stay held", "3.6.0"],
  ["3.6", "3.7", "3.5", null, "stay held", "3.6.0"],
  ["3.6", "3.7", null, null, "stay held", "3.6.0"],
  ["3.5", "3.6", null, null, "stay held", ""],
  // What the log needs matters on the way down only.
  ["3.5", "3.6", "3.7", "3.7", "migrate 3.6.0", "3.6.0"],
  // Down needs no word.
  ["3.7", "3.6", null, null, "migrate 3.6.0", "3.6.0"],
  ["3.7", "3.6", "3.7", "3.6", "migrate 3.6.0", "3.6.0"],
  ["3.6", "3.5", null, "3.5", "migrate 3.5.0", ""],
  ["3.7", "3.5", null, null, "migrate 3.5.0", ""],
  // And is refused while the log needs more.
  [
    "3.7",
    "3.6",
    null,
    "3.7",
    "refused cannot downgrade storage, WAL contains newer entries",
    "3.7.0",
  ],
  [
    "3.6",
    "3.5",
    null,
    "3.6",
    "refused cannot downgrade storage, WAL contains newer entries",
    "3.6.0",
  ],
  ["3.6", "3.4", null, null, `refused version "3.5.0" is not supported`, "3.6.0"],
  // Beyond what is known.
  ["3.7", "3.8", "3.8", null, `refused version "3.8.0" is not supported`, "3.7.0"],
  ["3.7", "3.8", "3.7", null, "stay held", "3.7.0"],
  ["3.7", "4.0", "4.0", null, "refused changing major storage version", "3.7.0"],
];

test("migrations: decided from the facts, applied in the open batch (formats-disk.md 4)", () => {
  for (const [storage, cluster, raiseTo, logNeeds, expected, then] of MIGRATIONS) {
    const message = `${storage} to ${cluster}, raise to ${raiseTo}, log ${logNeeds}`;
    const facts: MigrationFacts = {
      storage: storage === null ? null : v(storage),
      cluster: cluster === null ? null : v(cluster),
      raiseTo: raiseTo === null ? null : v(raiseTo),
      logNeeds: logNeeds === null ? null : v(logNeeds),
    };
    const backend = openMemoryBackend();
    writeConsistentIndex(backend, { index: 5, term: storage === null ? 0 : 2 });
    if (storage !== null && storage !== "3.5") put(backend, `${storage}.0`);
    assert.deepEqual(readStorageVersion(backend).version, facts.storage, message);
    const decision = decideMigration(facts);
    switch (decision.kind) {
      case "stay":
        assert.equal(`stay ${decision.reason}`, expected, message);
        break;
      case "refused":
        assert.ok(`refused ${decision.problem}`.startsWith(expected), message);
        break;
      case "migrate":
        assert.equal(`migrate ${versionText(decision.to)}`, expected, message);
        applyWrites(backend, decision.writes);
        assert.deepEqual(readStorageVersion(backend).version, decision.to, message);
        assert.notEqual(decideMigration({ ...facts, storage: decision.to }).kind, "migrate");
    }
    assert.equal(stored(backend) ?? "", then, message);
  }
});

test("to 3.5 the key goes away, and does not stay empty", () => {
  const backend = openMemoryBackend();
  put(backend, "3.7.0");
  const facts = { storage: v("3.7"), cluster: v("3.5"), raiseTo: null, logNeeds: null };
  const decision = decideMigration(facts);
  assert.ok(decision.kind === "migrate");
  assert.deepEqual(
    decision.writes.map(({ place, value }) => [place.bucket, place.key, value]),
    [
      ["meta", "storageVersion", "3.6.0"],
      ["meta", "storageVersion", null],
    ],
  );
  applyWrites(backend, decision.writes);
  assert.equal(stored(backend), null);
});
