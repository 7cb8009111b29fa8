import { MetricsRegistry } from "../../base/metrics/registry.ts";
import { NodeGzip } from "../../platform/node/gzip.ts";
import type { Logger } from "../../platform/logger.ts";
import { VirtualClock } from "../../sim/world/clock.ts";
import { ClientPort } from "../client-port.ts";
import type { PlainHandler } from "../grpc/core.ts";
import { GrpcDoor } from "../grpc/door.ts";
import { type GrpcLimits, grpcLimits } from "../grpc/limits.ts";
import { RawClient } from "./raw-client.ts";
import { StubService } from "./stub-service.ts";
import type { ByteSocket } from "../../platform/network.ts";

/** A logger that keeps nothing. */
export const silentLogger: Logger = {
  enabled: () => false,
  log: () => {},
  with: () => silentLogger,
};

/** A door in memory on virtual time. */
export class DoorRig {
  readonly clock = new VirtualClock();
  readonly service = new StubService();
  readonly door: GrpcDoor;
  #accept: (socket: ByteSocket) => void = () => {};

  constructor(limits: Partial<GrpcLimits> = {}, plain?: PlainHandler) {
    const { clock, service } = this;
    this.door = new GrpcDoor({
      clock,
      service,
      gzip: new NodeGzip(),
      logger: silentLogger,
      limits: grpcLimits(limits),
      ...(plain === undefined ? {} : { plain }),
    });
    const port = new ClientPort({
      clock,
      network: {
        listen: (address, accept, ready) => {
          this.#accept = accept;
          ready({ address, close: () => {} });
        },
        connect: () => {},
      },
      http2: (socket) => this.door.accept(socket),
    });
    port.listen({ kind: "unix", path: "memory" }, () => {});
  }

  /** A client whose connection is accepted, before its first byte. */
  connect(): RawClient {
    const client = new RawClient(this.clock);
    this.#accept(client.server);
    return client;
  }

  /** A client after the exchange of SETTINGS. */
  client(...pairs: readonly (readonly [number, number])[]): RawClient {
    const client = this.connect();
    client.hello(...pairs);
    this.settle();
    return client;
  }

  /** The metrics of the door as text. */
  metrics(): string {
    const registry = new MetricsRegistry();
    this.door.counters.register(registry);
    return registry.expose();
  }

  /** Runs what is due now. */
  settle(): void {
    this.clock.runFor(0);
  }

  /** Runs for so long. */
  run(ms: number): void {
    this.clock.runFor(ms);
  }
}
