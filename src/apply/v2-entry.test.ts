import assert from "node:assert/strict";
import { test } from "node:test";
import { readV2Put } from "./v2-entry.ts";

const hex = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

/** A request as etcd 3.5 writes it: all fields that it always writes. */
function request(path: string, value: string): Uint8Array {
  const field = (tag: number, text: string): Buffer =>
    Buffer.concat([Buffer.from([tag, Buffer.byteLength(text)]), Buffer.from(text)]);
  const head = Buffer.concat([Buffer.from([8, 5]), field(0x12, "PUT")]);
  const tail = hex("2800 3200 3800 4800 5000 5800 6000 6800 7000 7800 800100");
  return Buffer.concat([head, field(0x1a, path), field(0x22, value), tail]);
}

test("the version example of formats-disk.md 6.5", () => {
  const bytes = hex(
    "0805 1203505554 1a0a 2f302f76657273696f6e 2205 332e352e30 2800 3200 3800 4800 5000 5800 " +
      "6000 6800 7000 7800 800100",
  );
  assert.deepEqual(readV2Put(bytes), { kind: "clusterVersion", version: "3.5.0" });
});

test("a member publishes itself; its id keeps all 64 bits", () => {
  const value = `{"name":"m1","clientURLs":["http://10.0.0.1:2379"]}`;
  assert.deepEqual(readV2Put(request("/0/members/e765e731bd1bb1a3/attributes", value)), {
    kind: "publish",
    memberId: 0xe765e731bd1bb1a3n,
    name: "m1",
    clientUrls: ["http://10.0.0.1:2379"],
  });
  const bare = request("/0/members/1/attributes", `{"name":"","clientURLs":null}`);
  assert.deepEqual(readV2Put(bare), { kind: "publish", memberId: 1n, name: "", clientUrls: [] });
});

test("everything else means nothing", () => {
  for (const [path, value] of [
    ["/1/user/key", "x"],
    ["/0/members/xyz/attributes", "{}"],
    ["/0/members/1/raftAttributes", "{}"],
    ["/0/members/1/attributes", "no json"],
  ] as const) {
    assert.deepEqual(readV2Put(request(path, value)), { kind: "nothing" }, path);
  }
});
