import type { ChangeSink } from "../backend.ts";
import type { LeafVisitor } from "../bolt-pages/check.ts";
import {
  ElementFlag,
  elementAt,
  leafKeyBytes,
  leafKeyStart,
  leafValueBytes,
  pageCount,
  readU32,
} from "../bolt-pages/format.ts";
import {
  isRevisionKey,
  KEY_BUCKET,
  mainAt,
  REVISION_BYTES,
  subAt,
} from "../bolt-pages/revision-key.ts";

/** Hands on the changes in leaves of the `key` bucket, without an object for each. */
export class ChangeLeaves implements LeafVisitor {
  readonly bucket = KEY_BUCKET;
  readonly #sink: ChangeSink;
  readonly #change = { main: 0, sub: 0, isTombstone: false };

  constructor(sink: ChangeSink) {
    this.#sink = sink;
  }

  leaf(bytes: Uint8Array, start: number): string | null {
    const change = this.#change;
    const count = pageCount(bytes, start);
    for (let i = 0; i < count; i++) {
      const element = elementAt(start, i);
      const keyStart = leafKeyStart(bytes, element);
      const keyEnd = keyStart + leafKeyBytes(bytes, element);
      const isPair = readU32(bytes, element) === ElementFlag.pair;
      if (!isPair || !isRevisionKey(bytes, keyStart, keyEnd)) {
        this.#sink.flush();
        return "a key that is no revision";
      }
      change.main = mainAt(bytes, keyStart);
      change.sub = subAt(bytes, keyStart);
      change.isTombstone = keyEnd - keyStart > REVISION_BYTES;
      this.#sink.add(change, bytes, keyEnd, keyEnd + leafValueBytes(bytes, element));
    }
    this.#sink.flush();
    return null;
  }
}
