import { alarmName, AlarmType } from "../cluster/alarms.ts";
import { ClientPort } from "../edge/client-port.ts";
import type { PlainHandler } from "../edge/grpc/core.ts";
import { GrpcDoor } from "../edge/grpc/door.ts";
import { grpcLimits } from "../edge/grpc/limits.ts";
import type { HealthSource, ReadKind } from "../edge/http/health-source.ts";
import { Health } from "../edge/http/health.ts";
import { plainOverHttp2 } from "../edge/http/over-http2.ts";
import { HttpRoutes } from "../edge/http/routes.ts";
import type { Address } from "../platform/network.ts";
import type { HttpHandler } from "../platform/http.ts";
import type { Platform } from "../platform/platform.ts";
import { SharedTurns } from "../platform/shared-turns.ts";
import { NodeGzip } from "../platform/node/gzip.ts";
import { NodeHttpServer } from "../platform/node/http-server.ts";
import { WIRE_ERRORS } from "../service/errors.ts";
import {
  EMULATED_STORAGE_VERSION,
  EMULATED_VERSION,
} from "../service/maintenance/maintenance-service.ts";
import type { MemberConfig, MemberUrl } from "./config.ts";
import type { Core } from "./core.ts";
import { listenError } from "./start-error.ts";

/** etcd's way to say "no limit" of streams on a connection. */
const STREAMS_UNLIMITED = 4_294_967_295;

/** The doors of a member: everything behind its client and metrics ports. */
export class Doors {
  readonly #config: MemberConfig;
  readonly #platform: Platform;
  readonly #grpc: GrpcDoor;
  readonly #http: NodeHttpServer;
  readonly #metricsHttp: NodeHttpServer;
  readonly #ports: ClientPort[] = [];

  /** Opens nothing yet; `listen` does. */
  constructor(config: MemberConfig, platform: Platform, core: Core) {
    this.#config = config;
    this.#platform = platform;
    const health = new Health(healthSource(core), platform.metrics);
    const main = httpRoutes(config, platform, core, { health, metricsOnly: false });
    const metrics = httpRoutes(config, platform, core, { health, metricsOnly: true });
    // All metrics as text take milliseconds, and a hundred connections may ask at once.
    const turns = new SharedTurns(platform.clock);
    const mainInTurn: HttpHandler = (request, respond) =>
      turns.add(() => main.handle(request, respond));
    this.#grpc = openGrpc(config, platform, core, plainOverHttp2(mainInTurn));
    this.#grpc.counters.register(platform.metrics);
    this.#http = new NodeHttpServer(mainInTurn, platform.clock);
    this.#metricsHttp = new NodeHttpServer(
      (request, respond) => turns.add(() => metrics.handle(request, respond)),
      platform.clock,
    );
  }

  /** Listens on everything configured; resolves with the client URLs that were really taken. */
  async listen(): Promise<string[]> {
    const { listenClientUrls, listenClientHttpUrls, listenMetricsUrls } = this.#config;
    const grpc = this.#grpc.accept.bind(this.#grpc);
    const http = this.#http.accept.bind(this.#http);
    const metrics = this.#metricsHttp.accept.bind(this.#metricsHttp);
    const isSplit = listenClientHttpUrls.length > 0;
    const taken: string[] = [];
    for (const url of listenClientUrls) {
      taken.push(await this.#open(url, isSplit ? { http2: grpc } : { http2: grpc, http1: http }));
    }
    for (const url of listenClientHttpUrls) {
      await this.#open(url, { http2: () => null, http1: http });
    }
    for (const url of listenMetricsUrls) {
      await this.#open(url, { http2: () => null, http1: metrics });
    }
    return taken;
  }

  /** Takes no new connections and calls; `drained` when the last one has ended. */
  shutdown(drained: () => void): void {
    for (const port of this.#ports) port.close();
    this.#http.close();
    this.#metricsHttp.close();
    this.#grpc.shutdown(drained);
  }

  /** Cuts every connection. */
  close(): void {
    this.#grpc.close();
  }

  #open(
    url: MemberUrl,
    takeovers: Pick<ConstructorParameters<typeof ClientPort>[0], "http1" | "http2">,
  ): Promise<string> {
    const { network, clock } = this.#platform;
    const port = new ClientPort({ network, clock, ...takeovers });
    this.#ports.push(port);
    return new Promise((resolve, reject) => {
      port.listen(url.address, (result) => {
        if (result instanceof Error) reject(listenError(url.text, result));
        else resolve(takenUrl(url, result));
      });
    });
  }
}

/** The URL as configured, unless the port was left to the system. */
function takenUrl(url: MemberUrl, address: Address): string {
  if (address.kind === "unix" || url.address.kind === "unix" || url.address.port !== 0) {
    return url.text;
  }
  return `http://${address.host}:${address.port}`;
}

function openGrpc(
  config: MemberConfig,
  platform: Platform,
  core: Core,
  plain: PlainHandler,
): GrpcDoor {
  const { clock, logger } = platform;
  const streams = config.maxConcurrentStreams;
  return new GrpcDoor({
    clock,
    logger,
    plain,
    service: core.service.router,
    gzip: new NodeGzip(),
    limits: grpcLimits({
      maxRequestBytes: config.maxRequestBytes,
      maxConcurrentStreams: streams === STREAMS_UNLIMITED ? undefined : streams,
      pingMinIntervalMs: config.grpcKeepaliveMinTimeMs,
      pingAfterMs: config.grpcKeepaliveIntervalMs,
      pingTimeoutMs: config.grpcKeepaliveTimeoutMs,
    }),
  });
}

function httpRoutes(
  config: MemberConfig,
  platform: Platform,
  core: Core,
  kind: { readonly health: Health; readonly metricsOnly: boolean },
): HttpRoutes {
  const gzip = new NodeGzip();
  return new HttpRoutes({
    source: healthSource(core),
    versions: () => ({
      server: EMULATED_VERSION,
      cluster: core.membership.clusterVersion ?? "not_decided",
      storage: EMULATED_STORAGE_VERSION,
    }),
    metrics: platform.metrics,
    exposeMetrics: () => platform.metrics.expose(),
    gzip: (text) => {
      const bytes = new TextEncoder().encode(text);
      return gzip.pack(bytes, 0, bytes.length);
    },
    corsOrigins: config.cors,
    hostWhitelist: config.hostWhitelist,
    ...kind,
  });
}

function healthSource(core: Core): HealthSource {
  return {
    alarms: () => core.alarms.list(AlarmType.none).map(({ type }) => alarmName(type)),
    hasLeader: () => core.group.node.leader !== 0n,
    isLearner: () => false,
    read: (kind: ReadKind, done) => {
      if (kind === "serializable" || core.group.readNow()) {
        done(null);
        return;
      }
      core.service.reads.add(
        () => done(null),
        () => done(WIRE_ERRORS.timeout.message),
      );
    },
  };
}
