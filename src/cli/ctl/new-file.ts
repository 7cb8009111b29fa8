import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { getSystemErrorMessage } from "node:util";
import type { NewFile } from "./io.ts";

/** For its owner only. */
const MODE = 0o600;

/** In the words of Go. */
function textOf(error: unknown): string {
  const { syscall, path, errno } = error as NodeJS.ErrnoException;
  if (errno === undefined) return String(error);
  return `${syscall ?? "write"} ${path ?? ""}: ${getSystemErrorMessage(errno)}`;
}

/** Begins a file that has the name `path` once it is whole and durable. @throws Error. */
export function newFile(path: string): NewFile {
  const part = `${path}.part`;
  let file: number | null = null;
  try {
    file = openSync(part, "w", MODE);
  } catch (error) {
    throw new Error(`could not open ${part} (${textOf(error)})`);
  }
  return {
    write: (bytes) => {
      for (let at = 0; at < bytes.length;) at += writeSync(file!, bytes, at);
    },
    finish: () => {
      fsyncSync(file!);
      closeSync(file!);
      file = null;
      try {
        renameSync(part, path);
      } catch (error) {
        throw new Error(`could not rename ${part} to ${path} (${textOf(error)})`);
      }
    },
    discard: () => {
      if (file !== null) closeSync(file);
      rmSync(part, { force: true });
    },
  };
}
