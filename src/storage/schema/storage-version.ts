import type { BackendReader } from "../backend/backend.ts";
import { readConsistentIndex } from "./consistent-index.ts";
import { readEntry } from "./entry.ts";
import type { Place } from "./error.ts";
import { compareVersions, OWN_VERSION, parseVersion, versionText } from "./version.ts";
import type { Version } from "./version.ts";

/** Where the version stands, from 3.6 on. */
export const STORAGE_VERSION = { bucket: "meta", key: "storageVersion" } as const satisfies Place;

/** The first version with a `term`, the last without a word of its own. */
const UNWRITTEN: Version = { major: 3, minor: 5 };
/** Versions that one step leads to, from the minor below; further ones are not known yet. */
const STEPS: readonly Version[] = [
  { major: 3, minor: 6 },
  { major: 3, minor: 7 },
];

/** The version whose formats the database follows. */
export interface StorageVersion {
  /** Null when it cannot be told, as before the first term is stored. */
  readonly version: Version | null;
  /** It is written there, not concluded. */
  readonly isWritten: boolean;
}

/** The versions to go through, in order, without the first; or why there is no way. */
export type VersionPath =
  | { readonly steps: readonly Version[] }
  /** etcd's text. */
  | { readonly problem: string };

/**
 * What `storageVersion` in `meta` says. Without it, or when it is no version, a term tells that it
 * is 3.5, and nothing else tells anything (formats-disk.md 4). Does not judge: see
 * `storageVersionProblem`.
 * @throws SchemaError when consistent index or term are damaged.
 */
export function readStorageVersion(reader: BackendReader): StorageVersion {
  const value = readEntry(reader, STORAGE_VERSION);
  // One character per byte: what is not ASCII is no version either.
  const version = value === null ? null : parseVersion(new TextDecoder("latin1").decode(value));
  if (version !== null) return { version, isWritten: true };
  const { term } = readConsistentIndex(reader);
  return { version: term > 0 ? UNWRITTEN : null, isWritten: false };
}

/**
 * Why Skein must not open a database of this version, in etcd's words: there has to be a way from
 * it to our own version (formats-disk.md 4). Null for 3.5, 3.6 and 3.7, and for the unknown one,
 * which etcd only warns about.
 */
export function storageVersionProblem(version: Version | null): string | null {
  if (version === null) return null;
  const path = versionPath(version, OWN_VERSION);
  return "problem" in path ? path.problem : null;
}

/**
 * The way from one storage version to another, a minor at a time (formats-disk.md 4). Both up and
 * down a step is named by its higher end, and so is the one that is missing.
 */
export function versionPath(from: Version, to: Version): VersionPath {
  if (from.major !== to.major) {
    return { problem: "changing major storage version is not supported" };
  }
  const steps: Version[] = [];
  for (let at = from; compareVersions(at, to) !== 0; steps.push(at)) {
    const isUp = compareVersions(at, to) < 0;
    const above = isUp ? { major: at.major, minor: at.minor + 1 } : at;
    if (!STEPS.some((step) => compareVersions(step, above) === 0)) {
      return { problem: `version "${versionText(above)}" is not supported` };
    }
    at = isUp ? above : { major: at.major, minor: at.minor - 1 };
  }
  return { steps };
}
