import type { ByteSource, ReplySink, RpcMethod, RpcService, Token } from "../../service/rpc.ts";

/** One method of each kind. */
export const stubMethods: readonly RpcMethod[] = [
  { service: "etcdserverpb.KV", name: "Range", kind: "unary" },
  { service: "etcdserverpb.KV", name: "RangeStream", kind: "serverStream" },
  { service: "test.Collector", name: "Collect", kind: "clientStream" },
  { service: "etcdserverpb.Watch", name: "Watch", kind: "bidiStream" },
  { service: "v3lockpb.Lock", name: "Lock", kind: "unary" },
];

/** Paths of `stubMethods`. */
export const paths = {
  range: "/etcdserverpb.KV/Range",
  rangeStream: "/etcdserverpb.KV/RangeStream",
  collect: "/test.Collector/Collect",
  watch: "/etcdserverpb.Watch/Watch",
} as const;

/** Takes note of every call; a test answers through `sink`, or sets `onRequest` and the like. */
export class StubService implements RpcService {
  readonly methods = stubMethods;
  readonly events: string[] = [];
  readonly tokens: Token[] = [];
  sink!: ReplySink;
  onRequest: (methodId: number, token: Token, message: string) => void = () => {};
  onMessage: (token: Token, message: string) => void = () => {};
  onWritable: (token: Token) => void = () => {};

  bind(sink: ReplySink): void {
    this.sink = sink;
  }

  request(methodId: number, token: Token, bytes: Uint8Array, start: number, end: number): void {
    const message = Buffer.from(bytes.subarray(start, end)).toString("latin1");
    this.#note("request", token, message.length > 40 ? `${message.length} bytes` : message);
    this.onRequest(methodId, token, message);
  }

  open(methodId: number, token: Token): void {
    this.#note("open", token, String(methodId));
  }

  message(token: Token, bytes: Uint8Array, start: number, end: number): void {
    const message = Buffer.from(bytes.subarray(start, end)).toString("latin1");
    this.#note("message", token, message.length > 40 ? `${message.length} bytes` : message);
    this.onMessage(token, message);
  }

  halfClose(token: Token): void {
    this.#note("halfClose", token, "");
  }

  cancel(token: Token): void {
    this.#note("cancel", token, "");
  }

  writable(token: Token): void {
    this.#note("writable", token, "");
    this.onWritable(token);
  }

  /** Replies with text. */
  reply(token: Token, text: string): void {
    const bytes = Buffer.from(text, "latin1");
    this.sink.reply(token, bytes, 0, bytes.length);
  }

  /** Sends text on a stream. */
  send(token: Token, text: string): boolean {
    const bytes = Buffer.from(text, "latin1");
    return this.sink.send(token, bytes, 0, bytes.length);
  }

  /** Tokens are numbered in the order in which they were first seen. */
  #note(what: string, token: Token, detail: string): void {
    let number = this.tokens.indexOf(token);
    if (number < 0) number = this.tokens.push(token) - 1;
    this.events.push(`${what} ${number} ${detail}`.trimEnd());
  }
}

/** A source of `totalBytes` times the same letter that notes how it is treated. */
export class LetterSource implements ByteSource {
  pulledBytes = 0;
  pulls = 0;
  releases = 0;
  /** Fails when so much was pulled. */
  failAtBytes = Infinity;
  failure = { code: 14 as const, message: "etcdserver: leader changed" };
  readonly #totalBytes: number;

  constructor(totalBytes: number) {
    this.#totalBytes = totalBytes;
  }

  read(into: Uint8Array, at: number, maxBytes: number): number {
    this.pulls++;
    if (this.pulledBytes >= this.failAtBytes) return -1;
    const count = Math.min(maxBytes, this.#totalBytes - this.pulledBytes);
    into.fill(0x61, at, at + count);
    this.pulledBytes += count;
    return count;
  }

  release(): void {
    this.releases++;
  }
}
