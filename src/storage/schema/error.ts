import type { PlainBucket } from "../backend/backend.ts";

/** Bytes of a key that a message shows: no key of etcd's own is longer, a hostile one is. */
const KEY_SHOWN_BYTES = 64;

const RESTORE =
  "Restore the member from a snapshot, or remove it from the cluster and add it again.";

/** Names an entry of the database, or a whole bucket when `key` is empty. */
export interface Place {
  readonly bucket: PlainBucket;
  readonly key: Uint8Array | string;
}

/**
 * What a bucket holds must not be used: it is damaged, from a later version, or something that this
 * server does not serve. Says which bucket and key, what is wrong and what the operator can do.
 */
export class SchemaError extends Error {
  override readonly name = "SchemaError";
  readonly bucket: PlainBucket;
  /** As text when it is printable ASCII, else `0x` and hexadecimal; "" for the whole bucket. */
  readonly key: string;
  /** What is wrong; where etcd has a text for it, exactly that text. */
  readonly problem: string;
  readonly remedy: string;

  constructor(place: Place, problem: string, remedy: string = RESTORE) {
    const key = shownKey(place.key);
    const where = key === "" ? `bucket ${place.bucket}` : `bucket ${place.bucket}, key ${key}`;
    super(`${problem} (${where}). ${remedy}`);
    this.bucket = place.bucket;
    this.key = key;
    this.problem = problem;
    this.remedy = remedy;
  }
}

function shownKey(key: Uint8Array | string): string {
  const bytes = typeof key === "string" ? new TextEncoder().encode(key) : key;
  const shown = bytes.subarray(0, KEY_SHOWN_BYTES);
  const isText = shown.every((byte) => byte >= 0x20 && byte < 0x7f);
  const text = isText
    ? String.fromCharCode(...shown)
    : `0x${Array.from(shown, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  return shown.length < bytes.length ? `${text}…` : text;
}
