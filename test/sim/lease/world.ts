import assert from "node:assert/strict";
import type { MemberConfig } from "../../../src/member/config.ts";
import {
  createDeleteRangeRequest,
  createPutRequest,
  createRangeRequest,
  decodeLeaseKeepAliveResponse,
  decodeLeaseLeasesResponse,
  decodeLeaseTimeToLiveResponse,
  decodeRangeResponse,
  encodeDeleteRangeRequestToBytes,
  encodeLeaseGrantRequestToBytes,
  encodeLeaseKeepAliveRequestToBytes,
  encodeLeaseRevokeRequestToBytes,
  encodeLeaseTimeToLiveRequestToBytes,
  encodePutRequestToBytes,
  encodeRangeRequestToBytes,
  type LeaseTimeToLiveResponse,
  type RangeResponse,
} from "../../../src/proto/gen/etcdserverpb.ts";
import { VirtualClock } from "../../../src/sim/world/clock.ts";
import { VirtualDisk } from "../../../src/sim/world/disk.ts";
import { type Outcome, SimMember } from "../sim-member.ts";

const LIMIT_MS = 60_000;
const ALL = Uint8Array.of(0);

/** Bytes of a text. */
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** One member in virtual time, and a client that asks it one thing after the other. */
export class LeaseWorld {
  readonly clock = new VirtualClock();
  readonly #seed: number;
  readonly #options: { readonly lookMs?: number; readonly config?: Partial<MemberConfig> };
  #disk: VirtualDisk;
  member: SimMember;

  constructor(
    seed: number,
    options: { readonly lookMs?: number; readonly config?: Partial<MemberConfig> } = {},
  ) {
    this.#seed = seed;
    this.#options = options;
    const latencyMs = { min: 0, max: 2 };
    this.#disk = new VirtualDisk({ clock: this.clock, seed, latencyMs });
    this.member = this.#start();
  }

  get nowMs(): number {
    return this.clock.monotonicMs();
  }

  /** The process dies, and another begins on what is left of its disk. */
  restart(mode: "kill" | "power"): void {
    this.die(mode);
    this.start();
  }

  die(mode: "kill" | "power"): void {
    this.member.die();
    this.#disk = this.#disk.crash(mode);
  }

  start(): void {
    this.member = this.#start();
  }

  call(method: string, request: Uint8Array): Outcome {
    let outcome: Outcome | null = null;
    this.member.call(method, request, (result) => {
      outcome = result;
    });
    assert.ok(
      this.clock.runUntil(() => outcome !== null, LIMIT_MS),
      `${method} is not answered`,
    );
    return outcome!;
  }

  grant(id: bigint, ttl: number): Outcome {
    return this.call("Lease/LeaseGrant", encodeLeaseGrantRequestToBytes({ id, ttl }));
  }

  revoke(id: bigint): Outcome {
    return this.call("Lease/LeaseRevoke", encodeLeaseRevokeRequestToBytes({ id }));
  }

  timeToLive(id: bigint): LeaseTimeToLiveResponse {
    const request = encodeLeaseTimeToLiveRequestToBytes({ id, keys: true });
    const message = messageOf(this.call("Lease/LeaseTimeToLive", request));
    return decodeLeaseTimeToLiveResponse(message, 0, message.length);
  }

  /** Ids in the order of the answer. */
  leases(): bigint[] {
    const message = messageOf(this.call("Lease/LeaseLeases", new Uint8Array(0)));
    return decodeLeaseLeasesResponse(message, 0, message.length).leases.map(({ id }) => id);
  }

  put(key: string, lease = 0n): Outcome {
    const request = { ...createPutRequest(), key: utf8(key), value: utf8("v"), lease };
    return this.call("Put", encodePutRequestToBytes(request));
  }

  delete(key: string): Outcome {
    const request = { ...createDeleteRangeRequest(), key: utf8(key) };
    return this.call("DeleteRange", encodeDeleteRangeRequestToBytes(request));
  }

  everything(): RangeResponse {
    const request = { ...createRangeRequest(), key: ALL, rangeEnd: ALL };
    const message = messageOf(this.call("Range", encodeRangeRequestToBytes(request)));
    return decodeRangeResponse(message, 0, message.length);
  }

  /** Keys that are there, with their leases. */
  keys(): Map<string, bigint> {
    const { kvs } = this.everything();
    return new Map(kvs.map(({ key, lease }) => [new TextDecoder().decode(key), lease]));
  }

  /** What a keep-alive of this lease answers as its time to live. */
  keepAlive(id: bigint): number {
    let ttl: number | null = null;
    const token = this.member.open("Lease/LeaseKeepAlive", (message) => {
      ttl = decodeLeaseKeepAliveResponse(message, 0, message.length).ttl;
    });
    this.member.send(token, encodeLeaseKeepAliveRequestToBytes({ id }));
    assert.ok(
      this.clock.runUntil(() => ttl !== null, LIMIT_MS),
      "keep-alive is not answered",
    );
    this.member.cancel(token);
    return ttl!;
  }

  #start(): SimMember {
    const { clock } = this;
    const member = new SimMember({ clock, disk: this.#disk, seed: this.#seed, ...this.#options });
    assert.ok(clock.runUntil(() => member.core.isReady, LIMIT_MS));
    return member;
  }
}

function messageOf(outcome: Outcome): Uint8Array {
  assert.ok(outcome.ok, "refused");
  return outcome.message;
}
