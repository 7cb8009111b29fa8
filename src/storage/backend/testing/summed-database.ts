import type { LogFields, Logger } from "../../../platform/logger.ts";
import { VirtualClock } from "../../../sim/world/clock.ts";
import { type CrashMode, VirtualDisk } from "../../../sim/world/disk.ts";
import { type BoltBackend, openBolt } from "../bolt/bolt-backend.ts";
import type { SumTuning } from "../bolt-sums/sum-file.ts";
import { buildDatabase } from "./build-database.ts";

/** The database in a SummedDatabase … */
export const DB = "/db";
/** … and the file of its checksums. */
export const SUMS = "/db.sums";
/** So small that tables take several pages, and values overflow them. */
const PAGE_BYTES = 1024;

/** A database with page checksums on a simulated disk, opened and crashed again and again. */
export class SummedDatabase {
  readonly clock = new VirtualClock();
  disk: VirtualDisk;
  /** What was logged, as "level message: reason"; tests empty it. */
  said: string[] = [];
  readonly #tuning: Partial<SumTuning>;

  /** Begins as etcd would have left it, with pages of 1024 bytes and without checksums. */
  constructor(seed: number, tuning: Partial<SumTuning> = {}, latencyMaxMs = 3) {
    const latencyMs = { min: 0, max: latencyMaxMs };
    this.disk = new VirtualDisk({ clock: this.clock, seed, latencyMs });
    this.#tuning = tuning;
    this.write(DB, buildDatabase({ pageBytes: PAGE_BYTES, buckets: new Map() }));
    this.disk.syncDirSync("/");
  }

  /** Opens it; as a program that knows nothing of checksums with `isSummed` false. */
  open(isSummed = true): BoltBackend {
    const { disk } = this;
    const sums = { path: SUMS, logger: this.#logger(), tuning: this.#tuning };
    const onFailure = (error: Error): never => {
      throw error;
    };
    return openBolt({ disk, path: DB, onFailure, ...(isSummed ? { sums } : {}) });
  }

  /** Waits until all is durable, and closes it. */
  close(backend: BoltBackend): void {
    this.clock.runUntil(() => backend.isIdle, 10_000);
    backend.close();
  }

  crash(mode: CrashMode): void {
    this.disk = this.disk.crash(mode);
  }

  /** All bytes of a file. */
  read(path: string): Uint8Array {
    const file = this.disk.openSync(path, {});
    const bytes = new Uint8Array(this.disk.sizeSync(file));
    this.disk.readSync(file, bytes, 0);
    this.disk.closeSync(file);
    return bytes;
  }

  /** Gives a file these bytes and no others, durably. */
  write(path: string, bytes: Uint8Array): void {
    const file = this.disk.openSync(path, { write: true, create: true });
    this.disk.truncateSync(file, 0);
    this.disk.writeSync(file, bytes, 0);
    this.disk.syncSync(file);
    this.disk.closeSync(file);
  }

  #logger(): Logger {
    const logger: Logger = {
      enabled: () => true,
      log: (level, message: string, fields?: LogFields) => {
        this.said.push(`${level} ${message}: ${String(fields?.["reason"])}`);
      },
      with: () => logger,
    };
    return logger;
  }
}
