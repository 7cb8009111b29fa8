import { SlicedSort } from "../../apply/range/sliced-sort.ts";
import { ByteWriter } from "../../base/byte-writer.ts";
import { ChunkWriter } from "../../base/chunk-writer.ts";
import { newSpan } from "../../base/span.ts";
import { newLeaseId } from "../../lease/lease-id.ts";
import type { Lessor } from "../../lease/lessor.ts";
import { chunksOf } from "../../apply/txn/result.ts";
import type { LargeReplies } from "../kv/large-replies.ts";
import type { RangeContext } from "../range/range-service.ts";
import type { Token } from "../rpc.ts";
import { LeaseTag, writeIdField } from "./lease-fields.ts";

/** Lists up to this length are made at once, longer ones in slices of it. */
const SLICE = 500;
/** LeaseLeasesResponse.leases, and LeaseStatus.ID in it. */
const TAG_LEASES = 0x12;
const TAG_STATUS_ID = 0x08;
/** Room for one: both tags, the length, ten bytes of id, and what a writer reserves beyond. */
const STATUS_BYTES_MAX = 32;

/** What lists are made with. */
export interface LeaseListsOptions {
  readonly lessor: Lessor;
  readonly store: RangeContext["store"];
  readonly jobs: RangeContext["jobs"];
  readonly sink: RangeContext["sink"];
  readonly replies: LargeReplies;
}

/** A list under way. */
interface List {
  readonly length: number;
  /** Appends the element at `at`, unless it is gone. */
  write(at: number, out: ByteWriter): void;
}

/** Answers with lists that may be long: the keys of a lease, all leases. */
export class LeaseLists {
  readonly #options: LeaseListsOptions;
  readonly #key = newSpan();

  constructor(options: LeaseListsOptions) {
    this.#options = options;
  }

  /** Answers with `head` and the keys of the lease; of a long list those it has to the end. */
  keys(token: Token, head: ByteWriter, slot: number): void {
    const { lessor } = this.#options;
    const keyIds = lessor.keysOf(slot);
    const life = lessor.lifeOf(slot);
    this.#send(token, head, {
      length: keyIds.length,
      write: (at, out) => {
        const keyId = keyIds[at]!;
        const isItsOwn = lessor.lifeOf(slot) === life && lessor.leaseOf(keyId) === slot;
        if (isItsOwn) this.#writeKey(keyId, out);
      },
    });
  }

  /** Answers with `head` and all leases, those that expire first at the front. */
  leases(token: Token, head: ByteWriter): void {
    const { lessor } = this.#options;
    const slots = lessor.slots();
    const expiriesMs = new Float64Array(slots.length);
    const [highs, lows] = [new Int32Array(slots.length), new Int32Array(slots.length)];
    const id = newLeaseId();
    for (let at = 0; at < slots.length; at += 1) {
      expiriesMs[at] = lessor.expiryMsOf(slots[at]!);
      lessor.readId(slots[at]!, id);
      highs[at] = id.high;
      lows[at] = id.low;
    }
    const sort = new SlicedSort(slots.length, (x, y) => (expiriesMs[x]! < expiriesMs[y]! ? -1 : 1));
    const list: List = {
      length: slots.length,
      write: (at, out) => writeLease(highs[sort.order[at]!]!, lows[sort.order[at]!]!, out),
    };
    if (sort.step(SLICE)) {
      this.#send(token, head, list);
      return;
    }
    const own = new ByteWriter();
    own.raw(head.bytes, 0, head.length);
    this.#options.jobs.add({
      step: () => {
        if (!sort.step(SLICE)) return false;
        this.#send(token, own, list);
        return true;
      },
    });
  }

  #send(token: Token, head: ByteWriter, list: List): void {
    const { sink, jobs, replies } = this.#options;
    if (list.length <= SLICE) {
      for (let at = 0; at < list.length; at += 1) list.write(at, head);
      sink().reply(token, head.bytes, 0, head.length);
      return;
    }
    const start = head.bytes.slice(0, head.length);
    const out = new ChunkWriter();
    let at = 0;
    const step = (): boolean => {
      const end = Math.min(at + SLICE, list.length);
      for (; at < end; at += 1) list.write(at, out);
      if (at < list.length) return false;
      replies.chunks(token, start, chunksOf(out));
      return true;
    };
    jobs.add({ step });
  }

  #writeKey(keyId: number, out: ByteWriter): void {
    const key = this.#key;
    this.#options.store.keyOf(keyId, key);
    out.byte(LeaseTag.keys);
    out.varint(key.end - key.start);
    out.raw(key.bytes, key.start, key.end);
  }
}

function writeLease(high: number, low: number, out: ByteWriter): void {
  out.reserve(STATUS_BYTES_MAX);
  out.byte(TAG_LEASES);
  const lengthAt = out.length;
  out.byte(0);
  writeIdField(out, TAG_STATUS_ID, high, low);
  out.bytes[lengthAt] = out.length - lengthAt - 1;
}
