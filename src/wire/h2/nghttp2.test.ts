/** Our engine against nghttp2 (inside node:http2), both ways round, over real sockets. */
import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import { test } from "node:test";
import { H2Connection } from "./connection.ts";
import { encodeConstantBlock } from "./hpack/encoder.ts";
import { Recorder } from "./testing/recorder.ts";

/** Ties a connection to a socket. */
function attach(socket: net.Socket, connection: H2Connection): () => void {
  const flush = (): void => {
    for (;;) {
      const out = connection.takeOutput();
      if (out === null) return;
      socket.write(out);
    }
  };
  socket.on("data", (chunk) => {
    connection.receive(chunk);
    flush();
  });
  socket.on("close", () => connection.lost());
  flush();
  return flush;
}

const letters = (count: number, at: number): string =>
  Array.from({ length: count }, (_, i) => String.fromCharCode(33 + ((i * 7 + at * 13) % 94))).join(
    "",
  );

test("a server of ours, a client of nghttp2", async () => {
  const answer = encodeConstantBlock([
    [":status", "200"],
    ["x-blob", letters(300, 1)],
  ]);
  const trailer = encodeConstantBlock([["grpc-status", "0"]]);
  const recorder = new Recorder();
  const server = net.createServer((socket) => {
    const connection = new H2Connection("server", { streamWindowBytes: 20_000 }, recorder);
    recorder.on.onData = (id, ended) => {
      if (!ended) return;
      const bytes = recorder.body(id);
      const parts = { prefix: new Uint8Array(0), bytes, start: 0, end: bytes.length };
      connection.sendReply(id, { ...parts, headerBlock: answer, trailerBlock: trailer });
    };
    attach(socket, connection);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  const client = http2.connect(`http://127.0.0.1:${port}`);
  const calls = Array.from({ length: 40 }, async (_, i) => {
    const values = { [`x-${i % 7}`]: letters(i * 20, i), "grpc-timeout": `${4_000_000 + i}u` };
    const request = client.request({ ":method": "POST", ":path": `/p${i % 5}`, ...values });
    const pieces: Buffer[] = [];
    let status = 0;
    let trailers: http2.IncomingHttpHeaders = {};
    request.on("response", (headers) => (status = headers[":status"] ?? 0));
    request.on("trailers", (fields) => (trailers = fields));
    request.on("data", (piece: Buffer) => pieces.push(piece));
    const body = Buffer.from(letters(i * 2000, i));
    request.end(body);
    await once(request, "end");
    assert.equal(status, 200);
    assert.equal(trailers["grpc-status"], "0");
    assert.ok(Buffer.concat(pieces).equals(body));
    const id = request.id ?? 0;
    const heard = recorder.events.find((event) => event.startsWith(`onHeaders ${id} `)) ?? "";
    for (const [name, value] of Object.entries(values))
      assert.ok(heard.includes(`${name}=${value}`));
  });
  await Promise.all(calls);
  client.close();
  server.close();
  await once(server, "close");
});

test("a client of ours, a server of nghttp2", async () => {
  // A small table in nghttp2 makes ours evict and announce.
  const server = http2.createServer({ settings: { headerTableSize: 300 } });
  server.on("stream", (stream, headers) => {
    const pieces: Buffer[] = [];
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("end", () => {
      stream.respond({ ":status": 200, "x-echo": headers["x-value"] ?? "none" });
      stream.end(Buffer.concat(pieces));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  const socket = net.connect(port, "127.0.0.1");
  const recorder = new Recorder();
  const connection = new H2Connection("client", {}, recorder);
  const settled = new Promise<void>((resolve) => {
    recorder.on.onSettings = () => resolve();
  });
  const flush = attach(socket, connection);
  await settled;
  const total = 60;
  let ended = 0;
  const done = new Promise<void>((resolve) => {
    const onEnd = (_id: number, end: boolean): void => {
      if (end && ++ended === total) resolve();
    };
    recorder.on.onData = onEnd;
    recorder.on.onHeaders = onEnd;
  });
  for (let i = 0; i < total; i++) {
    const block = connection.encodeHeaders([
      [":method", "POST"],
      [":scheme", "http"],
      [":path", `/p${i % 5}`],
      [":authority", "127.0.0.1"],
      ["x-value", letters(3 * i, i)],
    ]);
    const id = connection.openStream(block, false);
    connection.sendData(id, Buffer.from(letters(1500 * i, i)), 0, 1500 * i, true);
    flush();
  }
  await done;
  for (let i = 0; i < total; i++) {
    const id = 2 * i + 1;
    const heard = recorder.events.find((event) => event.startsWith(`onHeaders ${id} `)) ?? "";
    const expected = i === 0 ? "x-echo=," : `x-echo=${letters(3 * i, i)}`;
    assert.ok(`${heard},`.includes(expected), `${heard} against ${expected}`);
    assert.equal(Buffer.from(recorder.body(id)).toString(), letters(1500 * i, i));
  }
  socket.destroy();
  server.close();
  await once(server, "close");
});
