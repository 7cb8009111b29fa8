// The one script that must run on an old Node: it installs what the others need, Node itself
// included (docs/decisions/0001-node-from-the-registry.md), and returns at once when done before.
"use strict";
const { createHash } = require("node:crypto");
const { existsSync, readFileSync, writeFileSync } = require("node:fs");
const { spawnSync } = require("node:child_process");
const path = require("node:path");

const root = path.join(__dirname, "..");
const lock = path.join(root, "package-lock.json");
/** What was installed last; written at the end, so that an install that was cut off is done again. */
const marker = path.join(root, "node_modules", ".skein-installed");
const packagedNode = path.join(root, "node_modules", ".bin", "node");
/** Oldest Node that runs our sources as they are; same as "engines" in package.json. */
const OLDEST_NODE = [24, 12];

const fingerprint = createHash("sha256").update(readFileSync(lock)).digest("hex");

function isInstalled() {
  return existsSync(marker) && readFileSync(marker, "utf8") === fingerprint;
}

function fail(message) {
  process.stderr.write(`skein: ${message}\n`);
  process.exit(1);
}

/** The npm that runs us, by the Node that runs it: not the one in the folder it will replace. */
function install() {
  // Not "ci": it demands lock entries for binaries of platforms that a mirror may not carry.
  const args = ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = process.env.npm_execpath;
  const stdio = ["ignore", 2, 2];
  if (!npm)
    return spawnSync("npm", args, { cwd: root, stdio, shell: process.platform === "win32" });
  const node = process.env.npm_node_execpath || process.execPath;
  return spawnSync(node, [npm, ...args], { cwd: root, stdio });
}

function hasNewNode() {
  if (existsSync(packagedNode) || existsSync(`${packagedNode}.cmd`)) return true;
  const [major, minor] = process.versions.node.split(".").map(Number);
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
}

if (!isInstalled()) {
  process.stderr.write("skein: installing what it needs, once (some seconds) ...\n");
  if (install().status !== 0) {
    fail("npm install failed; see the lines above, then run the command again");
  }
  writeFileSync(marker, fingerprint);
}
if (!hasNewNode()) {
  fail(
    `Node ${OLDEST_NODE.join(".")} or newer is needed, this is ${process.versions.node}, and ` +
      `there is no packaged one for ${process.platform}-${process.arch}; install a newer Node`,
  );
}
