/**
 * The programs that tests compare Skein with, and where they are. They are built by
 * `npm run oracles` into a cache outside the clone; each folder beside this file is a small Go
 * module that pins one set of them (etcd's own modules forbid a plain `go install` of a version).
 */
import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";

/** A program that serves as an oracle. */
export type OracleName = "etcd" | "etcdctl" | "etcdutl" | "bbolt" | "h2spec" | "raft-golden";

/** One set of programs built from one Go module of ours. */
export interface OracleModule {
  /** Folder beside this file. */
  readonly module: string;
  /** Folder in the cache: name and exact version. */
  readonly cacheName: string;
  /** The series a test asks for. */
  readonly version: string;
  /** Program name in the cache ← file name that the Go tool gives it. */
  readonly programs: Readonly<Partial<Record<OracleName, string>>>;
}

/** A program of our own around etcd's raft library. */
const RAFT_PROGRAMS = { "raft-golden": "raft-golden" } as const;
const ETCD_PROGRAMS = { etcd: "server", etcdctl: "etcdctl", etcdutl: "etcdutl" } as const;

/** In build order: what most tests need first. */
export const ORACLE_MODULES: readonly OracleModule[] = [
  { module: "etcd-3.7", cacheName: "etcd-3.7.1", version: "3.7", programs: ETCD_PROGRAMS },
  { module: "h2spec", cacheName: "h2spec-2.2.1", version: "2.2", programs: { h2spec: "h2spec" } },
  { module: "raft", cacheName: "raft-3.7.0", version: "3.7", programs: RAFT_PROGRAMS },
  { module: "bbolt", cacheName: "bbolt-1.5.0", version: "1.5", programs: { bbolt: "bbolt" } },
  { module: "etcd-3.6", cacheName: "etcd-3.6.16", version: "3.6", programs: ETCD_PROGRAMS },
  { module: "etcd-3.5", cacheName: "etcd-3.5.35", version: "3.5", programs: ETCD_PROGRAMS },
];

/** Debian's packages, installed by the system's package manager: etcd-server and etcd-client. */
const DEBIAN_PROGRAMS = { etcd: "/usr/bin/etcd", etcdctl: "/usr/bin/etcdctl" } as const;

/** The series of Debian's etcd, asked for as a version. */
export const DEBIAN_VERSION = "3.4";

/** The cache directory: `SKEIN_ORACLES`, else `~/.cache/skein-oracles`. */
export function oracleCacheDir(): string {
  return process.env["SKEIN_ORACLES"] || path.join(homedir(), ".cache", "skein-oracles");
}

/** Folder of our Go module. */
export function oracleModuleDir(oracle: OracleModule): string {
  return path.join(import.meta.dirname, oracle.module);
}

/** What the cache was built from; a set with another fingerprint is built again. */
export function oracleFingerprint(oracle: OracleModule): string {
  const dir = oracleModuleDir(oracle);
  const hash = createHash("sha256");
  const ours = globSync("*/*.go", { cwd: dir }).sort();
  for (const name of ["go.mod", "go.sum", ...ours]) hash.update(readFileSync(path.join(dir, name)));
  return hash.digest("hex");
}

/** True when the cache holds this set, built from the present module files. */
export function isBuilt(oracle: OracleModule): boolean {
  const marker = path.join(oracleCacheDir(), oracle.cacheName, "fingerprint");
  return existsSync(marker) && readFileSync(marker, "utf8") === oracleFingerprint(oracle);
}

/**
 * The path of an oracle, or undefined when it is not there. `version` is a series: `3.4` (that is
 * Debian's), `3.5`, `3.6`, `3.7` for etcd's programs; it may be left out for all others.
 */
export function oraclePath(name: OracleName, version?: string): string | undefined {
  if (version === DEBIAN_VERSION) {
    const debian = name === "etcd" || name === "etcdctl" ? DEBIAN_PROGRAMS[name] : undefined;
    return debian !== undefined && existsSync(debian) ? debian : undefined;
  }
  const oracle = ORACLE_MODULES.find(
    (each) => name in each.programs && (version === undefined || each.version === version),
  );
  if (oracle === undefined) return undefined;
  const file = path.join(oracleCacheDir(), oracle.cacheName, name);
  return existsSync(file) ? file : undefined;
}

/**
 * For a test that needs an oracle: its path, or undefined after the test was skipped with a note.
 * @throws Error in CI (`CI` set), where a missing oracle is a failure.
 */
export function needOracle(
  test: TestContext,
  name: OracleName,
  version?: string,
): string | undefined {
  const file = oraclePath(name, version);
  if (file !== undefined) return file;
  const what = `${name}${version === undefined ? "" : ` ${version}`} is missing: npm run oracles`;
  if (process.env["CI"]) throw new Error(what);
  test.skip(what);
  return undefined;
}
