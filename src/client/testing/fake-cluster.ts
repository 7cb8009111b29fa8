import { H2Connection } from "../../wire/h2/connection.ts";
import { encodeConstantBlock } from "../../wire/h2/hpack/encoder.ts";
import { ErrorCode } from "../../wire/h2/types.ts";
import type { H2Handler, HeaderList } from "../../wire/h2/types.ts";
import type { ClientPlatform, ClientSocket, SocketHandler, Target } from "../platform.ts";

/** One request as a fake server saw it. */
export interface SeenCall {
  readonly server: FakeServer;
  readonly connection: FakeConnection;
  readonly streamId: number;
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly message: Uint8Array;
}

/** What a fake server does with a request. */
export type Behaviour = (call: SeenCall) => void;

/** Turns without anything to deliver after which nothing more is expected of promises. */
const IDLE_TURNS = 200;

interface Timer {
  readonly handle: number;
  readonly atMs: number;
  readonly callback: () => void;
}

function framed(message: Uint8Array, compressed = 0): Uint8Array {
  const bytes = new Uint8Array(5 + message.length);
  bytes[0] = compressed;
  new DataView(bytes.buffer).setUint32(1, message.length);
  bytes.set(message, 5);
  return bytes;
}

/** The server's side of one connection. */
export class FakeConnection implements H2Handler {
  readonly server: FakeServer;
  readonly h2: H2Connection;
  /** Streams that the client reset. */
  readonly resets: number[] = [];
  readonly pings: number[] = [];
  alive = true;
  #client: SocketHandler;
  #cluster: FakeCluster;
  #headers = new Map<number, ReadonlyMap<string, string>>();
  #bodies = new Map<number, number[]>();

  constructor(server: FakeServer, cluster: FakeCluster, client: SocketHandler) {
    this.server = server;
    this.#cluster = cluster;
    this.#client = client;
    const { maxConcurrentStreams } = server;
    this.h2 = new H2Connection(
      "server",
      maxConcurrentStreams === undefined ? {} : { maxConcurrentStreams },
      this,
    );
  }

  /** Bytes from the client. */
  receive(bytes: Uint8Array): void {
    if (!this.alive || this.server.frozen) return;
    this.h2.receive(bytes);
    this.flush();
  }

  flush(): void {
    for (let out = this.h2.takeOutput(); out !== null; out = this.h2.takeOutput()) {
      const bytes = out.slice();
      const size = this.server.pieceBytes;
      for (let at = 0; at < bytes.length; at += size) {
        const piece = bytes.subarray(at, at + size);
        this.#cluster.defer(() => {
          if (this.alive && !this.server.frozen) this.#client.onData(piece);
        });
      }
    }
  }

  /** The connection breaks, as both sides will find out. */
  drop(reason: string): void {
    if (!this.alive) return;
    this.alive = false;
    this.server.connections.delete(this);
    this.#cluster.defer(() => this.#client.onClose(reason));
  }

  reply(streamId: number, message: Uint8Array): void {
    this.h2.sendHeaders(streamId, GRPC_HEADERS, false);
    this.send(streamId, message);
    this.end(streamId, 0, "");
  }

  headersOnly(streamId: number): void {
    this.h2.sendHeaders(streamId, GRPC_HEADERS, false);
    this.flush();
  }

  send(streamId: number, message: Uint8Array, compressed = 0): void {
    const bytes = framed(message, compressed);
    this.h2.sendData(streamId, bytes, 0, bytes.length, false);
    this.flush();
  }

  end(streamId: number, code: number, message: string): void {
    this.h2.sendHeaders(streamId, statusBlock(code, message), true);
    this.flush();
  }

  /** Trailers only. */
  fail(streamId: number, code: number, message: string): void {
    const block = encodeConstantBlock([
      [":status", "200"],
      ["content-type", "application/grpc"],
      ["grpc-status", String(code)],
      ["grpc-message", message],
    ]);
    this.h2.sendHeaders(streamId, block, true);
    this.flush();
  }

  /** Any response headers. */
  answer(streamId: number, fields: readonly (readonly [string, string])[], end: boolean): void {
    this.h2.sendHeaders(streamId, encodeConstantBlock(fields), end);
    this.flush();
  }

  reset(streamId: number, code: number): void {
    this.h2.sendReset(streamId, code);
    this.flush();
  }

  /** GOAWAY frame by hand: streams above `lastStreamId` were not seen. */
  goaway(lastStreamId: number): void {
    const frame = new Uint8Array(17);
    frame[2] = 8;
    frame[3] = 7;
    new DataView(frame.buffer).setUint32(9, lastStreamId);
    new DataView(frame.buffer).setUint32(13, ErrorCode.noError);
    this.#cluster.defer(() => {
      if (this.alive) this.#client.onData(frame);
    });
  }

  onHeaders(streamId: number, fields: HeaderList): void {
    const headers = new Map<string, string>();
    for (const field of fields.fields.slice(0, fields.count)) headers.set(field.name, field.value);
    this.#headers.set(streamId, headers);
    this.#bodies.set(streamId, []);
  }

  onTrailers(): void {
    // Clients send none.
  }

  onData(streamId: number, bytes: Uint8Array, start: number, end: number, last: boolean): void {
    const body = this.#bodies.get(streamId) ?? [];
    for (let at = start; at < end; at++) body.push(bytes[at] as number);
    if (!last) return;
    const headers = this.#headers.get(streamId) ?? new Map<string, string>();
    const call: SeenCall = {
      server: this.server,
      connection: this,
      streamId,
      path: headers.get(":path") ?? "",
      headers,
      message: Uint8Array.from(body.slice(5)),
    };
    this.#cluster.seen.push(call);
    this.server.behaviour(call);
    this.flush();
  }

  onReset(streamId: number): void {
    this.resets.push(streamId);
  }

  onWritable(): void {
    this.flush();
  }

  onSourceFailed(): void {
    // No sources here.
  }

  onGoaway(): void {
    // The client is leaving.
  }

  onPingAck(): void {
    // No pings from here.
  }

  onSettings(): void {
    // Whatever the client says.
  }

  onDrained(): void {
    // Closed by the test.
  }

  onConnectionError(_code: number, text: string): void {
    this.flush();
    this.drop(text);
  }
}

