/** What /proc says about a process tree, and about the machine. Linux only. */
import { execFileSync } from "node:child_process";
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readdirSync } from "node:fs";
import { readFileSync, rmSync, statfsSync, writeSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const KIB = 1024;
const MIB = 1024 * KIB;

const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0xef53: "ext4",
  0x01021994: "tmpfs",
  0x58465342: "xfs",
  0x9123683e: "btrfs",
  0x794c7630: "overlayfs",
};

/** The file system that holds `dir`, by name where known. */
export function fileSystemOf(dir: string): string {
  const type = statfsSync(dir).type;
  return FILE_SYSTEMS[type] ?? `0x${type.toString(16)}`;
}

function descendants(pid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 1).split(" ")[2]));
    } catch {
      // It ended while we looked.
    }
  }
  const found = [pid];
  for (let at = 0; at < found.length; at += 1) {
    for (const [child, parent] of parents) if (parent === found[at]) found.push(child);
  }
  return found;
}

/** Jiffies of /proc: always 100 a second. */
const JIFFY_SECONDS = 0.01;

/** Processor time of `pid` alone so far, of all its threads, user and system. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * JIFFY_SECONDS;
}

/** Memory of a process and its descendants, in MiB. */
export interface Memory {
  /** Resident set: what `ps` shows. */
  readonly rssMib: number;
  /** The part of it that no file backs. */
  readonly anonMib: number;
  /** The highest resident set so far. */
  readonly peakMib: number;
}

/** Memory of `pid` and its descendants; zeros when it is gone. */
export function memoryOf(pid: number): Memory {
  let [rss, anon, peak] = [0, 0, 0];
  for (const each of descendants(pid)) {
    let status: string;
    try {
      status = readFileSync(`/proc/${each}/status`, "latin1");
    } catch {
      continue;
    }
    const field = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
    rss += field("VmRSS") || 0;
    anon += field("RssAnon") || 0;
    peak += field("VmHWM") || 0;
  }
  return { rssMib: rss / KIB, anonMib: anon / KIB, peakMib: peak / KIB };
}

/** How long the main thread of `pid` has been ready to run without getting a CPU, in ms. */
export function cpuWaitMs(pid: number): number {
  const [, waitNs] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "latin1").split(" ");
  return Number(waitNs) / 1e6;
}

/** Median of an odd or even number of values; NaN when there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Median time of an fdatasync after a write of 4 KiB in `dir`, in µs. */
export function fdatasyncUs(dir: string): number {
  const scratch = mkdtempSync(path.join(dir, "skein-sync-"));
  const fd = openSync(path.join(scratch, "probe"), "w");
  const block = Buffer.alloc(4 * KIB, 1);
  const times: number[] = [];
  for (let at = 0; at < 200; at += 1) {
    writeSync(fd, block, 0, block.length, at * block.length);
    const start = performance.now();
    fdatasyncSync(fd);
    times.push((performance.now() - start) * 1000);
  }
  closeSync(fd);
  rmSync(scratch, { recursive: true });
  return median(times);
}

/** The machine in one line, as the results name it. */
export function machineLine(dir: string): string {
  const cpus = os.cpus();
  const memory = Math.round(os.totalmem() / MIB / KIB);
  const model = cpus[0]?.model ?? "unknown CPU";
  const sync = Math.round(fdatasyncUs(dir));
  const disk = `${fileSystemOf(dir)}, fdatasync of 4 KiB ${sync} µs`;
  return `${cpus.length} × ${model}, ${memory} GiB, Linux ${os.release()}, ${disk}`;
}

/** The commit of the clone, `-dirty` when it has changes, or "unknown". */
export function commitLine(root: string): string {
  try {
    const git = (...args: string[]) =>
      execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: "pipe" });
    const dirty = git("status", "--porcelain", "--", "src").trim() === "" ? "" : "-dirty";
    return git("rev-parse", "--short=10", "HEAD").trim() + dirty;
  } catch {
    return "unknown";
  }
}
