import { crc32cUpdate } from "../../base/crc32c.ts";
import type { ByteSpan } from "../../base/span.ts";
import {
  createHashResponse,
  decodeHashRequest,
  encodeHashResponseToBytes,
  type ResponseHeader,
} from "../../proto/gen/etcdserverpb.ts";
import { encodeRevision } from "../../mvcc/store/revision-key.ts";
import {
  type BackendRoot,
  type BucketCursor,
  type ChangeCursor,
  PLAIN_BUCKETS,
} from "../../storage/backend/backend.ts";
import type { Job, JobRunner } from "../jobs.ts";
import type { ReplySink, Token } from "../rpc.ts";

/** Pairs that one step reads: a fraction of a millisecond. */
const STEP_PAIRS = 500;
/** And bytes after which it ends, for values may be large. */
const STEP_BYTES = 512 * 1024;
/** As the file has them: by name. */
const BUCKETS = ([...PLAIN_BUCKETS, "key"] as const).toSorted();
/** Keys of `meta` that depend on when this member committed, and are left out (storage.md 13). */
const IGNORED = ["term", "consistent_index", "storageVersion"];

/** What the hashes are made from. */
export interface BackendHashesOptions {
  /** The present state; null: not in this moment, ask again. */
  readonly openRoot: () => BackendRoot | null;
  readonly jobs: JobRunner;
  readonly sink: () => ReplySink;
  readonly header: () => ResponseHeader;
}

/**
 * Maintenance.Hash: CRC-32C over the names of all buckets and all their pairs, in order, as etcd
 * makes it. In slices, beside everything else.
 */
export class BackendHashes {
  readonly #options: BackendHashesOptions;
  readonly #hashes = new Map<Token, BackendHash>();

  constructor(options: BackendHashesOptions) {
    this.#options = options;
  }

  request(token: Token, bytes: Uint8Array, start: number, end: number): void {
    decodeHashRequest(bytes, start, end);
    const { openRoot, jobs, header, sink } = this.#options;
    const hash = new BackendHash(openRoot, (sum) => {
      this.#hashes.delete(token);
      const response = createHashResponse();
      response.header = header();
      response.hash = sum;
      const reply = encodeHashResponseToBytes(response);
      sink().reply(token, reply, 0, reply.length);
    });
    this.#hashes.set(token, hash);
    jobs.add(hash);
  }

  /** The call is dead: its work ends. */
  cancel(token: Token): void {
    this.#hashes.get(token)?.close();
    this.#hashes.delete(token);
  }

  /** The backend is about to be closed. */
  stop(): void {
    for (const token of [...this.#hashes.keys()]) this.cancel(token);
  }
}

class BackendHash implements Job {
  readonly #openRoot: () => BackendRoot | null;
  readonly #onDone: (sum: number) => void;
  #root: BackendRoot | null = null;
  #isClosed = false;
  /** Place of the bucket that is read, and the cursor in it. */
  #bucket = -1;
  #pairs: BucketCursor | null = null;
  #changes: ChangeCursor | null = null;
  #sum = 0;
  #bytesLeft = 0;

  constructor(openRoot: () => BackendRoot | null, onDone: (sum: number) => void) {
    this.#openRoot = openRoot;
    this.#onDone = onDone;
  }

  step(): boolean {
    if (this.#isClosed) return true;
    this.#root ??= this.#openRoot();
    if (this.#root === null) return false;
    this.#bytesLeft = STEP_BYTES;
    for (let i = 0; i < STEP_PAIRS && this.#bytesLeft > 0; i += 1) {
      if (this.#next(this.#root)) continue;
      this.close();
      this.#onDone(this.#sum);
      return true;
    }
    return false;
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#root?.close();
    this.#root = null;
  }

  /** Takes one pair, or goes on to the next bucket; false at the end. */
  #next(root: BackendRoot): boolean {
    if (this.#changes?.next() === true) {
      const { main, sub, isTombstone, value } = this.#changes;
      const key = encodeRevision(main, sub, isTombstone);
      this.#add(key, 0, key.length);
      this.#addSpan(value);
      return true;
    }
    if (this.#pairs?.next() === true) {
      const { key, value } = this.#pairs;
      if (BUCKETS[this.#bucket] === "meta" && IGNORED.includes(textOf(key))) return true;
      this.#addSpan(key);
      this.#addSpan(value);
      return true;
    }
    return this.#nextBucket(root);
  }

  #nextBucket(root: BackendRoot): boolean {
    const name = BUCKETS[(this.#bucket += 1)];
    this.#pairs = null;
    this.#changes = null;
    if (name === undefined) return false;
    const bytes = new TextEncoder().encode(name);
    this.#add(bytes, 0, bytes.length);
    if (name === "key") this.#changes = root.changes();
    else this.#pairs = root.cursor(name);
    return true;
  }

  #addSpan({ bytes, start, end }: ByteSpan): void {
    this.#add(bytes, start, end);
  }

  #add(bytes: Uint8Array, start: number, end: number): void {
    this.#bytesLeft -= end - start;
    this.#sum = crc32cUpdate(this.#sum, bytes, start, end);
  }
}

function textOf({ bytes, start, end }: ByteSpan): string {
  return new TextDecoder("latin1").decode(bytes.subarray(start, end));
}
