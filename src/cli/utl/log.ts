import type { World } from "./world.ts";

/**
 * One line on standard error in the form of etcdutl's: time, level, who, what, and fields as JSON,
 * separated by tabs. Ids are to be given as text.
 */
export function logInfo(
  world: World,
  message: string,
  fields: Readonly<Record<string, string | number | readonly string[]>>,
): void {
  const time = new Date(world.clock.wallMs()).toISOString().replace(/\.\d+Z$/, "Z");
  world.err(`${[time, "info", "skeinutl", message, JSON.stringify(fields)].join("\t")}\n`);
}
