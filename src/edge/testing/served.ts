import { NodeClock } from "../../platform/node/clock.ts";
import { NodeGzip } from "../../platform/node/gzip.ts";
import { NodeHttpServer } from "../../platform/node/http-server.ts";
import { NodeNetwork } from "../../platform/node/network.ts";
import { MetricsRegistry } from "../../base/metrics/registry.ts";
import type { Address } from "../../platform/network.ts";
import type { RpcService } from "../../service/rpc.ts";
import { ClientPort } from "../client-port.ts";
import { GrpcDoor } from "../grpc/door.ts";
import { type GrpcLimits, grpcLimits } from "../grpc/limits.ts";
import { plainOverHttp2 } from "../http/over-http2.ts";
import { HttpRoutes } from "../http/routes.ts";
import { silentLogger } from "./rig.ts";
import { StubService } from "./stub-service.ts";

/** A door and the HTTP endpoints on a real port of the loopback, before a stub of the service. */
export interface Served {
  readonly address: Address;
  readonly port: number;
  readonly door: GrpcDoor;
  /** Closes everything; resolves when Node may exit. */
  close(): void;
}

const anyPort: Address = { kind: "tcp", host: "127.0.0.1", port: 0 };

/** Serves a stub until `close`. */
export async function serve(
  limits: Partial<GrpcLimits> = {},
  address: Address = anyPort,
): Promise<Served & { readonly service: StubService }> {
  const service = new StubService();
  return { ...(await serveWith(service, limits, address)), service };
}

/** Serves any service until `close`. */
export function serveWith(
  service: RpcService,
  limits: Partial<GrpcLimits> = {},
  address: Address = anyPort,
): Promise<Served> {
  const clock = new NodeClock();
  const metrics = new MetricsRegistry();
  const gzip = new NodeGzip();
  const routes = new HttpRoutes({
    source: {
      alarms: () => [],
      hasLeader: () => true,
      isLearner: () => false,
      read: (_kind, done) => clock.defer(() => done(null)),
    },
    versions: () => ({ server: "3.7.1", cluster: "3.7.0", storage: "3.7.0" }),
    metrics,
    exposeMetrics: () => metrics.expose(),
    gzip: (text) => {
      const bytes = Buffer.from(text);
      return gzip.pack(bytes, 0, bytes.length);
    },
  });
  const door = new GrpcDoor({
    clock,
    service,
    gzip,
    logger: silentLogger,
    limits: grpcLimits(limits),
    plain: plainOverHttp2((request, respond) => routes.handle(request, respond)),
  });
  door.counters.register(metrics);
  const http = new NodeHttpServer((request, respond) => routes.handle(request, respond), clock);
  const port = new ClientPort({
    clock,
    network: new NodeNetwork(),
    http2: (socket) => door.accept(socket),
    http1: (socket) => http.accept(socket),
  });
  return new Promise((resolve, reject) => {
    port.listen(address, (result) => {
      if (result instanceof Error) return reject(result);
      resolve({
        address: result,
        port: result.kind === "tcp" ? result.port : 0,
        door,
        close: () => {
          port.close();
          door.close();
          http.close();
          clock.close();
        },
      });
    });
  });
}
