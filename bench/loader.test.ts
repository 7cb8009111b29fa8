import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { test } from "node:test";
import { DEBIAN_VERSION, needOracle } from "../test/compat/oracles/oracles.ts";
import { chooseDir } from "./compare.ts";
import { load } from "./loader.ts";
import { startServer } from "./servers.ts";

test("skein-load counts, checks and re-reads what etcd answers", async (t) => {
  if (needOracle(t, "etcd", DEBIAN_VERSION) === undefined) return;
  const baseDir = mkdtempSync(path.join(chooseDir(), "skein-loader-test-"));
  const server = await startServer({ name: "etcd-3.4", baseDir });
  const base = { addr: server.address, keys: 1000, pid: server.pid };
  t.after(async () => {
    await server.stop();
    rmSync(baseDir, { recursive: true });
  });

  const preload = await load({ ...base, workload: "preload" });
  assert.equal(preload.next, 1000);
  assert.ok(preload.verified);

  for (const workload of ["put", "txn", "mixed", "insert", "range", "srange"]) {
    const keys = workload === "insert" ? 200 : 1000;
    const result = await load({ ...base, workload, keys, count: 300 });
    assert.deepEqual(result.errors, {}, workload);
    assert.equal(result.all_ok, 300, workload);
    assert.equal(result.rise, result.rise_wanted, workload);
    assert.ok(result.verified, workload);
  }
  const list = await load({ ...base, workload: "list", limit: 500, count: 20, inflight: 1 });
  assert.equal(list.kvs, 20 * 500);
  const deleted = await load({ ...base, workload: "delete", keys: 200 });
  assert.equal(deleted.rise, 200);
  assert.ok(deleted.verified);

  // Keys that are not there are wrong answers, not successes.
  const missing = await load({ ...base, workload: "query", keys: 100, count: 50 });
  assert.equal(missing.errors["wrong"], 50);
  assert.equal(missing.verified, false);

  // Two writers that do not know of each other: neither may call its run verified.
  const both = await Promise.all(
    [1, 2].map((seed) => load({ ...base, workload: "put", count: 2000, seed })),
  );
  assert.ok(both.some((result) => !result.verified));
});

test("skein-load fails where nobody listens", async () => {
  const probe = net.createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as net.AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  await assert.rejects(
    load({ addr: `127.0.0.1:${port}`, workload: "range", count: 1 }),
    /no answer/,
  );
});
