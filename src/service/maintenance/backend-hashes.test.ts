import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32cUpdate } from "../../base/crc32c.ts";
import { newSpan } from "../../base/span.ts";
import { createResponseHeader, decodeHashResponse } from "../../proto/gen/etcdserverpb.ts";
import { VirtualClock } from "../../sim/world/clock.ts";
import { openMemoryBackend } from "../../storage/backend/memory/memory-backend.ts";
import { JobRunner } from "../jobs.ts";
import type { ReplySink } from "../rpc.ts";
import { BackendHashes } from "./backend-hashes.ts";

const EMPTY = new Uint8Array(0);

test("Hash is over all buckets in order, without what depends on when a member committed", () => {
  const clock = new VirtualClock();
  const backend = openMemoryBackend();
  const put = (bucket: "meta" | "lease" | "members", key: string, value: string): void =>
    backend.put(bucket, Buffer.from(key), Buffer.from(value));
  put("meta", "consistent_index", "12345678");
  put("meta", "term", "1");
  put("meta", "storageVersion", "3.7.0");
  put("meta", "confState", "{}");
  put("lease", "term", "kept: it is another bucket");
  put("members", "a", "b");
  const out = newSpan();
  for (const [main, isTombstone] of [
    [2, false],
    [3, true],
  ] as const) {
    backend.appendChange({ main, sub: 1, isTombstone }, 3, out);
    out.bytes.fill(main, out.start, out.end);
  }
  const key = (main: number): string => `0000000000000${main.toString(16).padStart(3, "0")}`;
  const wanted = [
    ...["alarm", "auth", "authRoles", "authUsers", "cluster"].map((name) => Buffer.from(name)),
    Buffer.from("key"),
    Buffer.from(`${key(2)}5f${"1".padStart(16, "0")}020202`, "hex"),
    Buffer.from(`${key(3)}5f${"1".padStart(16, "0")}74030303`, "hex"),
    Buffer.from("leasetermkept: it is another bucket"),
    Buffer.from("membersabmembers_removedmetaconfState{}"),
  ];
  const bytes = Buffer.concat(wanted);
  let found: number | null = null;
  let asked = 0;
  const hashes = new BackendHashes({
    // Inside of an entry there is no root.
    openRoot: () => ((asked += 1) < 3 ? null : backend.openRoot()),
    jobs: new JobRunner(clock),
    sink: () =>
      ({
        reply: (_token: number, reply: Uint8Array, start: number, end: number) => {
          found = decodeHashResponse(reply, start, end).hash;
        },
      }) as unknown as ReplySink,
    header: createResponseHeader,
  });
  hashes.request(1, EMPTY, 0, 0);
  clock.runFor(10);
  assert.equal(found, crc32cUpdate(0, bytes, 0, bytes.length));
  // Who has gone is not answered.
  found = null;
  hashes.request(2, EMPTY, 0, 0);
  hashes.cancel(2);
  clock.runFor(10);
  assert.equal(found, null);
});
