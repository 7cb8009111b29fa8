import type { Backend } from "../backend/backend.ts";
import { deleteEntry, writeEntry } from "./entry.ts";
import type { Place } from "./error.ts";
import { STORAGE_VERSION, versionPath } from "./storage-version.ts";
import { compareVersions, versionText } from "./version.ts";
import type { Version } from "./version.ts";

/** Below it `storageVersion` does not exist. */
const FIRST_WRITTEN: Version = { major: 3, minor: 6 };
/** What etcd calls a cluster whose version is not decided yet. */
const UNDECIDED: Version = { major: 3, minor: 0 };

/** What a migration is decided from. */
export interface MigrationFacts {
  /** Of the database as it is (`readStorageVersion`). */
  readonly storage: Version | null;
  /** What the members agreed on; null before they did. */
  readonly cluster: Version | null;
  /**
   * The highest version to raise the database to: the operator's word, or 3.7 for a directory that
   * Skein made. Null: leave it where it was found (design, decision 10).
   */
  readonly raiseTo: Version | null;
  /**
   * The lowest version that can read all entries after the newest `.snap` file; null when every
   * version can.
   */
  readonly logNeeds: Version | null;
}

/** A write of a migration. */
export interface SchemaWrite {
  readonly place: Place;
  /** Null: delete the entry. */
  readonly value: string | null;
}

/** What to do about the storage version now. */
export type MigrationDecision =
  | {
      readonly kind: "stay";
      /** `held`: the cluster is higher, and nobody allowed to raise the directory. */
      readonly reason: "undecided" | "unknown" | "equal" | "held";
    }
  /** It would be due and cannot be done; `problem` begins as etcd's text does. */
  | { readonly kind: "refused"; readonly problem: string }
  /** All `writes`, in this order and one batch, make it `to`. */
  | { readonly kind: "migrate"; readonly to: Version; readonly writes: readonly SchemaWrite[] };

/**
 * Compares storage and cluster version; to be asked when the cluster version changes and every few
 * seconds (formats-disk.md 4: outside the log, each member on its own). Pure. Goes down whenever
 * the cluster did, up only as far as `raiseTo`.
 */
export function decideMigration(facts: MigrationFacts): MigrationDecision {
  const { storage, cluster, logNeeds } = facts;
  if (cluster === null || compareVersions(cluster, UNDECIDED) === 0) {
    return { kind: "stay", reason: "undecided" };
  }
  if (storage === null) return { kind: "stay", reason: "unknown" };
  if (compareVersions(storage, cluster) === 0) return { kind: "stay", reason: "equal" };
  const to = compareVersions(storage, cluster) > 0 ? cluster : ceiling(storage, cluster, facts);
  if (compareVersions(storage, to) === 0) return { kind: "stay", reason: "held" };
  const path = versionPath(storage, to);
  if ("problem" in path) return { kind: "refused", problem: path.problem };
  const isDown = compareVersions(to, storage) < 0;
  if (isDown && logNeeds !== null && compareVersions(logNeeds, to) > 0) {
    return { kind: "refused", problem: newerEntries(to, logNeeds) };
  }
  return { kind: "migrate", to, writes: path.steps.map((step) => writeOf(step)) };
}

/** Makes the writes of a migration in the open batch. */
export function applyWrites(backend: Backend, writes: readonly SchemaWrite[]): void {
  for (const { place, value } of writes) {
    if (value === null) deleteEntry(backend, place);
    else writeEntry(backend, place, value);
  }
}

/** How far up it may go: never below where it is. */
function ceiling(storage: Version, cluster: Version, { raiseTo }: MigrationFacts): Version {
  if (raiseTo === null || compareVersions(raiseTo, storage) <= 0) return storage;
  return compareVersions(raiseTo, cluster) < 0 ? raiseTo : cluster;
}

function writeOf(step: Version): SchemaWrite {
  const isWritten = compareVersions(step, FIRST_WRITTEN) >= 0;
  return { place: STORAGE_VERSION, value: isWritten ? versionText(step) : null };
}

function newerEntries(to: Version, logNeeds: Version): string {
  const found = `the log needs ${versionText(logNeeds)}, the target is ${versionText(to)}`;
  return `cannot downgrade storage, WAL contains newer entries: ${found}`;
}
