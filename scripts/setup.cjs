// The one script that must run on an old Node: it installs what the others need, Node itself
// included (see docs/decisions/0001-node-from-the-registry.md), and returns at once when done before.
"use strict";
const { existsSync, statSync } = require("node:fs");
const { execSync } = require("node:child_process");
const path = require("node:path");

const root = path.join(__dirname, "..");
const lock = path.join(root, "package-lock.json");
const installed = path.join(root, "node_modules", ".package-lock.json");

function isInstalled() {
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs;
}

if (!isInstalled()) {
  process.stderr.write("skein: first run, installing dependencies ...\n");
  try {
    execSync("npm ci --no-audit --no-fund --loglevel=error", { cwd: root, stdio: ["ignore", 2, 2] });
  } catch {
    process.stderr.write("skein: npm ci failed; see the lines above, then run the command again\n");
    process.exit(1);
  }
}
