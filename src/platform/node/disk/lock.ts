import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { DiskError } from "../../disk.ts";
import type { LockKind } from "../../disk.ts";

/**
 * Node has neither flock(2) nor fcntl(2). Both locks belong to the open file description, not to a
 * process: a child that inherits our descriptor as its number 3 takes the lock for it and ends; the
 * lock stays until our last descriptor is closed, so also after kill -9.
 */
interface Way {
  readonly command: string;
  readonly args: readonly string[];
}

/** F_WRLCK from SEEK_SET 0, length 0 (the whole file), pid 0; 37 is F_OFD_SETLK. */
const PERL_RECORD = [
  'open(my $f, "+<&=", 3) or exit 3;',
  'my $l = pack("s s x4 q q l x4", 1, 0, 0, 0, 0);',
  "exit 0 if fcntl($f, 37, $l);",
  "exit($!{EAGAIN} || $!{EACCES} ? 1 : 3)",
].join(" ");

const PERL_FLOCK = [
  'open(my $f, "+<&=", 3) or exit 3;',
  "exit 0 if flock($f, 6);",
  "exit($!{EAGAIN} ? 1 : 3)",
].join(" ");

const WAYS: Readonly<Record<LockKind, readonly Way[]>> = {
  flock: [
    { command: "flock", args: ["-x", "-n", "3"] },
    { command: "perl", args: ["-e", PERL_FLOCK] },
  ],
  record: [
    { command: "perl", args: ["-e", PERL_RECORD] },
    { command: "flock", args: ["--fcntl", "-x", "-n", "3"] },
  ],
};

/** What we use of the optional package fs-native-extensions: F_OFD_SETLK in 1.4 µs, prebuilt. */
export interface NativeLock {
  tryLock(fd: number): boolean;
}

function loadNative(): NativeLock | null {
  try {
    return createRequire(import.meta.url)("fs-native-extensions") as NativeLock;
  } catch {
    return null;
  }
}

/** What fcntl(2) says where it has no locks of open file descriptions: old kernels, sandboxes. */
const NO_SUCH_LOCK: ReadonlySet<unknown> = new Set([
  "EINVAL",
  "ENOSYS",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOLCK",
]);
/** How the Perl programs say the same. */
const PERL_NO_SUCH_LOCK = 3;

/**
 * Takes the lock on `fd` or returns false when another open file has it. A child costs 2 to 4 ms
 * at start-up, but 20 to 90 ms of the event loop in a large process (fork copies page tables); the
 * native package nothing.
 * @throws DiskError ENOTSUP when the system has no such lock, ENOLCK when this machine offers no
 * way to take it.
 */
export function tryLock(fd: number, kind: LockKind, path: string): boolean {
  const native = kind === "record" && process.platform === "linux" ? loadNative() : null;
  return native === null ? tryLockByChild(fd, kind, path) : tryLockBy(native, fd, path);
}

/** As `tryLock` for a record lock, by the package. */
export function tryLockBy(native: NativeLock, fd: number, path: string): boolean {
  try {
    return native.tryLock(fd);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // POSIX lets a held lock be EACCES as well as EAGAIN.
    if (code === "EACCES") return false;
    if (NO_SUCH_LOCK.has(code)) throw new DiskError("ENOTSUP", path, "lock");
    throw error;
  }
}

/** As `tryLock`, without the package: it is optional, and a machine may not have it. */
export function tryLockByChild(
  fd: number,
  kind: LockKind,
  path: string,
  ways = WAYS[kind],
): boolean {
  if (kind === "record" && process.platform !== "linux") {
    throw new DiskError("ENOTSUP", path, "lock");
  }
  for (const way of ways) {
    const result = spawnSync(way.command, way.args, { stdio: ["ignore", "ignore", "ignore", fd] });
    if (result.status === 0) return true;
    if (result.status === 1) return false;
    if (result.status === PERL_NO_SUCH_LOCK && way.command === "perl") {
      throw new DiskError("ENOTSUP", path, "lock");
    }
  }
  throw new DiskError("ENOLCK", path, "lock");
}
