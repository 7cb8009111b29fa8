import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { NodeLogger } from "./logger.ts";
import { createNodeLogger, timestamp } from "./logger.ts";
import { LineSampler } from "./logger-sampler.ts";

/** The lines that `use` writes. */
async function written(
  options: { level?: string; format?: "json" | "console" },
  use: (logger: NodeLogger) => void,
): Promise<readonly string[]> {
  const dir = mkdtempSync(path.join(tmpdir(), "skein-log-"));
  try {
    const file = path.join(dir, "log");
    const { level = "info", format = "json" } = options;
    const logger = createNodeLogger({ outputs: [file], level, format });
    use(logger);
    await logger.close();
    return readFileSync(file, "utf8").trimEnd().split("\n");
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test("a line has etcd's keys, the fields, and 64-bit numbers as text", async () => {
  const [line] = await written({}, (logger) => {
    logger.with({ group: "a" }).log("warn", "slow", { tookMs: 3, id: 1n << 63n, urls: ["x"] });
  });
  const { ts, ...rest } = JSON.parse(line!) as Record<string, unknown>;
  assert.match(String(ts), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d{4})$/);
  assert.deepEqual(rest, {
    level: "warn",
    msg: "slow",
    group: "a",
    tookMs: 3,
    id: "9223372036854775808",
    urls: ["x"],
  });
});

test("closing writes all that is queued", async () => {
  const lines = await written({}, (logger) => {
    for (let at = 0; at < 90; at += 1) logger.log("info", "line", { at });
    logger.fatal("last");
  });
  assert.equal(lines.length, 91);
  assert.match(lines.at(-1)!, /"fatal".*"last"/);
});

test("lines below the level are not written, and the logger says so", async () => {
  const lines = await written({ level: "warn" }, (logger) => {
    assert.equal(logger.enabled("info"), false);
    assert.equal(logger.enabled("error"), true);
    logger.log("info", "no");
    logger.log("error", "yes");
  });
  assert.equal(lines.length, 1);
});

test("console lines are tabs and JSON", async () => {
  const [plain, fields] = await written({ format: "console" }, (logger) => {
    logger.log("info", "alone");
    logger.log("info", "more", { a: 1 });
  });
  assert.match(plain!, /^\S+Z?\tinfo\talone$/);
  assert.match(fields!, /\tinfo\tmore\t\{"a":1\}$/);
});

test("a message that repeats itself is thinned out, others are not", () => {
  const sampler = new LineSampler();
  let admitted = 0;
  for (let at = 0; at < 1000; at += 1) if (sampler.admits("info", "again", 5)) admitted += 1;
  assert.equal(admitted, 109);
  assert.equal(sampler.admits("info", "other", 5), true);
  assert.equal(sampler.admits("info", "again", 1005), true);
});

test("timestamps are Go's, with microseconds", () => {
  const expected = /^2026-11-21T\d\d:\d\d:\d\d\.005000(Z|[+-]\d{4})$/;
  assert.match(timestamp(new Date("2026-11-21T12:00:00.005Z")), expected);
});
