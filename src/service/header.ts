import { ByteWriter, varintSize } from "../base/byte-writer.ts";

const TAG_HEADER = 0x0a;
const TAG_CLUSTER_ID = 0x08;
const TAG_MEMBER_ID = 0x10;
const TAG_REVISION = 0x18;
const TAG_RAFT_TERM = 0x20;

/** Ids of the answering member, and the term it shows. */
export interface HeaderSource {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** Term of the last applied entry. */
  term(): number;
}

/**
 * Writes response headers: field 1 of every response, a ResponseHeader. The ids never change, so
 * they are encoded once.
 */
export class HeaderWriter {
  readonly #source: HeaderSource;
  readonly #ids: Uint8Array;

  constructor(source: HeaderSource) {
    this.#source = source;
    const ids = new ByteWriter();
    ids.byte(TAG_CLUSTER_ID);
    writeId(ids, source.clusterId);
    ids.byte(TAG_MEMBER_ID);
    writeId(ids, source.memberId);
    this.#ids = ids.bytes.slice(0, ids.length);
  }

  /** The term that headers show now. */
  get term(): number {
    return this.#source.term();
  }

  /** Appends field 1 with `revision` (0 leaves it out) to `out`. */
  write(out: ByteWriter, revision: number): void {
    const term = this.#source.term();
    const ids = this.#ids;
    out.byte(TAG_HEADER);
    out.varint(ids.length + fieldSize(revision) + fieldSize(term));
    out.raw(ids, 0, ids.length);
    writeField(out, TAG_REVISION, revision);
    writeField(out, TAG_RAFT_TERM, term);
  }

  /** Bytes that `write` appends. */
  size(revision: number): number {
    const inner = this.#ids.length + fieldSize(revision) + fieldSize(this.#source.term());
    return 1 + varintSize(inner) + inner;
  }
}

function fieldSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}

function writeField(out: ByteWriter, tag: number, value: number): void {
  if (value === 0) return;
  out.byte(tag);
  out.varint(value);
}

function writeId(out: ByteWriter, id: bigint): void {
  out.varint64(Number(id >> 32n), Number(id & 0xffffffffn));
}
