import { LEASE_GRANT_BYTES } from "../../apply/gate.ts";
import type { Quota } from "../../apply/quota.ts";
import type { RequestError } from "../../apply/errors.ts";
import { ByteWriter } from "../../base/byte-writer.ts";
import { newLeaseId, splitLeaseId } from "../../lease/lease-id.ts";
import { NO_SLOT } from "../../lease/lease-table.ts";
import type { Lessor } from "../../lease/lessor.ts";
import {
  decodeLeaseGrantRequest,
  decodeLeaseLeasesRequest,
  decodeLeaseRevokeRequest,
  decodeLeaseTimeToLiveRequest,
  encodeLeaseGrantRequestToBytes,
  type LeaseTimeToLiveRequest,
} from "../../proto/gen/etcdserverpb.ts";
import type { Consensus } from "../consensus.ts";
import { WIRE_ERRORS } from "../errors.ts";
import type { NoSpaceAlarm } from "../maintenance/no-space-alarm.ts";
import { type Proposer, RequestField } from "../propose/proposer.ts";
import type { RangeContext } from "../range/range-service.ts";
import type { PendingReads } from "../reads.ts";
import type { Token } from "../rpc.ts";
import { LeaseTag, writeIdField, writeNumberField } from "./lease-fields.ts";
import type { LeaseLists } from "./lease-lists.ts";

const MS_PER_S = 1000;
/** The time to live of a lease that does not exist (semantics.md L6). */
const TTL_UNKNOWN = -1;
/** What etcd says while nobody keeps the time: 2^63 ns. */
const TTL_FOREVER_S = 9_223_372_036;

/** What the Lease service works with. */
export interface LeaseServiceOptions extends RangeContext {
  readonly lessor: Lessor;
  readonly consensus: Consensus;
  readonly proposer: Proposer;
  readonly reads: PendingReads;
  readonly quota: Quota;
  readonly noSpace: NoSpaceAlarm;
  readonly lists: LeaseLists;
}

/** The unary methods of the Lease service (semantics.md 9, errors.md 4). */
export class LeaseService {
  readonly #options: LeaseServiceOptions;
  readonly #out = new ByteWriter();
  readonly #id = newLeaseId();

  constructor(options: LeaseServiceOptions) {
    this.#options = options;
  }

  grant(token: Token, bytes: Uint8Array, start: number, end: number): void {
    const request = decodeLeaseGrantRequest(bytes, start, end);
    const { quota, noSpace, proposer } = this.#options;
    if (!quota.hasRoom(LEASE_GRANT_BYTES)) {
      noSpace.raise();
      noSpace.afterRaise(() => this.#fail(token, "noSpace"));
      return;
    }
    if (request.id !== 0n) {
      proposer.propose(RequestField.leaseGrant, bytes, { start, end }, token);
      return;
    }
    const own = encodeLeaseGrantRequestToBytes({ ttl: request.ttl, id: proposer.newLeaseId() });
    proposer.propose(RequestField.leaseGrant, own, { start: 0, end: own.length }, token);
  }

  revoke(token: Token, bytes: Uint8Array, start: number, end: number): void {
    decodeLeaseRevokeRequest(bytes, start, end);
    this.#options.proposer.propose(RequestField.leaseRevoke, bytes, { start, end }, token);
  }

  /** Once all is applied that is committed: the lease may just have been granted. */
  timeToLive(token: Token, bytes: Uint8Array, start: number, end: number): void {
    const request = decodeLeaseTimeToLiveRequest(bytes, start, end);
    const { consensus, reads } = this.#options;
    const run = (): void => this.#timeToLive(token, request);
    if (consensus.readNow()) run();
    else reads.add(run, () => this.#fail(token, "appliedTimeout"), token);
  }

  /** From local state, as it is (semantics.md L7). */
  leases(token: Token, bytes: Uint8Array, start: number, end: number): void {
    decodeLeaseLeasesRequest(bytes, start, end);
    this.#options.lists.leases(token, this.#begin());
  }

  #timeToLive(token: Token, { id, keys }: LeaseTimeToLiveRequest): void {
    const { lessor, lists, sink, clock } = this.#options;
    const slot = lessor.find(id);
    const out = this.#begin();
    splitLeaseId(id, this.#id);
    writeIdField(out, LeaseTag.id, this.#id.high, this.#id.low);
    if (slot === NO_SLOT) {
      writeNumberField(out, LeaseTag.ttl, TTL_UNKNOWN);
      sink().reply(token, out.bytes, 0, out.length);
      return;
    }
    const leftS = (lessor.expiryMsOf(slot) - clock.monotonicMs()) / MS_PER_S;
    writeNumberField(out, LeaseTag.ttl, Math.min(TTL_FOREVER_S, Math.trunc(leftS)));
    writeNumberField(out, LeaseTag.grantedTtl, lessor.ttlOf(slot));
    if (keys) lists.keys(token, out, slot);
    else sink().reply(token, out.bytes, 0, out.length);
  }

  #begin(): ByteWriter {
    const { header, store } = this.#options;
    const out = this.#out;
    out.reset();
    header.write(out, store.currentRevision);
    return out;
  }

  #fail(token: Token, error: RequestError): void {
    const { code, message } = WIRE_ERRORS[error];
    this.#options.sink().finish(token, code, message);
  }
}
