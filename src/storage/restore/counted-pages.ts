import type { Disk, FileId } from "../../platform/disk.ts";
import { PageFile } from "../backend/bolt-pages/page-file.ts";
import type { OnProgress } from "./image.ts";

/** A page file of a tool: it reads each page about once, and more memory would gain nothing. */
const CACHE_BYTES = 8 * 1024 * 1024;

/** The pages of a database, telling how many were read. */
export class CountedPages extends PageFile {
  readonly #onProgress: OnProgress;
  #pagesRead = 0;

  /** @throws BoltError when it is no database; DiskError. */
  constructor(disk: Disk, file: FileId, path: string, onProgress: OnProgress = () => {}) {
    super(disk, file, path, CACHE_BYTES);
    this.#onProgress = onProgress;
  }

  override glance(id: number): Uint8Array {
    const bytes = super.glance(id);
    this.#pagesRead += bytes.length / this.pageBytes;
    this.#onProgress(Math.min(this.#pagesRead, this.endPage), this.endPage);
    return bytes;
  }
}
