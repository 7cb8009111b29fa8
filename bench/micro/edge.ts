/**
 * What the edge alone costs: a door on a real socket before a service that answers every request
 * with the same bytes. Prints the port; on SIGUSR2 the CPU time and the calls since the last time.
 *
 *   node bench/micro/edge.ts [port] [replyBytes]
 *   h2load -c16 -m8 -n 200000 -d body -H 'content-type: application/grpc' -H te:trailers URL
 */
import { GrpcDoor } from "../../src/edge/grpc/door.ts";
import { defaultGrpcLimits } from "../../src/edge/grpc/limits.ts";
import { ClientPort } from "../../src/edge/client-port.ts";
import { NodeClock } from "../../src/platform/node/clock.ts";
import { NodeGzip } from "../../src/platform/node/gzip.ts";
import { NodeNetwork } from "../../src/platform/node/network.ts";
import type { Logger } from "../../src/platform/logger.ts";
import type { ReplySink, RpcMethod, RpcService } from "../../src/service/rpc.ts";

const METHODS: readonly RpcMethod[] = [
  { service: "etcdserverpb.KV", name: "Range", kind: "unary" },
  { service: "etcdserverpb.KV", name: "Put", kind: "unary" },
];

/** Answers at once with constant bytes. */
class StaticService implements RpcService {
  readonly methods = METHODS;
  calls = 0;
  #sink: ReplySink | null = null;
  readonly #bytes: Uint8Array;

  constructor(replyBytes: number) {
    this.#bytes = new Uint8Array(replyBytes);
  }

  bind(sink: ReplySink): void {
    this.#sink = sink;
  }

  request(_methodId: number, token: number): void {
    this.calls++;
    this.#sink?.reply(token, this.#bytes, 0, this.#bytes.length);
  }

  open(): void {}
  message(): void {}
  halfClose(): void {}
  cancel(): void {}
  writable(): void {}
}

const SILENT: Logger = { enabled: () => false, log: () => {}, with: () => SILENT };

const port = Number(process.argv[2] ?? 0);
const service = new StaticService(Number(process.argv[3] ?? 32));
const clock = new NodeClock();
const door = new GrpcDoor({
  clock,
  service,
  limits: defaultGrpcLimits,
  gzip: new NodeGzip(),
  logger: SILENT,
});
const listener = new ClientPort({
  network: new NodeNetwork(),
  clock,
  http2: (socket) => door.accept(socket),
});
listener.listen({ kind: "tcp", host: "127.0.0.1", port }, (result) => {
  console.log(result instanceof Error ? result.message : JSON.stringify(result));
});
let last = process.cpuUsage();
let lastCalls = 0;
process.on("SIGUSR2", () => {
  const spent = process.cpuUsage(last);
  const calls = service.calls - lastCalls;
  last = process.cpuUsage();
  lastCalls = service.calls;
  const perCall = ((spent.user + spent.system) / Math.max(calls, 1)).toFixed(2);
  console.log(`${calls} calls, user ${spent.user} system ${spent.system} us, ${perCall} us/call`);
});
process.on("SIGTERM", () => process.exit(0));
