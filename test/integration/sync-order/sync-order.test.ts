import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { Client } from "../../../src/client/index.ts";
import { freePort, ServerProcess } from "../server-process.ts";

const PUTS = 20;

/** The preloaded library, or why there is none. */
function compileTracer(dir: string): { readonly library: string } | { readonly reason: string } {
  if (process.platform !== "linux") return { reason: "needs Linux's LD_PRELOAD" };
  const library = path.join(dir, "trace-sync.so");
  const source = path.join(import.meta.dirname, "trace-sync.c");
  const args = ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"];
  const { status, error, stderr } = spawnSync("cc", args, { encoding: "utf8" });
  if (error !== undefined) return { reason: "needs a C compiler" };
  assert.equal(status, 0, stderr);
  return { library };
}

test("the real server writes and syncs a file before each acknowledgement", async (t) => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "skein-sync-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const tracer = compileTracer(dir);
  if ("reason" in tracer) {
    t.skip(tracer.reason);
    return;
  }
  const traceFile = path.join(dir, "trace");
  const env = { LD_PRELOAD: tracer.library, SKEIN_TRACE_SYNC: traceFile };
  const server = await ServerProcess.start(path.join(dir, "data"), await freePort(), [], [], env);
  t.after(() => server.end("SIGKILL"));
  const client = new Client({ endpoints: [server.endpoint] });
  t.after(() => client.close());
  for (let put = 0; put < PUTS; put += 1) {
    const before = readFileSync(traceFile, "latin1").length;
    await client.kv.put(`k${put}`, "v");
    const during = readFileSync(traceFile, "latin1").slice(before);
    assert.match(during, /w.*s/u, `put ${put}: a write, then a sync`);
  }
});
