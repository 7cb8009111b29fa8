import { Prng } from "../../base/prng.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Address, ByteSocket, Listener, Network } from "../../platform/network.ts";
import { VirtualSocket } from "./stream.ts";
import type { Link } from "./stream.ts";
import type { Trace } from "./trace.ts";

/** How long a connection attempt to a host that does not answer lasts. */
const CONNECT_TIMEOUT_MS = 5000;

/** Ports given when 0 is asked for begin here. */
const FIRST_FREE_PORT = 49_152;

/** Host names that mean the caller's own host. */
const LOCAL: ReadonlySet<string> = new Set(["", "localhost", "127.0.0.1", "0.0.0.0", "::", "::1"]);

/** What is between the hosts at the start. */
export interface VirtualSwitchOptions {
  readonly clock: Clock;
  readonly seed: number;
  /** Time of one packet between two hosts, uniform over both ends. Default 0.1 to 0.5. */
  readonly latencyMs?: { readonly min: number; readonly max: number };
  readonly trace?: Trace;
}

interface Listening {
  readonly host: string;
  readonly accept: (socket: ByteSocket) => void;
}

/** All hosts of a simulated world and what is between them. */
export class VirtualSwitch implements Link {
  readonly clock: Clock;
  readonly prng: Prng;
  latencyMs: { readonly min: number; readonly max: number };
  readonly #trace: Trace | undefined;
  readonly #listeners = new Map<string, Listening>();
  readonly #sockets = new Set<VirtualSocket>();
  readonly #blocked = new Set<string>();
  #nextPort = FIRST_FREE_PORT;

  constructor(options: VirtualSwitchOptions) {
    this.clock = options.clock;
    this.prng = new Prng(options.seed);
    this.latencyMs = options.latencyMs ?? { min: 0.1, max: 0.5 };
    this.#trace = options.trace;
  }

  /** The network as a process on `name` sees it; a new one after each crash. */
  host(name: string): VirtualNetwork {
    return new VirtualNetwork(this, name);
  }

  delayMs(): number {
    const { min, max } = this.latencyMs;
    return min + this.prng.float() * (max - min);
  }

  blocked(from: string, to: string): boolean {
    return this.#blocked.has(`${from}>${to}`);
  }

  /** Nothing gets from `from` to `to` any more (the other way still works). What is sent waits. */
  block(from: string, to: string): void {
    this.#note(`block ${from} ${to}`);
    this.#blocked.add(`${from}>${to}`);
  }

  /** Cuts all ways between the hosts of different groups. */
  partition(...groups: readonly (readonly string[])[]): void {
    for (const group of groups) {
      const others = groups.filter((other) => other !== group).flat();
      for (const from of group) for (const to of others) this.block(from, to);
    }
  }

  /** All ways are open again, and what waited goes on. */
  heal(): void {
    this.#note("heal");
    this.#blocked.clear();
    for (const socket of this.#open()) socket.pump();
  }

  /** Breaks every stream between two hosts, as a middlebox does. */
  reset(a: string, b: string): void {
    this.#note(`reset ${a} ${b}`);
    for (const socket of this.#open()) {
      const ends = [socket.host, socket.peerHost];
      if (ends.includes(a) && ends.includes(b)) socket.close("ECONNRESET");
    }
  }

  /** The host's process is gone: its ends fall silent, the others are reset. */
  crash(name: string): void {
    this.#note(`crash ${name}`);
    for (const [key, { host }] of this.#listeners) if (host === name) this.#listeners.delete(key);
    for (const socket of this.#open()) {
      if (socket.host === name) socket.close("silent");
      else if (socket.peerHost === name) socket.close("ECONNRESET");
    }
  }

  /** For VirtualNetwork. */
  listen(host: string, address: Address, accept: (socket: ByteSocket) => void): Listener | Error {
    const bound =
      address.kind === "tcp" && address.port === 0
        ? { ...address, port: this.#nextPort++ }
        : address;
    const key = keyOf(host, bound);
    if (this.#listeners.has(key)) return new Error(`EADDRINUSE ${key}`);
    const listening: Listening = { host, accept };
    this.#listeners.set(key, listening);
    const close = (): void => {
      if (this.#listeners.get(key) === listening) this.#listeners.delete(key);
    };
    return { address: bound, close };
  }

  /** For VirtualNetwork. */
  connect(
    from: string,
    address: Address,
    done: { connected: (socket: ByteSocket) => void; failed: (error: Error) => void },
  ): void {
    const to = hostOf(from, address);
    const key = keyOf(to, address);
    this.#note(`connect ${from} ${key}`);
    if (this.blocked(from, to) || this.blocked(to, from)) {
      const fail = (): void => done.failed(new Error(`ETIMEDOUT ${key}`));
      this.clock.startTimer(CONNECT_TIMEOUT_MS, fail);
      return;
    }
    this.clock.startTimer(this.delayMs(), () => {
      const listening = this.#listeners.get(key);
      const backMs = this.delayMs();
      if (listening === undefined) {
        this.clock.startTimer(backMs, () => done.failed(new Error(`ECONNREFUSED ${key}`)));
        return;
      }
      const client = new VirtualSocket(this, from, key);
      const server = new VirtualSocket(this, to, from);
      VirtualSocket.join(client, server);
      this.#sockets.add(client).add(server);
      listening.accept(server);
      this.clock.startTimer(backMs, () => {
        if (client.closed) done.failed(new Error(`ECONNRESET ${key}`));
        else done.connected(client);
      });
    });
  }

  #open(): VirtualSocket[] {
    for (const socket of this.#sockets) if (socket.closed) this.#sockets.delete(socket);
    return [...this.#sockets];
  }

  #note(line: string): void {
    this.#trace?.add(`net ${line}`);
  }
}

/** One process's network. After `VirtualSwitch.crash` of its host it must not be used. */
export class VirtualNetwork implements Network {
  readonly #switch: VirtualSwitch;
  readonly #host: string;

  constructor(hub: VirtualSwitch, host: string) {
    this.#switch = hub;
    this.#host = host;
  }

  listen(
    address: Address,
    accept: (socket: ByteSocket) => void,
    ready: (result: Listener | Error) => void,
  ): void {
    const result = this.#switch.listen(this.#host, address, accept);
    this.#switch.clock.startTimer(0, () => ready(result));
  }

  connect(
    address: Address,
    connected: (socket: ByteSocket) => void,
    failed: (error: Error) => void,
  ): void {
    this.#switch.connect(this.#host, address, { connected, failed });
  }
}

function hostOf(own: string, address: Address): string {
  return address.kind === "unix" || LOCAL.has(address.host) ? own : address.host;
}

function keyOf(host: string, address: Address): string {
  return address.kind === "unix" ? `${host}!${address.path}` : `${host}:${address.port}`;
}
