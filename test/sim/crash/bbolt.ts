import { execFile } from "node:child_process";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { VirtualDisk } from "../../../src/sim/world/disk.ts";
import { META_BYTES, readMeta } from "../../../src/storage/backend/bolt-pages/meta.ts";
import { oraclePath } from "../../compat/oracles/oracles.ts";

/** Where a member keeps its database. */
export const DB_PATH = "data/member/snap/db";

/** Files that one shell has bbolt look at: a start of Node's child process costs as much as it. */
const BATCH = 40;
/** Batches at work; more would only take each other's time. */
const BATCHES_AT_ONCE = 2;
/** Meta pages of databases that a member made. */
const META_PAGES = [0, 4096];
const META_PAGE_BYTES = 4096;

/** `bbolt check` on the database files of crashed disks, many to a shell, in the background. */
export class BboltChecks {
  readonly #bbolt: string;
  readonly #dir = mkdtempSync(path.join(tmpdir(), "skein-crash-"));
  readonly #running = new Set<Promise<void>>();
  #batch: { readonly file: string; readonly name: string }[] = [];
  #count = 0;
  /** Files that bbolt was content with. */
  sound = 0;
  readonly problems: string[] = [];

  /** @throws Error when bbolt is missing. */
  constructor() {
    const found = oraclePath("bbolt");
    if (found === undefined) throw new Error("bbolt is missing: npm run oracles");
    this.#bbolt = found;
  }

  /** Files looked at so far. */
  get count(): number {
    return this.#count;
  }

  /** Takes a copy of the database on `disk`; false when there is none. */
  async add(disk: VirtualDisk, name: string): Promise<boolean> {
    if (!disk.existsSync(DB_PATH)) return false;
    const file = path.join(this.#dir, `${this.#count}.db`);
    copyDatabase(disk, file);
    this.#count += 1;
    this.#batch.push({ file, name });
    if (this.#batch.length >= BATCH) await this.#start();
    return true;
  }

  /** Waits for all of them. */
  async finish(): Promise<void> {
    await this.#start();
    await Promise.all(this.#running);
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    if (batch.length === 0) return;
    const work: Promise<void> = this.#check(batch).then(() => void this.#running.delete(work));
    this.#running.add(work);
    if (this.#running.size >= BATCHES_AT_ONCE) await Promise.race(this.#running);
  }

  #check(batch: readonly { readonly file: string; readonly name: string }[]): Promise<void> {
    const script = 'for f; do echo "== $f"; "$0" check "$f" 2>&1; rm "$f"; done';
    const args = ["-c", script, this.#bbolt, ...batch.map(({ file }) => file)];
    return new Promise((resolve) => {
      execFile("sh", args, { maxBuffer: 64 * 1024 * 1024 }, (_, stdout) => {
        const answers = stdout.split(/^== /m).slice(1);
        for (const [at, { name }] of batch.entries()) {
          const [, ...lines] = (answers[at] ?? "").trim().split("\n");
          if (lines.join() === "OK") this.sound += 1;
          else this.problems.push(`${name}: bbolt says ${lines.slice(0, 3).join("; ")}`);
        }
        resolve();
      });
    });
  }
}

/** All that the newer meta page says there is; the rest is a hole. */
function copyDatabase(disk: VirtualDisk, to: string): void {
  const source = disk.openSync(DB_PATH, {});
  const target = openSync(to, "w");
  const meta = new Uint8Array(META_PAGE_BYTES + META_BYTES);
  let pages = META_PAGES.length;
  for (const at of META_PAGES) {
    disk.readSync(source, meta, at);
    const found = readMeta(meta, 0);
    if (typeof found !== "string") pages = Math.max(pages, found.endPage);
  }
  const bytes = new Uint8Array(pages * META_PAGE_BYTES);
  const read = disk.readSync(source, bytes, 0);
  writeSync(target, bytes, 0, read);
  ftruncateSync(target, disk.sizeSync(source));
  closeSync(target);
  disk.closeSync(source);
}
