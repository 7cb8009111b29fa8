import type { MetricsRegistry } from "../../base/metrics/registry.ts";
import type { MethodKind, RpcMethod } from "../../service/rpc.ts";
import { codeCount, codeNames } from "../../wire/grpc/status.ts";

/**
 * Distinct values of `client-api-version` that get a series of their own; clients name themselves.
 */
const versionsMax = 64;
const unknownVersion = "unknown";
const otherVersion = "other";

const typeNames: Readonly<Record<MethodKind, string>> = {
  unary: "unary",
  clientStream: "client_stream",
  serverStream: "server_stream",
  bidiStream: "bidi_stream",
};

/** Services whose series appear on use only, as in etcd. */
const lazyServices: ReadonlySet<string> = new Set(["v3electionpb.Election", "v3lockpb.Lock"]);

/**
 * What a door counts: plain numbers by method id and code, read when scraped, so that a call costs
 * a few array additions.
 */
export class GrpcCounters {
  readonly started: Float64Array;
  readonly handled: Float64Array;
  readonly messagesReceived: Float64Array;
  readonly messagesSent: Float64Array;
  receivedBytes = 0;
  sentBytes = 0;
  /** Calls by client API version id: unary at 2·id, streams at 2·id + 1. */
  readonly requests = new Float64Array(2 * (versionsMax + 2));
  /** Hostile or hopeless input by kind, for `skein_grpc_dropped_total`. */
  readonly dropped = new Map<string, number>();
  readonly #methods: readonly RpcMethod[];
  readonly #versions: string[] = [unknownVersion, otherVersion];
  readonly #versionIds = new Map<string, number>([
    [unknownVersion, 0],
    [otherVersion, 1],
  ]);

  constructor(methods: readonly RpcMethod[]) {
    this.#methods = methods;
    this.started = new Float64Array(methods.length);
    this.handled = new Float64Array(methods.length * codeCount);
    this.messagesReceived = new Float64Array(methods.length);
    this.messagesSent = new Float64Array(methods.length);
  }

  /** The number of a client API version; beyond the first 64 values all are `other`. */
  versionId(version: string): number {
    const known = this.#versionIds.get(version);
    if (known !== undefined) return known;
    if (this.#versions.length >= versionsMax + 2) return 1;
    const id = this.#versions.push(version) - 1;
    this.#versionIds.set(version, id);
    return id;
  }

  drop(kind: string): void {
    this.dropped.set(kind, (this.dropped.get(kind) ?? 0) + 1);
  }

  /** Registers the families of metrics.md §2 and etcd's byte and request counts. */
  register(registry: MetricsRegistry): void {
    const labels = ["grpc_type", "grpc_service", "grpc_method"];
    const perMethod = (name: string, help: string, counts: Float64Array): void =>
      registry.collected({ name, help, type: "counter", labels }, (emit) => {
        this.#methods.forEach((method, id) => {
          if (this.#shown(id)) emit(counts[id] as number, methodLabels(method));
        });
      });
    perMethod(
      "grpc_server_started_total",
      "Total number of RPCs started on the server.",
      this.started,
    );
    perMethod(
      "grpc_server_msg_received_total",
      "Total number of RPC stream messages received on the server.",
      this.messagesReceived,
    );
    perMethod(
      "grpc_server_msg_sent_total",
      "Total number of gRPC stream messages sent by the server.",
      this.messagesSent,
    );
    this.#registerHandled(registry, labels);
    this.#registerTransport(registry);
  }

  #registerHandled(registry: MetricsRegistry, labels: readonly string[]): void {
    const name = "grpc_server_handled_total";
    const help = "Total number of RPCs completed on the server, regardless of success or failure.";
    const all = [...labels, "grpc_code"];
    registry.collected({ name, help, type: "counter", labels: all }, (emit) => {
      this.#methods.forEach((method, id) => {
        const lazy = lazyServices.has(method.service);
        for (let code = 0; code < codeCount; code++) {
          const count = this.handled[id * codeCount + code] as number;
          if (lazy && count === 0) continue;
          emit(count, [...methodLabels(method), codeNames[code] as string]);
        }
      });
    });
  }

  #registerTransport(registry: MetricsRegistry): void {
    const counter = (name: string, help: string, read: () => number): void =>
      registry.sampled({ name, help, type: "counter" }, read);
    counter(
      "etcd_network_client_grpc_received_bytes_total",
      "The total number of bytes received from grpc clients.",
      () => this.receivedBytes,
    );
    counter(
      "etcd_network_client_grpc_sent_bytes_total",
      "The total number of bytes sent to grpc clients.",
      () => this.sentBytes,
    );
    const requests = {
      name: "etcd_server_client_requests_total",
      help: "The total number of client requests per client version.",
      type: "counter" as const,
      labels: ["type", "client_api_version"],
    };
    registry.collected(requests, (emit) => {
      this.#versions.forEach((version, id) => {
        const unary = this.requests[2 * id] as number;
        const stream = this.requests[2 * id + 1] as number;
        if (unary > 0) emit(unary, ["unary", version]);
        if (stream > 0) emit(stream, ["stream", version]);
      });
    });
    const dropped = {
      name: "skein_grpc_dropped_total",
      help: "Connections and calls dropped because the client broke a rule or a limit was reached.",
      type: "counter" as const,
      labels: ["reason"],
    };
    registry.collected(dropped, (emit) => {
      for (const [reason, count] of this.dropped) emit(count, [reason]);
    });
  }

  #shown(id: number): boolean {
    const method = this.#methods[id] as RpcMethod;
    return !lazyServices.has(method.service) || (this.started[id] as number) > 0;
  }
}

function methodLabels(method: RpcMethod): string[] {
  return [typeNames[method.kind], method.service, method.name];
}
