import type { Command } from "../command-tree.ts";
import { ToolError, Exit } from "../../common/exit.ts";

/** A command of etcdctl that this version does not have yet: it says so and fails. */
export function notServed(name: string, summary: string, group?: string): Command {
  return {
    name,
    summary: `${summary} (not yet served)`,
    ...(group === undefined ? {} : { group }),
    anyFlags: true,
    run: () => Promise.reject(new ToolError(Exit.error, `${name}: not yet served by skeinctl`)),
  };
}

/** A group of such commands. */
export function notServedGroup(
  name: string,
  summary: string,
  how: { readonly group: string; readonly children: readonly string[] },
): Command {
  return {
    name,
    summary: `${summary} (not yet served)`,
    group: how.group,
    children: how.children.map((child) => notServed(child, `${name} ${child}`)),
  };
}
