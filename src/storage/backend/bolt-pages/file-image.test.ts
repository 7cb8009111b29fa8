import assert from "node:assert/strict";
import { test } from "node:test";
import { FileImage } from "./file-image.ts";
import { META_PAGES, NO_PAGE } from "./format.ts";

const PAGE_BYTES = 4096;
const PIECE_BYTES = 1000;

/** A page that tells how many of its bytes were copied out of it. */
class CountedBytes extends Uint8Array {
  static copied = 0;

  override slice(start?: number, end?: number): Uint8Array<ArrayBuffer> {
    const copy = new Uint8Array(super.subarray(start, end));
    CountedBytes.copied += copy.length;
    return copy;
  }
}

test("an image is read in pieces, and a large page is not copied for each of them", () => {
  const largePages = 100;
  const large = new CountedBytes(largePages * PAGE_BYTES).map((_, at) => at % 251);
  const single = new CountedBytes(PAGE_BYTES).fill(7);
  const endPage = META_PAGES + largePages + 1;
  let isClosed = false;
  const image = new FileImage({
    source: {
      pageBytes: PAGE_BYTES,
      once: (id) => (id === META_PAGES ? new CountedBytes(large.buffer) : single),
    },
    meta: { pageBytes: PAGE_BYTES, rootPage: 2, freeListPage: NO_PAGE, endPage, txid: 9 },
    isUsed: () => true,
    onClose: () => {
      isClosed = true;
    },
  });
  const all = new Uint8Array(image.totalBytes);
  const piece = new Uint8Array(PIECE_BYTES);
  let at = 0;
  for (let read = image.read(piece); read > 0; read = image.read(piece)) {
    all.set(piece.subarray(0, read), at);
    at += read;
    // Others use the memory of single pages.
    if (at > (endPage - 1) * PAGE_BYTES) single.fill(0);
  }
  assert.equal(at, endPage * PAGE_BYTES);
  const start = META_PAGES * PAGE_BYTES;
  assert.deepEqual(Buffer.from(all.subarray(start, start + large.length)), Buffer.from(large));
  const last = all.subarray((endPage - 1) * PAGE_BYTES);
  assert.ok(last.every((byte) => byte === 7));
  assert.ok(CountedBytes.copied < 4 * PAGE_BYTES, `${CountedBytes.copied} bytes copied`);
  image.close();
  assert.ok(isClosed);
});
