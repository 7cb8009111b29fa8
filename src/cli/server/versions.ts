import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";

/** The etcd whose API, files and errors Skein's are. */
export const EMULATED_ETCD_VERSION = "3.7.1";

const root = path.join(import.meta.dirname, "..", "..", "..");

/** Skein's own version, from package.json. */
export function ownVersion(): string {
  const text = readFileSync(path.join(root, "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** The commit this runs from, `unknown` outside of a clone. */
function commit(): string {
  try {
    return execFileSync("git", ["-C", root, "rev-parse", "--short=12", "HEAD"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return "unknown";
  }
}

/** What `--version` prints; the second line is for scripts that look for etcd's. */
export function versionText(): string {
  return [
    `Skein Version: ${ownVersion()}`,
    `etcd Version: ${EMULATED_ETCD_VERSION}`,
    `Git SHA: ${commit()}`,
    `Node Version: ${process.version}`,
    `Node OS/Arch: ${process.platform}/${process.arch}`,
    "",
  ].join("\n");
}
