import { Cursor, readLength, readTag, skipField } from "./wire.ts";

const METHOD_TAG = 2 * 8 + 2;

/**
 * The method of a bare v2 request in a log of etcd up to 3.5: what field 2 of the payload says if
 * it is one of the methods that era had, else undefined (then it is an InternalRaftRequest).
 * Decodes nothing else, as such a payload may not parse as an InternalRaftRequest.
 */
export function peekV2Method(bytes: Uint8Array, start: number, end: number): string | undefined {
  const c = new Cursor(bytes, start, end);
  while (c.pos < c.end) {
    const tag = readTag(c);
    if (tag > METHOD_TAG) return undefined;
    if (tag !== METHOD_TAG) {
      skipField(c, tag);
      continue;
    }
    const length = readLength(c);
    if (length < 3 || length > 6) return undefined;
    let text = "";
    for (let i = 0; i < length; i++) text += String.fromCharCode(readByte(c));
    return isMethod(text) ? text : undefined;
  }
  return undefined;
}

function readByte(c: Cursor): number {
  return c.bytes[c.pos++] as number;
}

function isMethod(text: string): boolean {
  return (
    text === "PUT" || text === "POST" || text === "DELETE" || text === "QGET" || text === "SYNC"
  );
}
