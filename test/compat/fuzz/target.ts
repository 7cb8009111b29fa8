/**
 * The server under fire, in a process of its own: the doors of a member before a service that
 * answers in every way a service can. Talks to the suite over the channel of `fork`.
 */
import type { RpcMethod, RpcService, ReplySink, Token } from "../../../src/service/rpc.ts";
import { LetterSource } from "../../../src/edge/testing/stub-service.ts";
import { serveWith } from "../../../src/edge/testing/served.ts";
import { Inbound } from "../../../src/wire/h2/inbound.ts";

/** What the target tells of itself. */
export interface TargetReport {
  readonly heapBytes: number;
  readonly rssBytes: number;
  readonly connections: number;
  readonly calls: number;
  readonly memoryUsedBytes: number;
  readonly headerBytes: number;
  /** Calls that the service believes alive. */
  readonly serviceCalls: number;
  readonly sources: number;
  readonly handled: number;
  readonly dropped: Readonly<Record<string, number>>;
  /** Frames that the engine was given whole, by type. */
  readonly framesReached: readonly number[];
  /** Those after which the connection went on. */
  readonly framesTaken: readonly number[];
}

const METHODS: readonly RpcMethod[] = [
  ...["Range", "Put", "DeleteRange", "Txn", "Compact"].map((name) => ({
    service: "etcdserverpb.KV",
    name,
    kind: "unary" as const,
  })),
  { service: "etcdserverpb.KV", name: "RangeStream", kind: "serverStream" },
  { service: "etcdserverpb.Watch", name: "Watch", kind: "bidiStream" },
  { service: "etcdserverpb.Lease", name: "LeaseKeepAlive", kind: "bidiStream" },
  { service: "etcdserverpb.Maintenance", name: "Status", kind: "unary" },
  { service: "test.Collector", name: "Collect", kind: "clientStream" },
];

/** Replies by what the request's bytes add up to: at once, later, large, failing, never. */
class VariedService implements RpcService {
  readonly methods = METHODS;
  /** Calls that were begun and neither answered nor cancelled, with their method. */
  readonly live = new Map<Token, number>();
  readonly sources = new Set<LetterSource>();
  #sink!: ReplySink;
  readonly #bytes = new Uint8Array(70_000).fill(120);

  bind(sink: ReplySink): void {
    this.#sink = sink;
  }

  request(methodId: number, token: Token, bytes: Uint8Array, start: number, end: number): void {
    this.live.set(token, methodId);
    let sum = methodId;
    for (let i = start; i < end; i++) sum = (sum * 31 + bytes[i]!) & 0xffff;
    if (METHODS[methodId]?.kind === "serverStream") return this.#stream(token, sum);
    switch (sum % 8) {
      case 0:
        return void setTimeout(() => this.#reply(token, sum), sum % 20);
      case 1:
        return this.#end(token, sum % 17 || 2);
      case 2:
        // The call ends by itself when the source does.
        this.live.delete(token);
        return this.#sink.replyFrom(token, sum * 16, this.#source(sum * 16));
      case 3:
        return sum % 3 === 0 ? undefined : this.#reply(token, 70_000);
      default:
        return this.#reply(token, sum % 2000);
    }
  }

  open(methodId: number, token: Token): void {
    this.live.set(token, methodId);
  }

  message(token: Token, bytes: Uint8Array, start: number, end: number): void {
    const methodId = this.live.get(token);
    if (methodId === undefined) throw new Error("a message for a call that has ended");
    if (METHODS[methodId]?.kind === "clientStream") return;
    const sum = end > start ? bytes[start]! + end - start : 0;
    if (sum % 11 === 10) this.#end(token, 14);
    else this.#sink.send(token, this.#bytes, 0, (sum * 37) % 9000);
  }

  halfClose(token: Token): void {
    const methodId = this.live.get(token);
    if (methodId === undefined) throw new Error("half-close of a call that has ended");
    if (METHODS[methodId]?.kind === "clientStream") this.#reply(token, 10);
    else this.#end(token, 0);
  }

  cancel(token: Token): void {
    this.live.delete(token);
  }

  writable(token: Token): void {
    if (METHODS[this.live.get(token) ?? -1]?.kind === "serverStream") this.#end(token, 0);
  }

  #reply(token: Token, size: number): void {
    if (this.live.delete(token)) this.#sink.reply(token, this.#bytes, 0, size);
  }

  #end(token: Token, code: number): void {
    if (this.live.delete(token)) this.#sink.finish(token, code as 0, "as it is, 100 %: ä");
  }

  #stream(token: Token, sum: number): void {
    for (let i = sum % 5; i > 0; i--) this.#sink.send(token, this.#bytes, 0, (sum * i) % 30_000);
    if (sum % 2 === 0) return this.#end(token, 0);
    const size = sum * 4 + 1;
    this.#sink.sendFrom(token, size, this.#source(size));
  }

  #source(size: number): LetterSource {
    const source = new LetterSource(size);
    if (size % 7 === 0) source.failAtBytes = size >>> 1;
    this.sources.add(source);
    source.release = () => {
      if (!this.sources.delete(source)) throw new Error("a source was released twice");
    };
    return source;
  }
}

const framesReached: number[] = new Array<number>(256).fill(0);
const framesTaken: number[] = new Array<number>(256).fill(0);
const { frame: take } = Inbound.prototype;
Inbound.prototype.frame = function (frame): boolean {
  // The engine uses the object again: its type is read first.
  const { type } = frame;
  framesReached[type]!++;
  const goesOn = take.call(this, frame);
  if (goesOn) framesTaken[type]!++;
  return goesOn;
};

const service = new VariedService();
const served = await serveWith(service);
const { door } = served;

function report(): TargetReport {
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return {
    // Array buffers are part of `external`.
    heapBytes: heapUsed + external,
    rssBytes: rss,
    connections: door.connections,
    calls: door.calls,
    memoryUsedBytes: door.memoryUsedBytes,
    headerBytes: door.core.headerBudget.takenBytes,
    serviceCalls: service.live.size,
    sources: service.sources.size,
    handled: door.counters.handled.reduce((sum, count) => sum + count, 0),
    dropped: Object.fromEntries(door.counters.dropped),
    framesReached,
    framesTaken,
  };
}

process.on("message", () => {
  // What a first collection leaves to finalizers is gone after a second, a turn later.
  globalThis.gc?.();
  setImmediate(() => process.send?.(report()));
});
process.send?.(served.port);
