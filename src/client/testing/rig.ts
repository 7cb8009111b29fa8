import { Client, EtcdError } from "../index.ts";
import type { ClientOptions } from "../index.ts";
import { FakeCluster } from "./fake-cluster.ts";
import type { SeenCall } from "./fake-cluster.ts";

/** A client and the cluster it talks to. */
export interface Rig {
  readonly cluster: FakeCluster;
  readonly client: Client;
}

/** A connected client of so many members. */
export async function rig(servers = 1, options: Partial<ClientOptions> = {}): Promise<Rig> {
  const cluster = new FakeCluster(servers);
  const client = new Client({ endpoints: cluster.endpoints, platform: cluster, ...options });
  await cluster.run();
  return { cluster, client };
}

/** What became of a promise, as a text; undefined while it is open. */
export function outcome(promise: Promise<unknown>): { state: string | undefined } {
  const result: { state: string | undefined } = { state: undefined };
  promise.then(
    () => (result.state = "done"),
    (error: unknown) => {
      result.state = error instanceof EtcdError ? `${error.code}: ${error.message}` : String(error);
    },
  );
  return result;
}

/** Behaviours of members. */
export const unavailable = (call: SeenCall): void =>
  call.connection.fail(call.streamId, 14, "etcdserver: no leader");
export const answer = (call: SeenCall): void =>
  call.connection.reply(call.streamId, new Uint8Array(0));
export const silent = (): void => {};
