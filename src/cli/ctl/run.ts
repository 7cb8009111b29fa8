import { execute } from "./command-tree.ts";
import { rootCommand } from "./command/root.ts";
import { ToolError } from "../common/exit.ts";
import type { Io } from "./io.ts";

/**
 * Runs skeinctl once. `argv` and all text of `io` are byte strings. @returns the exit code; only
 * bugs are thrown.
 */
export async function runCtl(argv: readonly string[], io: Io, version: string): Promise<number> {
  try {
    return await execute(rootCommand(version), argv, io);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    if (error.message !== "") io.err(`Error: ${error.message}\n`);
    return error.exitCode;
  }
}
