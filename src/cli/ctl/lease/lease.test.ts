import assert from "node:assert/strict";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import {
  createLeaseKeepAliveResponse,
  encodeLeaseKeepAliveResponseToBytes,
} from "../../../proto/gen/etcdserverpb.ts";
import type { Io } from "../io.ts";
import { runCtl } from "../run.ts";

const TTL_MAX_S = 9_000_000_000;
/** The longest delay of Node's timers. */
const DELAY_MS_MAX = 2 ** 31 - 1;

test("lease keep-alive waits a third of the time, and never longer than a timer can", async (t) => {
  const ttls = [6, TTL_MAX_S, 0];
  const server = createServer();
  server.on("stream", (stream) => {
    const kept = { ...createLeaseKeepAliveResponse(), id: 5n, ttl: ttls.shift()! };
    const message = encodeLeaseKeepAliveResponseToBytes(kept);
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    stream.on("error", () => {});
    stream.write(Buffer.concat([prefix, message]));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  t.after(() => server.close());
  const slept: number[] = [];
  let out = "";
  const io = {
    out: (text: string) => (out += text),
    err: () => {},
    env: {},
    sleep: (delayMs: number) => {
      slept.push(delayMs);
      return Promise.resolve();
    },
    nowMs: () => 0,
    wallMs: () => 0,
  } as unknown as Io;
  const { port } = server.address() as AddressInfo;
  const args = [`--endpoints=127.0.0.1:${port}`, "lease", "keep-alive", "5"];
  assert.equal(await runCtl(args, io, "9.9.9"), 0);
  assert.deepEqual(slept, [2000, DELAY_MS_MAX]);
  assert.match(out, /keepalived with TTL\(6\)[^]*keepalived with TTL\(9000000000\)[^]*expired/);
});
