import { decodeKeyValue } from "../../proto/gen/mvccpb.ts";
import { ProtoError } from "../../proto/wire.ts";
import { checkDatabase } from "../backend/bolt-pages/check.ts";
import { BoltError } from "../backend/bolt-pages/error.ts";
import type { PageFile } from "../backend/bolt-pages/page-file.ts";
import { readBuckets } from "../backend/bolt/bucket-trees.ts";
import { KEY_BUCKET, readRevisionKey } from "../backend/bolt-pages/revision-key.ts";
import { TreeCursor } from "../backend/bolt/tree-cursor.ts";
import { SchemaError } from "../schema/error.ts";
import { readSchema } from "../schema/open-schema.ts";
import { CountedPages } from "./counted-pages.ts";
import {
  digestProblem,
  type ImagePass,
  imageShape,
  lengthProblem,
  type OnProgress,
  passImage,
} from "./image.ts";
import { ReadOnlyBackend } from "./read-only-backend.ts";

/** Problems with contents that one check lists; a file with more is not worth more lines. */
const CONTENT_PROBLEMS_MAX = 100;

/** What a check found. */
export interface ImageReport {
  /** One line each, with page and byte where it is about one; empty when the file is sound. */
  readonly problems: readonly string[];
  /** "absent" when the file has none: a database, or a copy of one. */
  readonly digest: "absent" | "right" | "wrong";
  readonly pages: number;
  readonly freePages: number;
  /** Pairs in all buckets. */
  readonly pairs: number;
  /** Changes in the `key` bucket. */
  readonly changes: number;
  /** Main of the last one; 0 when there is none. */
  readonly revision: number;
}

/** What is gone through, in this order, and told of as it goes. */
export type CheckStage = "digest" | "pages" | "contents";

/** How a file is checked. */
export interface ImageCheck extends Omit<ImagePass, "onProgress"> {
  readonly onProgress: (stage: CheckStage, done: number, total: number) => void;
}

/**
 * Looks at everything in a snapshot or database file: the digest behind it when it has one, every
 * page that is reached, every change of the `key` bucket, and what a member reads at its start.
 * Contents only when the pages are sound. Changes nothing. @throws DiskError.
 */
export function checkImage(check: ImageCheck): ImageReport {
  const { disk, file, path } = check;
  const at =
    (stage: CheckStage): OnProgress =>
    (done, total) =>
      check.onProgress(stage, done, total);
  const problems: string[] = [];
  const shape = imageShape(disk, file);
  const { imageBytes, digest } = shape;
  const wrongLength = lengthProblem(shape);
  if (wrongLength !== null) problems.push(wrongLength);
  if (digest !== null) {
    const found = passImage({ ...check, onProgress: at("digest") }, imageBytes, null);
    const problem = digestProblem(digest, found);
    if (problem !== null) problems.push(`digest at byte ${imageBytes}: ${problem}`);
  }
  const state = digest === null ? "absent" : problems.length === 0 ? "right" : "wrong";
  const none = { pages: 0, freePages: 0, pairs: 0, changes: 0, revision: 0 };
  try {
    const found = checkDatabase(new CountedPages(disk, file, path, at("pages")));
    problems.push(...found.problems);
    const contents = new Contents(new CountedPages(disk, file, path, at("contents")));
    if (found.problems.length === 0) contents.read();
    problems.push(...contents.problems);
    const { pages, freePages, pairs } = found;
    const { changes, revision } = contents;
    return { problems, digest: state, pages, freePages, pairs, changes, revision };
  } catch (error) {
    if (!(error instanceof BoltError)) throw error;
    problems.push(withoutRemedy(error));
    return { problems, digest: state, ...none };
  }
}

/** What is wrong; what to do about a member is not what to do about a file. */
function withoutRemedy({ message, remedy }: BoltError): string {
  return message.slice(0, -remedy.length).trimEnd();
}

/** What pages of the right form can still get wrong. */
class Contents {
  readonly problems: string[] = [];
  changes = 0;
  revision = 0;
  readonly #pages: PageFile;
  readonly #last = { main: -1, sub: -1 };

  constructor(pages: PageFile) {
    this.#pages = pages;
  }

  read(): void {
    try {
      const root = readBuckets(this.#pages, this.#pages.meta.rootPage).get(KEY_BUCKET);
      if (root !== undefined) this.#readChanges(new TreeCursor(this.#pages, root));
      readSchema(new ReadOnlyBackend(this.#pages));
    } catch (error) {
      if (error instanceof SchemaError) {
        const where = error.key === "" ? error.bucket : `${error.bucket}, key ${error.key}`;
        this.problems.push(`bucket ${where}: ${error.problem}`);
      } else if (error instanceof BoltError) this.problems.push(withoutRemedy(error));
      else throw error;
    }
  }

  #readChanges(tree: TreeCursor): void {
    tree.rewind();
    while (tree.next() && this.problems.length < CONTENT_PROBLEMS_MAX) {
      const problem = this.#change(tree);
      if (problem === null) continue;
      const { page } = tree;
      const at = page === 0 ? "" : `page ${page} at byte ${page * this.#pages.pageBytes}: `;
      this.problems.push(`${at}${problem}`);
    }
  }

  /** What is wrong with the change that the cursor is at; null when nothing is. */
  #change(tree: TreeCursor): string | null {
    this.changes += 1;
    const id = tree.isBucket ? null : readRevisionKey(tree.key);
    if (id === null) return "a key of the bucket `key` is no revision";
    const { main, sub } = id;
    const last = this.#last;
    const isSame = main === last.main && sub === last.sub;
    Object.assign(last, { main, sub });
    this.revision = main;
    if (isSame) return `revision ${main}.${sub} is there twice`;
    const { bytes, start, end } = tree.value;
    // A restored snapshot raises the revision by a change without any field.
    if (start === end) return null;
    try {
      const { key, modRevision } = decodeKeyValue(bytes, start, end);
      if (key.length === 0) return `revision ${main}.${sub} has no user key`;
      if (id.isTombstone || modRevision === main) return null;
      return `revision ${main}.${sub} has the value of revision ${modRevision}`;
    } catch (error) {
      if (!(error instanceof ProtoError)) throw error;
      return `revision ${main}.${sub} is no KeyValue: ${error.message}`;
    }
  }
}
