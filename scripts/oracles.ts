/**
 * `npm run oracles [NAME…]`: builds what tests compare Skein with, once, into a cache outside the
 * clone (`SKEIN_ORACLES`, else `~/.cache/skein-oracles`). A second run only looks.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { OracleModule, OracleName } from "../test/compat/oracles/oracles.ts";
import {
  DEBIAN_VERSION,
  isBuilt,
  ORACLE_MODULES,
  oracleCacheDir,
  oracleFingerprint,
  oracleModuleDir,
  oraclePath,
} from "../test/compat/oracles/oracles.ts";

/** Builds into a folder beside the final one and renames: a half-built set is never seen. */
function build(oracle: OracleModule): void {
  const target = path.join(oracleCacheDir(), oracle.cacheName);
  const partial = `${target}.partial-${process.pid}`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const go = spawnSync("go", ["build", "-trimpath", "-o", `${partial}/`, "tool"], {
    cwd: oracleModuleDir(oracle),
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, GOFLAGS: "-mod=readonly -buildvcs=false" },
  });
  if (go.error !== undefined) {
    throw new Error(`cannot run go (${go.error.message}); install Go 1.26 or newer`);
  }
  if (go.status !== 0) throw new Error(`go build failed in ${oracleModuleDir(oracle)}`);
  for (const [name, built] of Object.entries(oracle.programs)) {
    if (name !== built) renameSync(path.join(partial, built), path.join(partial, name));
    chmodSync(path.join(partial, name), 0o755);
  }
  writeFileSync(path.join(partial, "fingerprint"), oracleFingerprint(oracle));
  rmSync(target, { recursive: true, force: true });
  renameSync(partial, target);
}

/** Debian's etcd is installed by hand or by CI; here it is only reported. */
function reportDebian(): boolean {
  const names: readonly OracleName[] = ["etcd", "etcdctl"];
  const missing = names.filter((name) => oraclePath(name, DEBIAN_VERSION) === undefined);
  if (missing.length === 0) {
    console.log(`debian      there    /usr/bin/etcd, /usr/bin/etcdctl`);
    return true;
  }
  console.log("debian      missing  apt-get install etcd-server etcd-client");
  return false;
}

function main(wanted: readonly string[]): number {
  const chosen = ORACLE_MODULES.filter(
    (each) => wanted.length === 0 || wanted.includes(each.module),
  );
  if (chosen.length === 0) {
    const names = ORACLE_MODULES.map((each) => each.module).join(", ");
    console.error(`no such oracle; there are: ${names}`);
    return 2;
  }
  let failed = 0;
  for (const oracle of chosen) {
    const dir = path.join(oracleCacheDir(), oracle.cacheName);
    const label = oracle.module.padEnd(11);
    if (
      isBuilt(oracle) &&
      Object.keys(oracle.programs).every((name) => existsSync(`${dir}/${name}`))
    ) {
      console.log(`${label} there    ${dir}`);
      continue;
    }
    const startMs = performance.now();
    try {
      build(oracle);
      const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
      console.log(`${label} built    ${dir} (${seconds} s)`);
    } catch (error) {
      failed += 1;
      console.error(`${label} FAILED   ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const debian = wanted.length > 0 || reportDebian();
  return failed > 0 || (!debian && process.env["CI"]) ? 1 : 0;
}

process.exitCode = main(process.argv.slice(2));
