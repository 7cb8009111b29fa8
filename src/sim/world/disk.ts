import { assert, unreachable } from "../../base/assert.ts";
import { Prng } from "../../base/prng.ts";
import { Queue } from "../../base/queue.ts";
import type { Clock } from "../../platform/clock.ts";
import { DiskError } from "../../platform/disk.ts";
import type { Disk, DiskDone, DiskOp, FileId, LockKind, OpenOptions } from "../../platform/disk.ts";
import { FaultPlan } from "./faults.ts";
import type { FaultPoint } from "./faults.ts";
import { SECTOR_BYTES, VirtualFile } from "./file.ts";
import type { Trace } from "./trace.ts";
import { Tree, VirtualDir } from "./tree.ts";

/** How a process ends: alone (the page cache stays) or with the machine's power. */
export type CrashMode = "kill" | "power";

/** How a disk behaves as long as nothing is planned in `faults`. */
export interface VirtualDiskOptions {
  readonly clock: Clock;
  readonly seed: number;
  /** How long one operation of a list takes; uniform over both ends. Default 0. */
  readonly latencyMs?: { readonly min: number; readonly max: number };
  /** ENOSPC when files would take more. Default: no limit. */
  readonly capacityBytes?: number;
  /** Chance that the kernel writes some dirty sectors back after a write. Default 0.1. */
  readonly writeBackChance?: number;
  readonly trace?: Trace;
  /** Told before each step that changes files or names, or syncs them: the place to `fork`. */
  readonly beforeChange?: (op: FaultPoint, path: string) => void;
}

interface Handle {
  readonly file: VirtualFile;
  readonly path: string;
  readonly writable: boolean;
}

interface List {
  readonly ops: readonly DiskOp[];
  readonly done: DiskDone;
}

/** What outlives a process: the device with its contents, its faults and its chance. */
interface Machine {
  readonly options: VirtualDiskOptions;
  readonly tree: Tree;
  readonly faults: FaultPlan;
  readonly prng: Prng;
  usedBytes: number;
}

/**
 * A disk in memory that fails as real ones do; the fault model is written down in
 * docs/simulator.md. One object is one process's view; `crash` ends it and gives the next one.
 */
export class VirtualDisk implements Disk {
  readonly #machine: Machine;
  readonly #handles = new Map<FileId, Handle>();
  readonly #lists = new Queue<List>();
  #running: { readonly list: List; step: number } | null = null;
  #nextFile = 1;
  #dead = false;

