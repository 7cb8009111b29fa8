import assert from "node:assert/strict";
import * as grpc from "@grpc/grpc-js";
import { Etcd3 } from "etcd3";

const PREFIX = "interop/node/";
const DEADLINE_MS = 20_000;

interface Case {
  readonly name: string;
  readonly run: (client: RawClient, etcd: Etcd3) => Promise<void>;
}

/** grpc-js without generated code: messages are bytes. */
class RawClient {
  readonly client: grpc.Client;

  constructor(endpoint: string, options: grpc.ClientOptions = {}) {
    const limits = { "grpc.max_receive_message_length": 1 << 26, ...options };
    this.client = new grpc.Client(endpoint, grpc.credentials.createInsecure(), limits);
  }

  call(method: string, request: Buffer): Promise<Buffer> {
    const route = `/etcdserverpb.KV/${method}`;
    const options = { deadline: Date.now() + DEADLINE_MS };
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(route, same, same, request, options, (error, reply) => {
        if (error !== null) reject(error);
        else resolve(reply ?? Buffer.alloc(0));
      });
    });
  }
}

const same = (bytes: Buffer): Buffer => bytes;

function field(number: number, value: string): Buffer {
  const bytes = Buffer.from(value);
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128);
  length.push(rest);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}

const rangeOf = (key: string): Buffer => field(1, PREFIX + key);

const CASES: readonly Case[] = [
  {
    name: "etcd3: put, get, delete",
    run: async (_client, etcd) => {
      await etcd.put(`${PREFIX}a`).value("one");
      assert.equal(await etcd.get(`${PREFIX}a`).string(), "one");
      await etcd.delete().key(`${PREFIX}a`);
      assert.equal(await etcd.get(`${PREFIX}a`).string(), null);
    },
  },
  {
    name: "etcd3: txn",
    run: async (_client, etcd) => {
      const done = await etcd
        .if(`${PREFIX}t`, "Version", "==", 0)
        .then(etcd.put(`${PREFIX}t`).value("1"))
        .commit();
      assert.equal(done.succeeded, true);
    },
  },
  {
    name: "etcd3: 1,000 at once",
    run: async (_client, etcd) => {
      const keys = Array.from({ length: 1000 }, (_, i) => `${PREFIX}many/${i}`);
      await Promise.all(keys.map((key) => etcd.put(key).value(key)));
      const all = await etcd.getAll().prefix(`${PREFIX}many/`).count();
      assert.equal(all, 1000);
    },
  },
  {
    name: "grpc-js: error with code and text",
    run: async (client) => {
      await assert.rejects(client.call("Range", Buffer.alloc(0)), {
        code: grpc.status.INVALID_ARGUMENT,
        details: "etcdserver: key is not provided",
      });
    },
  },
  {
    name: "grpc-js: unknown method",
    run: async (client) => {
      await assert.rejects(client.call("Nope", Buffer.alloc(0)), {
        code: grpc.status.UNIMPLEMENTED,
        details: "unknown method Nope for service etcdserverpb.KV",
      });
    },
  },
  {
    name: "grpc-js: value of a megabyte",
    run: async (client) => {
      const value = "x".repeat(1 << 20);
      await client.call("Put", Buffer.concat([rangeOf("large"), field(2, value)]));
      assert.ok((await client.call("Range", rangeOf("large"))).includes(value));
    },
  },
  {
    name: "grpc-js: list as a stream",
    run: async (client) => {
      const request = Buffer.concat([rangeOf("many/"), field(2, `${PREFIX}many0`)]);
      const route = "/etcdserverpb.KV/RangeStream";
      const stream = client.client.makeServerStreamRequest(route, same, same, request);
      let pieces = 0;
      for await (const piece of stream) pieces += (piece as Buffer).length > 0 ? 1 : 0;
      assert.ok(pieces > 1, `${pieces} pieces`);
    },
  },
  {
    name: "grpc-js: cancelled calls",
    run: async (client) => {
      const request = Buffer.concat([rangeOf("many/"), field(2, `${PREFIX}many0`)]);
      const route = "/etcdserverpb.KV/Range";
      for (let i = 0; i < 200; i++) {
        client.client.makeUnaryRequest(route, same, same, request, () => {}).cancel();
      }
      await client.call("Range", rangeOf("large"));
    },
  },
];

/** Runs the cases of both Node clients; one line each. */
export async function runNodeClients(endpoint: string): Promise<string[]> {
  const client = new RawClient(endpoint);
  const etcd = new Etcd3({ hosts: `http://${endpoint}` });
  const lines: string[] = [];
  for (const { name, run } of CASES) {
    try {
      await run(client, etcd);
      lines.push(`ok ${name}`);
    } catch (error) {
      lines.push(`FAIL ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  client.client.close();
  etcd.close();
  return lines;
}
