import { assert } from "../../base/assert.ts";
import type { Backend, BackendReader } from "../backend/backend.ts";
import { readEntry, textOf, writeEntry } from "./entry.ts";
import { SchemaError } from "./error.ts";
import type { Place } from "./error.ts";
import { GoRecord, goText } from "./go-json.ts";
import { parseVersion } from "./version.ts";

const CLUSTER_VERSION: Place = { bucket: "cluster", key: "clusterVersion" };
const DOWNGRADE: Place = { bucket: "cluster", key: "downgrade" };

/** The downgrade under way, if any. */
export interface DowngradeRecord {
  readonly isEnabled: boolean;
  /** As `3.6.0`; empty when there is none under way. */
  readonly targetVersion: string;
}

/**
 * What the members agreed on, as `3.7.0`; null before they did (formats-disk.md 3). Authoritative
 * from storage version 3.6 on, as the members are.
 * @throws SchemaError when it is not a version: etcd does not start on that either.
 */
export function readClusterVersion(reader: BackendReader): string | null {
  const value = readEntry(reader, CLUSTER_VERSION);
  if (value === null) return null;
  const text = textOf(CLUSTER_VERSION, value);
  if (parseVersion(text) !== null) return text;
  throw new SchemaError(CLUSTER_VERSION, "the value is not a version");
}

/** Puts it into the open batch. @throws AssertionError when it is not a version as `3.7.0`. */
export function writeClusterVersion(backend: Backend, version: string): void {
  assert(parseVersion(version) !== null, "schema: not a cluster version");
  writeEntry(backend, CLUSTER_VERSION, version);
}

/**
 * The downgrade; null when there never was one (formats-disk.md 3).
 * @throws SchemaError when it is not its JSON, or is enabled without a version to go to.
 */
export function readDowngrade(reader: BackendReader): DowngradeRecord | null {
  const value = readEntry(reader, DOWNGRADE);
  if (value === null) return null;
  const record = new GoRecord(DOWNGRADE, value);
  const isEnabled = record.flag("enabled");
  const targetVersion = record.text("target-version");
  if (isEnabled && parseVersion(targetVersion) === null) {
    throw new SchemaError(DOWNGRADE, "enabled, and the target is not a version");
  }
  return { isEnabled, targetVersion };
}

/**
 * Puts it into the open batch; a cancelled one is stored with an empty target.
 * @throws AssertionError when it is enabled without a version to go to.
 */
export function writeDowngrade(backend: Backend, downgrade: DowngradeRecord): void {
  const { isEnabled, targetVersion } = downgrade;
  assert(!isEnabled || parseVersion(targetVersion) !== null, "schema: not a target version");
  const json = `{"target-version":${goText(targetVersion)},"enabled":${isEnabled}}`;
  writeEntry(backend, DOWNGRADE, json);
}
