import { assert } from "../../base/assert.ts";
import type { DiskError } from "../../platform/disk.ts";
import type { Entry, HardState } from "../../raft/types.ts";
import { createWal, encodeMetadata, openWal } from "../../storage/wal/wal.ts";
import type { OpenedWal, Wal, WalOptions } from "../../storage/wal/wal.ts";
import { VirtualClock } from "./clock.ts";
import { VirtualDisk } from "./disk.ts";
import type { CrashMode, VirtualDiskOptions } from "./disk.ts";

/** Metadata record of every log of a rig. */
export const RIG_METADATA = encodeMetadata({
  nodeId: 0xe765e731bd1bb1a3n,
  clusterId: 0x47dffd71042a0564n,
});

/** One write-ahead log on a virtual disk, to be crashed and opened again. */
export class LogRig {
  readonly clock = new VirtualClock();
  readonly dir = "/data/member/wal";
  readonly failures: DiskError[] = [];
  readonly durable: number[] = [];
  readonly #more: Partial<WalOptions>;
  disk: VirtualDisk;
  wal: Wal;

  constructor(options: Partial<VirtualDiskOptions> & { readonly wal?: Partial<WalOptions> } = {}) {
    const { wal, ...disk } = options;
    this.#more = wal ?? {};
    this.disk = new VirtualDisk({ clock: this.clock, seed: 1, ...disk });
    this.disk.mkdirSync("/data/member");
    this.disk.syncDirSync("/");
    this.disk.syncDirSync("/data");
    this.wal = createWal(this.walOptions(), RIG_METADATA);
  }

  walOptions(): WalOptions {
    return {
      disk: this.disk,
      clock: this.clock,
      dir: this.dir,
      onDurable: (ticket) => this.durable.push(ticket),
      onFailure: (error) => this.failures.push(error),
      ...this.#more,
    };
  }

  /** Saves, flushes and lets the disk work; returns when it is durable. */
  saveNow(state: HardState | null, entries: readonly Entry[]): void {
    const ticket = this.wal.save(state, entries);
    this.wal.flush();
    this.clock.runUntil(() => this.wal.durableTicket() >= ticket);
    assert(this.wal.durableTicket() >= ticket, "saved");
  }

  /** Ends the process; the log is not opened again yet. */
  crash(mode: CrashMode): void {
    this.disk = this.disk.crash(mode);
    this.durable.length = 0;
    this.failures.length = 0;
  }

  open(start = { index: 0, term: 0 }): OpenedWal {
    const opened = openWal(this.walOptions(), start);
    this.wal = opened.wal;
    return opened;
  }

  /** Closes in order; returns the error. */
  close(): Error | null {
    let result: Error | null | undefined;
    this.wal.close((error) => (result = error));
    this.clock.runUntil(() => result !== undefined);
    assert(result !== undefined, "closed");
    return result;
  }

  readFile(name: string): Uint8Array {
    const file = this.disk.openSync(`${this.dir}/${name}`, {});
    const bytes = new Uint8Array(this.disk.sizeSync(file));
    this.disk.readSync(file, bytes, 0);
    this.disk.closeSync(file);
    return bytes;
  }

  /** Replaces a file's content, durably. */
  writeFile(name: string, bytes: Uint8Array): void {
    const file = this.disk.openSync(`${this.dir}/${name}`, { write: true, create: true });
    this.disk.truncateSync(file, 0);
    this.disk.writeSync(file, bytes, 0);
    this.disk.syncSync(file);
    this.disk.closeSync(file);
    this.disk.syncDirSync(this.dir);
  }
}

/** A normal entry with `bytes` bytes that differ by index and term. */
export function entryOf(index: number, term: number, bytes: number): Entry {
  const data = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) data[i] = ((index * 31 + term * 7 + i) % 251) + 1;
  return { type: 0, term, index, data };
}
