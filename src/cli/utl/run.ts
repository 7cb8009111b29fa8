import { ToolError, Exit } from "../common/exit.ts";
import { execute } from "./command-line.ts";
import { failureText } from "./failure.ts";
import { rootCommand } from "./command/root.ts";
import type { World } from "./world.ts";

/** Runs skeinutl once. @returns the exit code; only bugs are thrown. */
export async function runUtl(
  argv: readonly string[],
  world: World,
  version: string,
): Promise<number> {
  try {
    return await execute(rootCommand(version), argv, world);
  } catch (error) {
    const text = error instanceof ToolError ? error.message : failureText(error);
    if (text === null) throw error;
    world.err(`Error: ${text}\n`);
    return error instanceof ToolError ? error.exitCode : Exit.error;
  }
}
