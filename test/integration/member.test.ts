import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { Client, ops } from "../../src/client/index.ts";
import { type Member, memberConfig, StartError, startMember } from "../../src/index.ts";
import { httpUrl, type MemberConfig } from "../../src/member/config.ts";

/** A configuration on a port of the system's choice, in a directory that ends with the test. */
function testConfig(t: { after(fn: () => void): void }, overrides = {}): MemberConfig {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), "skein-member-"));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  return memberConfig({ dataDir, listenClientUrls: [httpUrl("127.0.0.1", 0)], ...overrides });
}

async function withClient<T>(member: Member, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ endpoints: [member.clientUrls[0]!] });
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

test("an embedded member serves clients, and has it all again after a restart", async (t) => {
  const config = testConfig(t);
  const first = await startMember(config);
  const revision = await withClient(first, async (client) => {
    await client.kv.put("a", "1");
    await client.kv.txn().then(ops.put("b", "2"), ops.put("c", "3")).commit();
    return (await client.kv.delete("a")).header.revision;
  });
  assert.equal(revision, 4);
  const { memberId, clusterId } = first.status();
  await first.close();
  assert.equal(await first.closed, null);

  const second = await startMember(config);
  const status = second.status();
  assert.equal(status.revision, 4);
  assert.equal(status.keys, 2);
  assert.equal(status.memberId, memberId);
  assert.equal(status.clusterId, clusterId);
  assert.equal(status.leader, memberId);
  await withClient(second, async (client) => {
    assert.equal(await client.kv.get("a"), null);
    const old = await client.kv.get("a", { revision: 2 });
    assert.equal(new TextDecoder().decode(old!.value), "1");
  });
  await second.close();
});

test("ids and first indexes are those that etcd 3.7 gives the same flags", async (t) => {
  const member = await startMember(testConfig(t));
  const status = member.status();
  assert.equal(status.memberId.toString(16), "8e9e05c52164694d");
  assert.equal(status.clusterId.toString(16), "cdf818194e3a8c32");
  assert.equal(status.term, 2);
  assert.equal(status.commitIndex, 4);
  assert.equal(status.appliedIndex, 4);
  assert.equal(status.revision, 1);
  await member.close();
});

test("several members live in one process", async (t) => {
  const [one, two] = await Promise.all([startMember(testConfig(t)), startMember(testConfig(t))]);
  await withClient(one, (client) => client.kv.put("k", "one"));
  assert.equal(one.status().revision, 2);
  assert.equal(two.status().revision, 1);
  await Promise.all([one.close(), two.close()]);
});

test("a directory in use is refused, and free again after close", async (t) => {
  const config = testConfig(t);
  const member = await startMember(config);
  await assert.rejects(startMember(config), /lock/u);
  await member.close();
  const again = await startMember(config);
  await again.close();
});

test("a taken port says which and what to do, and leaves nothing open", async (t) => {
  const member = await startMember(testConfig(t));
  const port = Number(new URL(member.clientUrls[0]!).port);
  const config = testConfig(t, { listenClientUrls: [httpUrl("127.0.0.1", port)] });
  await assert.rejects(startMember(config), (error: unknown) => {
    assert.ok(error instanceof StartError);
    assert.match(error.message, new RegExp(`${port} is taken`, "u"));
    assert.match(error.remedy, /--listen-client-urls/u);
    return true;
  });
  await member.close();
  const later = await startMember(config);
  await later.close();
});

test("a database that is none is refused; an empty file is what bbolt begins with", async (t) => {
  const config = testConfig(t);
  const db = path.join(config.dataDir, "member/snap/db");
  mkdirSync(path.dirname(db), { recursive: true });
  writeFileSync(db, "x".repeat(10_000));
  await assert.rejects(startMember(config), /invalid database/u);
  writeFileSync(db, "");
  const member = await startMember(config);
  await member.close();
  assert.ok(statSync(db).size > 0);
});

test("a directory that cannot be made is named", async (t) => {
  const config = testConfig(t);
  writeFileSync(path.join(config.dataDir, "member"), "not a directory");
  await assert.rejects(startMember(config), (error: unknown) => {
    assert.ok(error instanceof StartError);
    assert.match(error.message, /cannot write to data directory/u);
    return true;
  });
});

test("calls under way when the member closes are finished", async (t) => {
  const member = await startMember(testConfig(t));
  await withClient(member, async (client) => {
    await client.kv.put("warm", "up");
    const puts = Array.from({ length: 100 }, (_, at) => client.kv.put(`k${at}`, "v"));
    await Promise.all(puts);
    const last = client.kv.put("last", "one");
    await last;
    await member.close();
  });
  assert.equal(member.status().revision, 103);
});
