import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Interpretation, Surroundings } from "./flags/interpret.ts";
import { interpret } from "./flags/interpret.ts";
import type { Note } from "./flags/note.ts";
import { flagsText, usageText } from "./help.ts";
import { openLog, runServer } from "./run-server.ts";
import { versionText } from "./versions.ts";

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;
const DEFAULT_LOG = { outputs: ["default"], level: "info", format: "auto" } as const;

/** etcd's words, to the last parenthesis. */
const SHADOWED =
  "conflicting environment variable is shadowed by corresponding command-line flag " +
  "(either unset environment variable or disable flag))";

const SURROUNDINGS: Surroundings = {
  env: process.env,
  readFile(file) {
    try {
      return readFileSync(file, "utf8");
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "";
      const text = code === "ENOENT" ? "no such file or directory" : code;
      throw new Error(`open ${file}: ${text}`, { cause: error });
    }
  },
  hasMember: (dataDir) => existsSync(path.join(dataDir, "member")),
};

/** The last words of a start that its flags forbid. */
async function complain(
  level: "warn" | "fatal",
  last: Note,
  notes: readonly Note[] = [],
): Promise<never> {
  const logger = await openLog(DEFAULT_LOG);
  for (const note of notes) logger.log(note.level, note.message, note.fields);
  if (level === "fatal") logger.fatal(last.message, last.fields);
  else logger.log("warn", last.message, last.fields);
  await logger.close();
  process.exit(EXIT_FAILURE);
}

async function act(outcome: Interpretation): Promise<void> {
  switch (outcome.kind) {
    case "help":
      process.stderr.write(usageText());
      process.stdout.write(flagsText());
      return;
    case "version":
      process.stdout.write(versionText());
      return;
    case "usage": {
      const hint = outcome.hint === null ? "" : `${outcome.hint}\n`;
      process.stderr.write(`${outcome.message}\n${hint}${usageText()}`);
      process.exitCode = EXIT_USAGE;
      return;
    }
    case "plain":
      process.stderr.write(`${outcome.message}\n`);
      process.exitCode = EXIT_FAILURE;
      return;
    case "conflict":
      return complain("fatal", {
        level: "error",
        message: SHADOWED,
        fields: { "environment-variable": outcome.variable },
      });
    case "invalid": {
      const fields = { error: outcome.message };
      const message = "failed to verify flags";
      return complain("warn", { level: "warn", message, fields }, outcome.notes);
    }
    case "run":
      return runServer(outcome);
  }
}

await act(interpret(process.argv.slice(2), SURROUNDINGS));
