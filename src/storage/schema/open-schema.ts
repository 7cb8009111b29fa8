import type { ConfState } from "../../raft/types.ts";
import type { BackendReader, PlainBucket } from "../backend/backend.ts";
import { readAlarms } from "./alarms.ts";
import type { AlarmRecord } from "./alarms.ts";
import { readClusterVersion, readDowngrade } from "./cluster-info.ts";
import type { DowngradeRecord } from "./cluster-info.ts";
import { readConfState } from "./conf-state.ts";
import { readConsistentIndex } from "./consistent-index.ts";
import { readEntry } from "./entry.ts";
import { SchemaError } from "./error.ts";
import type { Place } from "./error.ts";
import { readMembers, readRemovedMembers } from "./members.ts";
import type { MemberRecord } from "./members.ts";
import { readStorageVersion, STORAGE_VERSION, storageVersionProblem } from "./storage-version.ts";
import type { StorageVersion } from "./storage-version.ts";

const AUTH_ENABLED: Place = { bucket: "auth", key: "authEnabled" };

/** What the small buckets say, from which a member starts. */
export interface SchemaState {
  /** Entries of the log up to it (inclusive) have had their effect; 0 when none was recorded. */
  readonly consistentIndex: number;
  /** Its raft term; 0 when not recorded. */
  readonly term: number;
  /** Not to start from: see `readConfState`. */
  readonly confState: ConfState | null;
  /**
   * By id. They and `clusterVersion` are authoritative when `storageVersion` is 3.6 or higher, else
   * the newest `.snap` file is.
   */
  readonly members: readonly MemberRecord[];
  /** Ids, ascending. An id may also be among `members` in files of 3.5. */
  readonly removed: readonly bigint[];
  readonly clusterVersion: string | null;
  readonly downgrade: DowngradeRecord | null;
  readonly alarms: readonly AlarmRecord[];
  readonly storageVersion: StorageVersion;
  /** Authentication is on, or there are users or roles. */
  readonly hasAuth: boolean;
  readonly leaseCount: number;
}

/** What a server serves beyond keys. */
export interface Served {
  readonly auth: boolean;
  readonly leases: boolean;
}

/**
 * Reads everything a member needs to know of a database before it starts; reads through the whole
 * `lease` bucket to count it. Buckets that are missing read as empty, and every Backend makes them
 * with its first commit, so nothing has to be prepared.
 * @throws SchemaError when the version is one that Skein must not open, with etcd's text as its
 * `problem`, or when a value is not what it has to be; BoltError, DiskError of the backend.
 */
export function readSchema(reader: BackendReader): SchemaState {
  // First, as another version may mean something else by the rest.
  const storageVersion = readStorageVersion(reader);
  refuseVersion(storageVersion);
  const { index, term } = readConsistentIndex(reader);
  return {
    consistentIndex: index,
    term,
    confState: readConfState(reader),
    members: readMembers(reader),
    removed: readRemovedMembers(reader),
    clusterVersion: readClusterVersion(reader),
    downgrade: readDowngrade(reader),
    alarms: readAlarms(reader),
    storageVersion,
    hasAuth: hasAuth(reader),
    leaseCount: countEntries(reader, "lease"),
  };
}

/**
 * For a server that does not serve everything yet: to go on without would let in whom etcd keeps
 * out, or keep keys for ever that were to expire.
 * @throws SchemaError naming what is there and not served.
 */
export function requireServed(state: SchemaState, served: Served): void {
  if (state.hasAuth && !served.auth) {
    throw new SchemaError(
      AUTH_ENABLED,
      "authentication is on, or there are users or roles, and this server does not serve them",
      "Start the directory with etcd, or have etcd disable authentication and delete them first.",
    );
  }
  if (state.leaseCount > 0 && !served.leases) {
    const { leaseCount } = state;
    const there = leaseCount === 1 ? "there is one lease" : `there are ${leaseCount} leases`;
    throw new SchemaError(
      { bucket: "lease", key: "" },
      `${there}, and this server does not serve leases`,
      "Start the directory with etcd, or have etcd revoke them first.",
    );
  }
}

function refuseVersion({ version }: StorageVersion): void {
  const problem = storageVersionProblem(version);
  if (problem === null) return;
  throw new SchemaError(
    STORAGE_VERSION,
    problem,
    "Start the directory with the version that wrote it, or downgrade the cluster first.",
  );
}

function hasAuth(reader: BackendReader): boolean {
  return (
    isAuthEnabled(reader) || reader.cursor("authUsers").next() || reader.cursor("authRoles").next()
  );
}

/** One byte, 1 or 0 (formats-disk.md 3); what is neither must not pass for off. */
function isAuthEnabled(reader: BackendReader): boolean {
  const value = readEntry(reader, AUTH_ENABLED);
  if (value === null) return false;
  if (value.length === 1 && value[0]! <= 1) return value[0] === 1;
  throw new SchemaError(AUTH_ENABLED, "the value is neither 00 nor 01");
}

function countEntries(reader: BackendReader, bucket: PlainBucket): number {
  const cursor = reader.cursor(bucket);
  let count = 0;
  while (cursor.next()) count += 1;
  return count;
}
