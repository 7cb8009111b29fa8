import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test, type TestContext } from "node:test";
import type { ByteSocket, Listener } from "../network.ts";
import { NodeNetwork, NodeSocket } from "./network.ts";
import { SharedInput, withSharedInput } from "./shared-input.ts";

/** What a socket was told, and the socket. */
class Recorder {
  readonly chunks: Uint8Array[] = [];
  readonly told: string[] = [];
  readonly socket: ByteSocket;

  constructor(socket: ByteSocket) {
    this.socket = socket;
    socket.attach({
      // Lent: copied.
      onData: (chunk) => void this.chunks.push(new Uint8Array(chunk)),
      onDrain: () => void this.told.push("drain"),
      onEnd: () => void this.told.push("end"),
      onClose: (error) => void this.told.push(`close ${error}`),
    });
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }
}

async function until(isReached: () => boolean): Promise<void> {
  while (!isReached()) await new Promise((resolve) => setImmediate(resolve));
}

/** A listener of our own whose accepted sockets are recorded, and its port. */
async function listen(t: TestContext, maxConnections?: number) {
  const network = new NodeNetwork(maxConnections === undefined ? {} : { maxConnections });
  const accepted: Recorder[] = [];
  const listener = await new Promise<Listener>((resolve, reject) => {
    network.listen(
      { kind: "tcp", host: "127.0.0.1", port: 0 },
      (socket) => void accepted.push(new Recorder(socket)),
      (result) => (result instanceof Error ? reject(result) : resolve(result)),
    );
  });
  t.after(() => {
    listener.close();
    for (const { socket } of accepted) socket.destroy();
  });
  const { address } = listener;
  return { network, accepted, port: address.kind === "tcp" ? address.port : 0 };
}

