/** `npm run bench`: Skein and etcd in turn under the same load. See usage() and RESULTS.md. */
import { parseArgs } from "node:util";
import { compare } from "./compare.ts";
import { floorTable, terminalTable, writeReport } from "./report.ts";
import { writeResults } from "./results.ts";
import { SERVER_NAMES } from "./servers.ts";
import type { ServerName } from "./servers.ts";
import { runShort, SHORT_ROUNDS } from "./short.ts";
import { chooseRows, FULL, rowId, ROWS, SHORT_ROWS } from "./workloads.ts";

const FULL_ROUNDS = 5;

const USAGE = `npm run bench -- [options]
  --rounds N         interleaved rounds (${FULL_ROUNDS}; --short: ${SHORT_ROUNDS})
  --workloads A,B    only these: a workload (put), a shape (16x8) or a row ("put 16x8")
  --servers A,B      of ${SERVER_NAMES.join(", ")} (all)
  --keys N           preloaded keys (${FULL.keys})
  --seconds S        measured time of a row (${FULL.seconds})
  --short            four rows against one etcd; fails when CPU per operation got a quarter worse
  --record           write results.json (and RESULTS.md) also from a partial or short run
  --dir D            where data directories are made
  --seed N`;

function parse(argv: readonly string[]) {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      rounds: { type: "string" },
      workloads: { type: "string", default: "" },
      servers: { type: "string", default: SERVER_NAMES.join(",") },
      keys: { type: "string", default: String(FULL.keys) },
      seconds: { type: "string", default: String(FULL.seconds) },
      short: { type: "boolean", default: false },
      record: { type: "boolean", default: false },
      dir: { type: "string" },
      seed: { type: "string", default: "1" },
      help: { type: "boolean", default: false },
    },
  });
  const servers = values.servers.split(",").map((name) => {
    const found = SERVER_NAMES.find((each) => each === name);
    if (found === undefined) throw new Error(`--servers ${name}: ${SERVER_NAMES.join(", ")}`);
    return found;
  });
  const wanted = values.workloads.split(",").filter((name) => name !== "");
  const rounds = Number(values.rounds ?? (values.short ? SHORT_ROUNDS : FULL_ROUNDS));
  const rows = chooseRows(values.short ? SHORT_ROWS : ROWS, wanted);
  if (rows.length === 0) {
    throw new Error(`--workloads ${values.workloads}: ${ROWS.map(rowId).join(", ")}`);
  }
  if (!(rounds >= 1)) throw new Error("--rounds: a number from 1 up");
  return { ...values, servers, rows, rounds, isPartial: wanted.length > 0 };
}

async function runFull(options: ReturnType<typeof parse>, command: string): Promise<number> {
  const servers: readonly ServerName[] = options.servers;
  const { recorded, faults } = await compare({
    servers,
    rows: options.rows,
    scale: { ...FULL, keys: Number(options.keys), seconds: Number(options.seconds) },
    rounds: options.rounds,
    seed: Number(options.seed),
    command,
    ...(options.dir === undefined ? {} : { baseDir: options.dir }),
  });
  console.log(`\n${recorded.machine}\n\n${terminalTable(recorded.medians)}\n`);
  if (servers.includes("skein") && servers.includes("etcd-3.7.1")) {
    console.log(floorTable(recorded.medians));
  }
  const isWhole = !options.isPartial && servers.length === SERVER_NAMES.length;
  if (faults.length === 0 && (isWhole || options.record)) {
    writeResults({ full: recorded });
    writeReport(recorded);
    console.log("\nwritten: bench/RESULTS.md, bench/results.json");
  }
  return faults.length === 0 ? 0 : 1;
}

async function main(argv: readonly string[]): Promise<number> {
  const options = parse(argv);
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  if (!options.short) {
    const given = argv.length === 0 ? "" : ` -- ${argv.join(" ")}`;
    return runFull(options, `npm run bench${given}`);
  }
  const { failed } = await runShort({
    rounds: options.rounds,
    seed: Number(options.seed),
    rows: options.rows,
    isRecording: options.record,
    ...(options.dir === undefined ? {} : { baseDir: options.dir }),
  });
  return failed === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  process.exitCode = 2;
}
