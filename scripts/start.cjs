#!/usr/bin/env node
// Starts the server as it runs best, and becomes it: same process, same id. The figures are in
// docs/decisions/0008-one-process-and-its-memory.md.
"use strict";
const { spawnSync } = require("node:child_process");
const path = require("node:path");

const root = path.join(__dirname, "..");
const main = path.join(root, "src", "cli", "server", "main.ts");

const HEAP = [
  // A heap that need not grow step by step, each step a full collection, while load comes in.
  "--initial-old-space-size=64",
  "--min-semi-space-size=16",
  // Buffers count against the heap's limit. Without this V8 has a second limit for them, 64 MiB
  // after the last collection: beyond it each new buffer starts a full collection, five a second.
  "--external-memory-accounted-in-global-limit",
  "--external-memory-max-growing-factor=1.15",
  // Its pause is 40 ms, at a moment of V8's choice; an idle server collects by itself, in 20.
  "--no-memory-reducer",
];

/** What only the environment can say, and before a process begins; the user's own goes first. */
const env = {
  // glibc gives blocks of this size and more back when they are freed. By default it keeps what is
  // smaller than the largest one that was ever freed: 100 MiB after a load of large batches.
  MALLOC_MMAP_THRESHOLD_: String(128 * 1024),
  // Compiled modules: a start that has them loads neither compiler nor stripper of types. Kept
  // where only who installed Skein can write; Node goes without when it cannot.
  NODE_COMPILE_CACHE: path.join(root, "node_modules", ".cache", "skein"),
  ...process.env,
};
const args = [...HEAP, ...process.execArgv, main, ...process.argv.slice(2)];

if (process.platform === "win32" || process.execve === undefined) {
  process.exitCode = spawnSync(process.execPath, args, { env, stdio: "inherit" }).status ?? 1;
} else {
  process.execve(process.execPath, [process.execPath, ...args], env);
}