async function client(t: TestContext, port: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  t.after(() => socket.destroy());
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

test("every socket brings its own bytes while others read into the same buffer", async (t) => {
  const { accepted, port } = await listen(t);
  const clients = [await client(t, port), await client(t, port), await client(t, port)];
  await until(() => accepted.length === clients.length);
  const wanted = clients.map(() => "");
  for (let round = 0; round < 20; round++) {
    for (const [i, socket] of clients.entries()) {
      const text = `${"abc"[i]}${round}-`.repeat(1 + ((round * 7 + i) % 40));
      socket.write(text);
      wanted[i] += text;
    }
    await until(() => accepted.every((one, i) => one.text.length === wanted[i]!.length));
  }
  const names = new Map(clients.map((socket, i) => [`127.0.0.1:${socket.localPort}`, wanted[i]!]));
  for (const { socket, text } of accepted) assert.equal(text, names.get(socket.remoteAddress));
});

test("a paused socket brings nothing; resumed, everything, in order", async (t) => {
  const { accepted, port } = await listen(t);
  const [sender, other] = [await client(t, port), await client(t, port)];
  await until(() => accepted.length === 2);
  const [paused, open] = [accepted[0]!, accepted[1]!];
  sender.write("a");
  await until(() => paused.text === "a");
  paused.socket.pause();
  const rest = Buffer.alloc(3_000_000, "bcdefgh");
  sender.write(rest);
  // What the other one sends afterwards arrives: the loop ran, the network works.
  for (let i = 1; i <= 5; i++) {
    other.write("x");
    await until(() => open.text.length === i);
  }
  assert.equal(paused.text, "a");
  paused.socket.resume();
  await until(() => paused.text.length === 1 + rest.length);
  assert.ok(Buffer.from(paused.text.slice(1)).equals(rest));
});

test("half-open: after the peer's end it can be written to; then both are told", async (t) => {
  const { accepted, port } = await listen(t);
  const peer = await client(t, port);
  await until(() => accepted.length === 1);
  const one = accepted[0]!;
  peer.end("last words");
  await until(() => one.told.includes("end"));
  assert.equal(one.text, "last words");
  const reply: Buffer[] = [];
  peer.on("data", (chunk: Buffer) => reply.push(chunk));
  one.socket.write(Buffer.from("answer"));
  one.socket.end();
  await once(peer, "end");
  assert.equal(Buffer.concat(reply).toString(), "answer");
  await until(() => one.told.length === 2);
  assert.deepEqual(one.told, ["end", "close null"]);
});

test("a reader that stalls: full, queued, drained; the end comes behind all of it", async (t) => {
  const { accepted, port } = await listen(t);
  const peer = await client(t, port);
  await until(() => accepted.length === 1);
  const { socket, told } = accepted[0]!;
  peer.pause();
  const pieces = [20_000_000, 300_000, 10].map((bytes, i) => Buffer.alloc(bytes, `${i}-piece`));
  assert.equal(socket.write(pieces[0]!), false);
  assert.ok(socket.queuedBytes() > 0);
  for (const piece of pieces.slice(1)) socket.write(piece);
  const chunks: Buffer[] = [];
  peer.on("data", (chunk: Buffer) => chunks.push(chunk));
  peer.resume();
  await until(() => told.includes("drain"));
  await until(() => socket.queuedBytes() === 0);
  assert.equal(socket.write(Buffer.from("small")), true);
  socket.write(pieces[0]!);
  socket.end();
  await once(peer, "end");
  const received = Buffer.concat(chunks);
  const wanted = Buffer.concat([...pieces, Buffer.from("small"), pieces[0]!]);
  assert.ok(received.equals(wanted), `${received.length} of ${wanted.length} bytes`);
});

test("a write that the peer's reset undoes closes the socket, once", async (t) => {
  const { accepted, port } = await listen(t);
  const peer = await client(t, port);
  await until(() => accepted.length === 1);
  const { socket, told } = accepted[0]!;
  peer.pause();
  socket.write(Buffer.alloc(20_000_000));
  peer.resetAndDestroy();
  await until(() => told.length > 0);
  socket.write(Buffer.from("late"));
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(told.length, 1);
  assert.match(told[0]!, /^close (EPIPE|ECONNRESET)$/);
});

test("a reset is told with its code, and nothing after it", async (t) => {
  const { accepted, port } = await listen(t);
  const peer = await client(t, port);
  await until(() => accepted.length === 1);
  peer.resetAndDestroy();
  await until(() => accepted[0]!.told.length > 0);
  assert.deepEqual(accepted[0]!.told, ["close ECONNRESET"]);
});

test("connections beyond the limit are closed; one that ends makes room", async (t) => {
  const { accepted, port } = await listen(t, 2);
  await client(t, port);
  await client(t, port);
  await until(() => accepted.length === 2);
  const third = await client(t, port);
  third.resume();
  await once(third, "end");
  assert.equal(accepted.length, 2);
  accepted[0]!.socket.destroy();
  await until(() => accepted[0]!.told.length > 0);
  await client(t, port);
  await until(() => accepted.length === 3);
});

test("connect: both ends of a stream of our own", async (t) => {
  const { network, accepted, port } = await listen(t);
  const made = await new Promise<Recorder>((resolve, reject) => {
    const address = { kind: "tcp", host: "127.0.0.1", port } as const;
    network.connect(address, (socket) => resolve(new Recorder(socket)), reject);
  });
  t.after(() => made.socket.destroy());
  await until(() => accepted.length === 1);
  made.socket.write(Buffer.from("there"));
  accepted[0]!.socket.write(Buffer.from("back"));
  await until(() => made.text === "back" && accepted[0]!.text === "there");
});

test("a Node without user buffers serves as well", async (t) => {
  const accepted: Recorder[] = [];
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    Object.assign((socket as unknown as { _handle: object })._handle, { useUserBuffer: null });
    const input = new SharedInput();
    accepted.push(new Recorder(new NodeSocket(withSharedInput(socket, input), input)));
  });
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const peer = await client(t, (server.address() as net.AddressInfo).port);
  peer.end("as ever");
  await until(() => accepted[0]?.told.includes("end") === true);
  assert.equal(accepted[0]!.text, "as ever");
  accepted[0]!.socket.destroy();
});
