import type { Prng } from "../../../src/base/prng.ts";
import {
  createDeleteRangeRequest,
  createPutRequest,
  createTxnRequest,
  decodeDeleteRangeResponse,
  decodePutResponse,
  decodeTxnResponse,
  encodeCompactionRequestToBytes,
  encodeDeleteRangeRequestToBytes,
  encodePutRequestToBytes,
  encodeTxnRequestToBytes,
} from "../../../src/proto/gen/etcdserverpb.ts";
import { WIRE_ERRORS } from "../../../src/service/errors.ts";
import { Code } from "../../../src/service/rpc.ts";
import type { SimMember } from "../sim-member.ts";
import type { Ledger } from "./ledger.ts";
import type { Request } from "./model.ts";

const KEYS = 40;
/** Beyond one page of the database, now and then. */
const LARGE_VALUE_BYTES = 4200;
const VALUE_BYTES_MAX = 400;

/** Who asks, whom, and where it is written down. */
export interface ClientsOptions {
  readonly member: SimMember;
  readonly ledger: Ledger;
  readonly prng: Prng;
  readonly clients: number;
  /** Default true. */
  readonly compact?: boolean;
  /** Of most values; some are larger than a page. Default VALUE_BYTES_MAX. */
  readonly valueBytesMax?: number;
  /** Clients ask on after a request that timed out; what became of it is open. Default false. */
  readonly patient?: boolean;
  /** Nothing new is asked once this is true. */
  readonly isOver: () => boolean;
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const keyOf = (number: number): string => `k${String(number).padStart(3, "0")}`;

/** Clients that each ask the next thing when the one before is answered. */
export class Clients {
  readonly #options: ClientsOptions;
  #asked = 0;

  constructor(options: ClientsOptions) {
    this.#options = options;
  }

  start(): void {
    for (let client = 0; client < this.#options.clients; client += 1) this.#next();
  }

  #next(): void {
    const { prng, isOver, compact = true } = this.#options;
    if (isOver()) return;
    this.#asked += 1;
    const dice = prng.below(100);
    if (dice < 64) this.#put();
    else if (dice < 80) this.#putTwo();
    else if (dice < 90) this.#delete(1);
    else if (dice < 96 || !compact) this.#delete(3);
    else this.#compact();
  }

  #value(): string {
    const { prng, valueBytesMax = VALUE_BYTES_MAX } = this.#options;
    const bytes = prng.below(30) === 0 ? LARGE_VALUE_BYTES : prng.below(valueBytesMax);
    return `${prng.uint32()}-${this.#asked}-`.padEnd(bytes, "x");
  }

  #put(): void {
    const put = { key: keyOf(this.#options.prng.below(KEYS)), value: this.#value() };
    const asked = { ...createPutRequest(), key: utf8(put.key), value: utf8(put.value) };
    const request: Request = { puts: [put], range: null };
    this.#call(request, "Put", encodePutRequestToBytes(asked), (reply) => {
      return decodePutResponse(reply, 0, reply.length).header!.revision;
    });
  }

  #putTwo(): void {
    const first = this.#options.prng.below(KEYS);
    const puts = [first, first + KEYS].map((at) => ({ key: keyOf(at), value: this.#value() }));
    const success = puts.map(({ key, value }) => ({
      request: {
        case: "requestPut" as const,
        value: { ...createPutRequest(), key: utf8(key), value: utf8(value) },
      },
    }));
    const asked = encodeTxnRequestToBytes({ ...createTxnRequest(), success });
    this.#call({ puts, range: null }, "Txn", asked, (reply) => {
      return decodeTxnResponse(reply, 0, reply.length).header!.revision;
    });
  }

  #delete(keys: number): void {
    const first = this.#options.prng.below(KEYS);
    const range = { start: keyOf(first), end: keyOf(first + keys) };
    const asked = {
      ...createDeleteRangeRequest(),
      key: utf8(range.start),
      rangeEnd: utf8(range.end),
    };
    const bytes = encodeDeleteRangeRequestToBytes(asked);
    this.#call({ puts: [], range }, "DeleteRange", bytes, (reply) => {
      const { header, deleted } = decodeDeleteRangeResponse(reply, 0, reply.length);
      return deleted > 0 ? header!.revision : 0;
    });
  }

  #call(
    request: Request,
    method: string,
    bytes: Uint8Array,
    revisionOf: (reply: Uint8Array) => number,
  ): void {
    const { member, ledger, patient = false } = this.#options;
    ledger.asked(request);
    member.call(method, bytes, (outcome) => {
      if (!outcome.ok) {
        if (patient && outcome.text === WIRE_ERRORS.timeout.message) this.#next();
        return;
      }
      ledger.answered(request, revisionOf(outcome.message));
      this.#next();
    });
  }

  #compact(): void {
    const { member, ledger, prng } = this.#options;
    const revision = Math.max(1, ledger.lastRevision - prng.below(30));
    const bytes = encodeCompactionRequestToBytes({ revision, physical: prng.chance(0.3) });
    ledger.askedCompaction(revision);
    member.call("Compact", bytes, (outcome) => {
      // Refused: another one was further. Any other error leaves it open.
      const isRefused = !outcome.ok && outcome.code === Code.outOfRange;
      if (!outcome.ok && !isRefused) return;
      ledger.answeredCompaction(revision, outcome.ok);
      this.#next();
    });
  }
}
