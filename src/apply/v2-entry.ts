import { Cursor, readLength, readTag, skipField } from "../proto/wire.ts";

const PATH_TAG = 3 * 8 + 2;
const VALUE_TAG = 4 * 8 + 2;
const MEMBER_PATH = /^\/0\/members\/([0-9a-f]{1,16})\/attributes$/u;
const VERSION_PATH = "/0/version";

/** What an entry of etcd 3.5 and older in the form of its first API means today. */
export type V2Entry =
  | {
      readonly kind: "publish";
      readonly memberId: bigint;
      readonly name: string;
      readonly clientUrls: readonly string[];
    }
  | { readonly kind: "clusterVersion"; readonly version: string }
  /** Moves the index, and nothing else. */
  | { readonly kind: "nothing" };

const NOTHING: V2Entry = { kind: "nothing" };

/**
 * Reads a bare v2 request with method PUT (formats-disk.md 6.5): its two paths that still mean
 * something.
 * @throws ProtoError when it is no message.
 */
export function readV2Put(bytes: Uint8Array): V2Entry {
  const c = new Cursor(bytes, 0, bytes.length);
  let path = "";
  let value = "";
  while (c.pos < c.end) {
    const tag = readTag(c);
    if (tag === PATH_TAG) path = readText(c);
    else if (tag === VALUE_TAG) value = readText(c);
    else skipField(c, tag);
  }
  if (path === VERSION_PATH) return { kind: "clusterVersion", version: value };
  const id = MEMBER_PATH.exec(path)?.[1];
  return id === undefined ? NOTHING : publishOf(BigInt(`0x${id}`), value);
}

function publishOf(memberId: bigint, value: string): V2Entry {
  try {
    const { name = "", clientURLs } = JSON.parse(value) as {
      name?: string;
      clientURLs?: readonly string[] | null;
    };
    return { kind: "publish", memberId, name, clientUrls: clientURLs ?? [] };
  } catch {
    return NOTHING;
  }
}

function readText(c: Cursor): string {
  const length = readLength(c);
  const text = new TextDecoder().decode(c.bytes.subarray(c.pos, c.pos + length));
  c.pos += length;
  return text;
}
