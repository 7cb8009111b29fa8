import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { needOracle } from "../compat/oracles/oracles.ts";
import { cleanEnv, Program, ROOT, withTempDir } from "./program.ts";
import { freePort } from "./server-process.ts";

const execute = promisify(execFile);

/** The lines between the fences of README.md. */
function readmeCommands(): readonly string[] {
  const text = readFileSync(path.join(ROOT, "README.md"), "utf8");
  const blocks = [...text.matchAll(/^```\n(.*?)^```/gms)].map((match) => match[1]!);
  return blocks.flatMap((block) => block.trim().split("\n"));
}

interface World {
  readonly port: number;
  readonly dir: string;
  readonly debianEtcdctl: string | undefined;
}

async function start(command: string, env: NodeJS.ProcessEnv): Promise<Program> {
  const server = new Program(command.split(" "), env, ROOT);
  await server.saw(/Try in another terminal/);
  return server;
}

async function run(command: string, { port, debianEtcdctl }: World): Promise<string> {
  const [program, ...args] = command.split(" ");
  const env = cleanEnv({
    ETCDCTL_API: "3",
    ETCDCTL_ENDPOINTS: `http://127.0.0.1:${port}`,
  });
  const file = program === "etcdctl" ? debianEtcdctl! : program!;
  return (await execute(file, args, { cwd: ROOT, env })).stdout.trim();
}

/** What each command of README.md must do, in the order of the page. */
const EXPECTED: Readonly<Record<string, string | "server" | "outside">> = {
  "npm start": "server",
  "npm run -s skeinctl -- put greeting hello": "OK",
  "npm run -s skeinctl -- get greeting": "greeting\nhello",
  "etcdctl put greeting hello": "OK",
  "npm start -- --data-dir /tmp/skein-data --listen-client-urls http://127.0.0.1:3379": "server",
  // That is what runs this test.
  "npm test": "outside",
};

test("every command of README.md is known here, and none is missing there", () => {
  assert.deepEqual(readmeCommands(), Object.keys(EXPECTED));
});

test("the commands of README.md do what it says", async (t) => {
  const debianEtcdctl = needOracle(t, "etcdctl", "3.4");
  if (debianEtcdctl === undefined) return;
  await withTempDir(async (dir) => {
    const world: World = { port: await freePort(), dir, debianEtcdctl };
    let server: Program | null = null;
    try {
      for (const [command, expected] of Object.entries(EXPECTED)) {
        if (expected === "outside") continue;
        if (expected !== "server") {
          assert.equal(await run(command, world), expected, command);
          continue;
        }
        server?.kill("SIGKILL");
        await server?.exited;
        server = await startFrom(command, world);
      }
    } finally {
      server?.kill("SIGKILL");
      await server?.exited;
    }
  });
});

test("npm start and the installed program are the same", () => {
  const { scripts, bin } = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8")) as {
    readonly scripts: { readonly start: string };
    readonly bin: { readonly skein: string };
  };
  assert.equal(`node ${path.normalize(bin.skein)}`, scripts.start);
});

/** Starts as written, on a port and in a directory of the test. */
function startFrom(command: string, { port, dir }: World): Promise<Program> {
  const dataDir = path.join(dir, "data");
  const url = `http://127.0.0.1:${port}`;
  if (command.includes(" -- ")) {
    const own = command.replace("/tmp/skein-data", dataDir).replace(/http:\S+/, url);
    return start(own, cleanEnv());
  }
  return start(command, cleanEnv({ ETCD_DATA_DIR: dataDir, ETCD_LISTEN_CLIENT_URLS: url }));
}
