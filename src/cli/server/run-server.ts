import type { MemberConfig } from "../../member/config.ts";
import { startMember } from "../../member/member.ts";
import type { NodeLogger } from "../../platform/node/logger.ts";
import { createNodeLogger } from "../../platform/node/logger.ts";
import { nodePlatform } from "../../platform/node/platform.ts";
import { bannerText } from "./banner.ts";
import type { LogSettings } from "./flags/interpret.ts";
import type { Note } from "./flags/note.ts";
import { collectWhenIdle } from "./idle-collection.ts";
import { dieBy, nextStopSignal } from "./signals.ts";
import { explainFault, explainStartFailure } from "./start-failure.ts";
import { EMULATED_ETCD_VERSION, ownVersion } from "./versions.ts";

/** A complete configuration of the program. */
export interface ServerSettings {
  readonly config: MemberConfig;
  readonly log: LogSettings;
  /** What reading the flags had to say. */
  readonly notes: readonly Note[];
}

/** Exit code after a failure to start and after a fatal fault. */
const EXIT_FAILURE = 1;
/** Exit code after a bug of ours, as Go's after a panic. */
const EXIT_CRASH = 2;

/** Makes the program's logger; without outputs of its own the failure goes to stderr. */
export async function openLog(log: LogSettings): Promise<NodeLogger> {
  const isPerson = log.format === "auto" && process.stderr.isTTY;
  const format = isPerson || log.format === "console" ? "console" : "json";
  try {
    return createNodeLogger({ outputs: log.outputs, level: log.level, format });
  } catch (error) {
    const logger = createNodeLogger({ outputs: ["stderr"], level: "info", format });
    logger.fatal("cannot open the log", { error: String(error) });
    await logger.close();
    process.exit(EXIT_FAILURE);
  }
}

/**
 * Runs one member until a signal or a fatal fault ends it, then ends the process. After a signal
 * the member finishes the calls under way first.
 */
export async function runServer({ config, log, notes }: ServerSettings): Promise<void> {
  const logger = await openLog(log);
  process.on("uncaughtException", (error) => {
    const fault = explainFault(error);
    if (fault === null) {
      logger.fatal("a bug of Skein stops the process", { error: error.stack ?? error.message });
    } else logger.fatal("the member stopped", { error: fault.message, remedy: fault.remedy });
    logger.flush();
    process.exit(fault === null ? EXIT_CRASH : EXIT_FAILURE);
  });
  for (const note of notes) logger.log(note.level, note.message, note.fields);
  logger.log("info", "starting Skein", {
    version: ownVersion(),
    "etcd-version": EMULATED_ETCD_VERSION,
    "node-version": process.version,
    name: config.name,
    "data-dir": config.dataDir,
    "wal-dir": config.walDir,
    "listen-client-urls": config.listenClientUrls.map((url) => url.text),
    "advertise-client-urls": config.advertiseClientUrls.map((url) => url.text),
  });
  const platform = nodePlatform(logger);
  const signal = nextStopSignal();
  const starting = startMember(config, platform);
  const member = await starting.catch((error: unknown) => failToStart(error, logger));
  if (!log.outputs.includes("stdout")) {
    const fromNpm = process.env["npm_lifecycle_event"] !== undefined;
    const { clientUrls } = member;
    process.stdout.write(bannerText({ version: ownVersion(), config, clientUrls, fromNpm }));
  }
  collectWhenIdle();
  const end = await Promise.race([signal, member.closed]);
  if (typeof end !== "string") {
    const { message, remedy } = explainStartFailure(end ?? "closed");
    logger.fatal("the member stopped", {
      error: message,
      remedy: remedy === "" ? undefined : remedy,
    });
    await logger.close();
    process.exit(EXIT_FAILURE);
  }
  logger.log("info", "received signal; shutting down", { signal: signalText(end) });
  await member.close();
  logger.log("info", "closed", {});
  platform.close();
  await logger.close();
  dieBy(end);
}

/** Go's names of the signals, as etcd logs them. */
function signalText(signal: "SIGINT" | "SIGTERM"): string {
  return signal === "SIGINT" ? "interrupt" : "terminated";
}

async function failToStart(error: unknown, logger: NodeLogger): Promise<never> {
  const { message, remedy } = explainStartFailure(error);
  logger.fatal("cannot start", { error: message, remedy: remedy === "" ? undefined : remedy });
  await logger.close();
  if (process.stderr.isTTY) process.stderr.write(`\nskein: ${message}\n${remedy}\n`);
  process.exit(EXIT_FAILURE);
}