  constructor(options: VirtualDiskOptions, machine?: Machine) {
    this.#machine = machine ?? {
      options,
      tree: new Tree(),
      faults: new FaultPlan(),
      prng: new Prng(options.seed),
      usedBytes: 0,
    };
  }

  /** Failures to come; they outlive the process. */
  get faults(): FaultPlan {
    return this.#machine.faults;
  }

  /** Bytes that files take from the capacity. */
  get usedBytes(): number {
    return this.#machine.usedBytes;
  }

  /**
   * Ends the process in the middle of whatever it does: the operation under way may have happened
   * in part, submitted lists are not begun, callbacks never come. Returns the next process's disk.
   */
  crash(mode: CrashMode): VirtualDisk {
    const { prng, tree } = this.#machine;
    this.#tearRunning();
    this.#dead = true;
    for (const handle of this.#handles.values()) this.#unlock(handle);
    this.#handles.clear();
    if (mode === "power") tree.losePower(prng);
    this.#note(`crash ${mode}`);
    return new VirtualDisk(this.#machine.options, this.#machine);
  }

  /**
   * What `crash` would leave at this moment, on another device in another world (its clock, its
   * chance, no faults), while this process goes on.
   */
  fork(
    mode: CrashMode,
    world: Pick<VirtualDiskOptions, "clock" | "seed" | "beforeChange">,
  ): VirtualDisk {
    const { tree, copyOf } = this.#machine.tree.clone();
    const { beforeChange: _, trace: __, ...same } = this.#machine.options;
    const options = { ...same, ...world };
    const prng = new Prng(world.seed);
    const { usedBytes } = this.#machine;
    const copy = new VirtualDisk(options, {
      options,
      tree,
      faults: new FaultPlan(),
      prng,
      usedBytes,
    });
    for (const [id, handle] of this.#handles) {
      copy.#handles.set(id, { ...handle, file: copyOf(handle.file) as VirtualFile });
    }
    copy.#running = this.#running === null ? null : { ...this.#running };
    return copy.crash(mode);
  }

  /** Latent corruption: the byte at `offset` of a file is XORed with `mask`. */
  flip(path: string, offset: number, mask: number): void {
    this.#file(path, "flip").flip(offset, mask);
  }

  sharedBuffer(sizeBytes: number): Uint8Array {
    return new Uint8Array(new SharedArrayBuffer(sizeBytes));
  }

  submit(ops: readonly DiskOp[], done: DiskDone): void {
    if (this.#dead) return;
    for (const op of ops) if ("file" in op) this.#handle(op.file);
    this.#lists.push({ ops: ops.map(ownBytes), done });
    this.#next();
  }

  openSync(path: string, options: OpenOptions): FileId {
    this.#check("open", path);
    const { tree } = this.#machine;
    let node = tree.find(path);
    if (node === undefined) {
      if (options.create !== true) throw new DiskError("ENOENT", path, "open");
      this.#failWith(this.#machine.faults.readOnly ? "EROFS" : null, path, "open");
      this.#machine.options.beforeChange?.("open", path);
      node = tree.create(path);
    } else if (options.exclusive === true) throw new DiskError("EEXIST", path, "open");
    if (node instanceof VirtualDir) throw new DiskError("EISDIR", path, "open");
    const id = this.#nextFile++;
    this.#handles.set(id, { file: node, path, writable: options.write === true });
    return id;
  }

  closeSync(file: FileId): void {
    const handle = this.#handle(file);
    this.#unlock(handle);
    this.#handles.delete(file);
  }

  readSync(
    file: FileId,
    target: Uint8Array,
    offset: number,
    start = 0,
    end = target.length,
  ): number {
    const handle = this.#handle(file);
    this.#check("read", handle.path);
    return handle.file.read(target.subarray(start, end), offset);
  }

  writeSync(file: FileId, bytes: Uint8Array, offset: number): void {
    this.#run({ op: "write", file, bytes, start: 0, end: bytes.length, offset });
  }

  syncSync(file: FileId): void {
    this.#run({ op: "sync", file });
  }

  truncateSync(file: FileId, lengthBytes: number): void {
    this.#run({ op: "truncate", file, lengthBytes });
  }

  allocateSync(file: FileId, lengthBytes: number): void {
    this.#run({ op: "allocate", file, lengthBytes });
  }

  sizeSync(file: FileId): number {
    return this.#handle(file).file.size;
  }

  existsSync(path: string): boolean {
    this.#alive(path);
    return this.#machine.tree.find(path) !== undefined;
  }

  freeBytesSync(): number {
    const { options, usedBytes } = this.#machine;
    return (options.capacityBytes ?? Number.POSITIVE_INFINITY) - usedBytes;
  }

  capacityBytesSync(): number {
    return this.#machine.options.capacityBytes ?? Number.POSITIVE_INFINITY;
  }

  listSync(path: string): string[] {
    this.#alive(path);
    return [...this.#machine.tree.dir(path, "list").names.keys()].toSorted();
  }

  mkdirSync(path: string): void {
    this.#check("mkdir", path);
    this.#machine.options.beforeChange?.("mkdir", path);
    this.#machine.tree.mkdir(path);
  }

  renameSync(from: string, to: string): void {
    this.#run({ op: "rename", from, to });
  }

  unlinkSync(path: string): void {
    this.#run({ op: "unlink", path });
  }

  removeTreeSync(path: string): void {
    this.#check("unlink", path);
    const node = this.#machine.tree.find(path);
    if (node === undefined) return;
    if (node instanceof VirtualDir) {
      for (const name of node.names.keys()) this.removeTreeSync(`${path}/${name}`);
    }
    this.#machine.options.beforeChange?.("unlink", path);
    this.#release(this.#machine.tree.unlink(path, "remove"));
  }

  syncDirSync(path: string): void {
    this.#run({ op: "syncDir", path });
  }

  tryLockSync(file: FileId, kind: LockKind = "flock"): boolean {
    const handle = this.#handle(file);
    this.#check("lock", handle.path);
    const holder = handle.file.locks.get(kind);
    if (holder !== undefined && holder !== handle) return false;
    handle.file.locks.set(kind, handle);
    return true;
  }

  #next(): void {
    if (this.#running !== null || this.#dead) return;
    const list = this.#lists.shift();
    if (list === undefined) return;
    this.#running = { list, step: 0 };
    this.#later(() => this.#step());
  }

  /** Runs one operation of the current list; its completion comes as a step of its own. */
  #step(): void {
    const running = this.#running!;
    const op = running.list.ops[running.step];
    if (op === undefined) {
      this.#finish(null);
      return;
    }
    try {
      this.#run(op);
    } catch (error) {
      assert(error instanceof DiskError, String(error));
      this.#finish(error);
      return;
    }
    running.step++;
    if (running.step < running.list.ops.length) this.#later(() => this.#step());
    else this.#finish(null);
  }

  #finish(error: DiskError | null): void {
    const { done } = this.#running!.list;
    this.#running = null;
    this.#machine.options.clock.startTimer(0, () => {
      if (!this.#dead) done(error);
    });
    this.#next();
  }

  #later(callback: () => void): void {
    const { clock, latencyMs } = this.#machine.options;
    const span = latencyMs === undefined ? 0 : latencyMs.max - latencyMs.min;
    const delayMs = (latencyMs?.min ?? 0) + this.#machine.prng.float() * span;
    clock.startTimer(delayMs, () => {
      if (!this.#dead) callback();
    });
  }

  #run(op: DiskOp): void {
    const path = this.#pathOf(op);
    this.#alive(path);
    if (op.op !== "close") this.#machine.options.beforeChange?.(op.op, path);
    const code = this.#machine.faults.check(op.op, path);
    this.#note(describe(op, path, code));
    if (code !== null) {
      this.#spoil(op);
      throw new DiskError(code, path, op.op);
    }
    this.#perform(op);
  }

  #perform(op: DiskOp): void {
    const { tree } = this.#machine;
    switch (op.op) {
      case "write":
        return this.#write(op);
      case "sync":
        return this.#handle(op.file).file.sync();
      case "truncate":
      case "allocate":
        return this.#resize(op);
      case "rename":
        return this.#release(tree.rename(op.from, op.to));
      case "unlink":
        return this.#release(tree.unlink(op.path, "unlink"));
      case "syncDir":
        return tree.dir(op.path, "fsync directory").sync();
      case "close":
        return this.closeSync(op.file);
      default:
        return unreachable(op);
    }
  }

  /** What a failed operation leaves: a write some of its sectors, a sync a lie (VirtualFile). */
  #spoil(op: DiskOp): void {
    if (op.op === "sync") this.#handle(op.file).file.failSync(this.#machine.prng);
    if (op.op === "write") this.#tear(op);
  }

  /** The operation that a crash interrupts: a write arrives up to some sector. */
  #tearRunning(): void {
    const op = this.#running?.list.ops[this.#running.step];
    if (!this.#dead && op?.op === "write") this.#tear(op);
  }

  /** The kernel copies page by page, so what a write leaves undone begins at a sector. */
  #tear(op: DiskOp & { op: "write" }): void {
    if (op.end === op.start) return;
    const stop = op.offset + this.#machine.prng.below(op.end - op.start);
    const bytes = Math.max(0, stop - (stop % SECTOR_BYTES) - op.offset);
    this.#write({ ...op, end: op.start + bytes });
  }

  #write(op: DiskOp & { op: "write" }): void {
    const { prng, options } = this.#machine;
    const handle = this.#handle(op.file);
    if (!handle.writable) throw new DiskError("EBADF", handle.path, "write");
    this.#charge(handle, op.offset + op.end - op.start);
    handle.file.write(op.bytes.subarray(op.start, op.end), op.offset);
    if (prng.chance(options.writeBackChance ?? 0.1)) handle.file.writeBack(prng, 0.5);
  }

  #resize(op: DiskOp & { op: "truncate" | "allocate" }): void {
    const handle = this.#handle(op.file);
    if (op.op === "allocate") {
      if (op.lengthBytes <= handle.file.size) return;
      this.#charge(handle, op.lengthBytes);
    } else if (op.lengthBytes < handle.file.chargedBytes) {
      this.#machine.usedBytes -= handle.file.chargedBytes - op.lengthBytes;
      handle.file.chargedBytes = op.lengthBytes;
    }
    handle.file.resize(op.lengthBytes);
  }

  #charge(handle: Handle, endBytes: number): void {
    const more = endBytes - handle.file.chargedBytes;
    if (more <= 0) return;
    const limit = this.#machine.options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.#failWith(this.#machine.usedBytes + more > limit ? "ENOSPC" : null, handle.path, "write");
    this.#machine.usedBytes += more;
    handle.file.chargedBytes = endBytes;
  }

  #release(node: VirtualFile | VirtualDir | undefined): void {
    if (!(node instanceof VirtualFile)) return;
    this.#machine.usedBytes -= node.chargedBytes;
    node.chargedBytes = 0;
  }

  #unlock(handle: Handle): void {
    for (const [kind, holder] of handle.file.locks) {
      if (holder === handle) handle.file.locks.delete(kind);
    }
  }

  #check(op: FaultPoint, path: string): void {
    this.#alive(path);
    this.#failWith(this.#machine.faults.check(op, path), path, op);
  }

  #failWith(code: string | null, path: string, operation: string): void {
    if (code !== null) throw new DiskError(code, path, operation);
  }

  #alive(path: string): void {
    if (this.#dead) throw new DiskError("EIO", path, "the process is dead:");
  }

  #handle(file: FileId): Handle {
    this.#alive(`file ${file}`);
    const handle = this.#handles.get(file);
    assert(handle !== undefined, `file ${file} is not open`);
    return handle;
  }

  #file(path: string, operation: string): VirtualFile {
    const node = this.#machine.tree.find(path);
    if (!(node instanceof VirtualFile)) throw new DiskError("ENOENT", path, operation);
    return node;
  }

  #pathOf(op: DiskOp): string {
    if (op.op === "rename") return op.from;
    return "path" in op ? op.path : this.#handle(op.file).path;
  }

  #note(line: string): void {
    this.#machine.options.trace?.add(`disk ${line}`);
  }
}

/**
 * Copies what is not shared. Shared bytes are taken when the write runs, so that a caller who
 * changes them too early is found out.
 */
function ownBytes(op: DiskOp): DiskOp {
  if (op.op !== "write" || op.bytes.buffer instanceof SharedArrayBuffer) return op;
  return { ...op, bytes: op.bytes.slice(op.start, op.end), start: 0, end: op.end - op.start };
}

function describe(op: DiskOp, path: string, code: string | null): string {
  const detail =
    op.op === "write"
      ? ` ${op.offset}+${op.end - op.start}`
      : op.op === "rename"
        ? ` ${op.to}`
        : "lengthBytes" in op
          ? ` ${op.lengthBytes}`
          : "";
  return `${op.op} ${path}${detail}${code === null ? "" : ` ${code}`}`;
}