const GRPC_HEADERS = encodeConstantBlock([
  [":status", "200"],
  ["content-type", "application/grpc"],
]);

function statusBlock(code: number, message: string): Uint8Array {
  return encodeConstantBlock([
    ["grpc-status", String(code)],
    ...(message === "" ? [] : [["grpc-message", message] as const]),
  ]);
}

/** One member: refuses connections while `up` is false. */
export class FakeServer {
  readonly port: number;
  readonly connections = new Set<FakeConnection>();
  behaviour: Behaviour = ({ connection, streamId }) =>
    connection.reply(streamId, new Uint8Array(0));
  up = true;
  /** Takes connections and bytes, answers nothing at all. */
  frozen = false;
  /** How finely what it sends is cut. */
  pieceBytes = 65_536;
  maxConcurrentStreams: number | undefined = undefined;
  connects = 0;
  /** Chunks written by clients. */
  writes = 0;

  constructor(port: number) {
    this.port = port;
  }
}

/** Servers, sockets and time in memory; everything runs when `run` or `advance` says so. */
export class FakeCluster implements ClientPlatform {
  readonly seen: SeenCall[] = [];
  readonly servers: readonly FakeServer[];
  #nowMs = 0;
  #timers: Timer[] = [];
  #lastHandle = 0;
  #queue: (() => void)[] = [];

  constructor(serverCount: number) {
    this.servers = Array.from({ length: serverCount }, (_, index) => new FakeServer(1000 + index));
  }

  get endpoints(): string[] {
    return this.servers.map((server) => `10.0.0.1:${server.port}`);
  }

  /** Timers and deliveries that are still to come. */
  get pending(): number {
    return this.#timers.length + this.#queue.length;
  }

  get openConnections(): number {
    return this.servers.reduce((sum, server) => sum + server.connections.size, 0);
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  startTimer(delayMs: number, callback: () => void): number {
    const handle = ++this.#lastHandle;
    this.#timers.push({ handle, atMs: this.#nowMs + Math.max(0, delayMs), callback });
    return handle;
  }

  cancelTimer(handle: number): void {
    this.#timers = this.#timers.filter((timer) => timer.handle !== handle);
  }

  defer(callback: () => void): void {
    this.#queue.push(callback);
  }

  random(): number {
    return 0.5;
  }

  connect(target: Target, _tls: unknown, handler: SocketHandler): ClientSocket {
    const port = target.kind === "tcp" ? target.port : 0;
    const server = this.servers.find((each) => each.port === port) as FakeServer;
    server.connects++;
    const connection = new FakeConnection(server, this, handler);
    this.defer(() => {
      if (!server.up) {
        connection.alive = false;
        handler.onClose("ECONNREFUSED");
        return;
      }
      server.connections.add(connection);
      handler.onOpen();
    });
    return {
      write: (bytes) => {
        server.writes++;
        const copy = bytes.slice();
        this.defer(() => connection.receive(copy));
        return true;
      },
      pause: () => {},
      resume: () => {},
      destroy: () => connection.drop("destroyed"),
    };
  }

  /** Delivers all that is due now, promises included. */
  async run(): Promise<void> {
    let idle = 0;
    // Promise chains take a few turns before they show what they do next.
    while (idle < IDLE_TURNS) {
      const next = this.#queue.shift();
      if (next !== undefined) {
        next();
        idle = 0;
        continue;
      }
      const due = this.#timers.find((timer) => timer.atMs <= this.#nowMs);
      if (due !== undefined) {
        this.cancelTimer(due.handle);
        due.callback();
        idle = 0;
        continue;
      }
      await Promise.resolve();
      idle++;
    }
  }

  /** Lets so much time pass, timer by timer. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await this.run();
    for (;;) {
      const next = this.#timers
        .filter((timer) => timer.atMs <= endMs)
        .sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      await this.run();
    }
    this.#nowMs = endMs;
    await this.run();
  }
}
