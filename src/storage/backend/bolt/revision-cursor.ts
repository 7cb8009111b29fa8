import { type ByteSpan, newSpan } from "../../../base/span.ts";
import type { ChangeCursor } from "../backend.ts";
import type { PageSource } from "../bolt-pages/page.ts";
import { readRevisionKey, REVISION_BYTES, writeRevisionKey } from "../bolt-pages/revision-key.ts";
import type { TreeCursor } from "./tree-cursor.ts";

/** The `key` bucket in revision order. */
export class RevisionCursor implements ChangeCursor {
  main = 0;
  sub = 0;
  isTombstone = false;
  readonly value: ByteSpan;
  readonly #tree: TreeCursor;
  readonly #pages: PageSource;
  readonly #wanted = newSpan(new Uint8Array(REVISION_BYTES));

  /** `pages` words the error when a key is no revision. */
  constructor(tree: TreeCursor, pages: PageSource) {
    this.#tree = tree;
    this.#pages = pages;
    this.value = tree.value;
  }

  seek(main: number, sub: number): void {
    writeRevisionKey(this.#wanted.bytes, main, sub);
    this.#tree.seek(this.#wanted);
  }

  next(): boolean {
    if (!this.#tree.next()) return false;
    const id = this.#tree.isBucket ? null : readRevisionKey(this.#tree.key);
    if (id === null) throw this.#pages.damaged(this.#tree.page, "a key that is no revision");
    this.main = id.main;
    this.sub = id.sub;
    this.isTombstone = id.isTombstone;
    return true;
  }
}
