import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import path from "node:path";
import { test } from "node:test";
import { type Program, spawnServer, withTempDir } from "./program.ts";
import { freePort } from "./server-process.ts";

async function finish(server: Program): Promise<string> {
  const { code, signal } = await server.exited;
  return signal ?? `exit ${code}`;
}

/** The last line of the log, which says why the start failed. */
function lastWords(server: Program): Record<string, string> {
  const line = server.stderr.trim().split("\n").at(-1) ?? "";
  return JSON.parse(line) as Record<string, string>;
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal} stops it well, and it dies by that signal`, async () => {
    await withTempDir(async (dir) => {
      const url = `http://127.0.0.1:${await freePort()}`;
      const server = spawnServer(["--data-dir", dir, "--listen-client-urls", url]);
      try {
        await server.saw(/Try in another terminal/);
        assert.match(server.stdout, new RegExp(`clients {2}${url}\n`));
        assert.ok(server.stdout.includes(`data     ${dir}\n`));
        assert.ok(server.stdout.includes(`--endpoints=${url} put`));
        server.kill(signal);
        assert.equal(await finish(server), signal);
        assert.match(server.stderr, /"ready to serve client requests"/);
        assert.match(server.stderr, /"received signal; shutting down"/);
        assert.equal(lastWords(server)["msg"], "closed");
      } finally {
        server.kill("SIGKILL");
      }
    });
  });
}

/** Starts that fail: what is prepared, and what the last words must say. */
const FAILURES: readonly {
  readonly what: string;
  prepare(dir: string, port: number): Promise<Server> | void;
  readonly error: RegExp;
  readonly remedy: RegExp;
}[] = [
  {
    what: "the port is taken",
    prepare: (_dir, port) =>
      new Promise((resolve) => {
        const server = createServer().listen(port, "127.0.0.1", () => resolve(server));
      }),
    error: /http:\/\/127\.0\.0\.1:\d+ is taken/,
    remedy: /--listen-client-urls/,
  },
  {
    what: "a file is where the data directory should be",
    prepare: (dir) => writeFileSync(path.join(dir, "data"), ""),
    error: /cannot write to data directory .*data: E/,
    remedy: /--data-dir/,
  },
  {
    what: "the database is damaged",
    prepare: (dir) => {
      mkdirSync(path.join(dir, "data", "member", "snap"), { recursive: true });
      writeFileSync(path.join(dir, "data", "member", "snap", "db"), "not a database");
    },
    error: /invalid database \(.*member.snap.db\)/,
    remedy: /Restore the member from a snapshot/,
  },
];

for (const { what, prepare, error, remedy } of FAILURES) {
  test(`start fails and says what to do: ${what}`, async () => {
    await withTempDir(async (dir) => {
      const port = await freePort();
      const held = await prepare(dir, port);
      try {
        const url = `http://127.0.0.1:${port}`;
        const dataDir = path.join(dir, "data");
        const server = spawnServer(["--data-dir", dataDir, "--listen-client-urls", url]);
        assert.equal(await finish(server), "exit 1");
        const words = lastWords(server);
        assert.equal(words["level"], "fatal");
        assert.match(words["error"]!, error);
        assert.match(words["remedy"]!, remedy);
      } finally {
        held?.close();
      }
    });
  });
}

/** Starts that end before there is a member; the rest of them is tested beside the flags. */
const SHORT: readonly {
  readonly argv: readonly string[];
  readonly ending: string;
  readonly stdout: RegExp;
  readonly stderr: RegExp;
}[] = [
  {
    argv: ["--help"],
    ending: "exit 0",
    stdout: /--listen-client-urls 'http:\/\/localhost:2379'/,
    stderr: /^Usage:/,
  },
  {
    argv: ["--version"],
    ending: "exit 0",
    stdout: /^Skein Version: \d+\.\d+\.\d+\netcd Version: 3\.7\.1\nGit SHA: .*\nNode Version: v/,
    stderr: /^$/,
  },
  {
    argv: ["--data-dri=x"],
    ending: "exit 2",
    stdout: /^$/,
    stderr: /^flag provided but not defined: -data-dri\ndid you mean --data-dir\?\nUsage:/,
  },
  {
    argv: ["--cert-file=x"],
    ending: "exit 1",
    stdout: /^$/,
    stderr: /"error":"--cert-file is known but not yet served/,
  },
];

for (const { argv, ending, stdout, stderr } of SHORT) {
  test(`${argv.join(" ")}: ${ending}`, async () => {
    const program = spawnServer(argv);
    assert.equal(await finish(program), ending);
    assert.match(program.stdout, stdout);
    assert.match(program.stderr, stderr);
  });
}

test("a variable shadowed by its flag ends the start", async () => {
  const program = spawnServer(["--name=a"], { ETCD_NAME: "b" });
  assert.equal(await finish(program), "exit 1");
  const words = lastWords(program);
  assert.equal(words["level"], "fatal");
  assert.equal(words["environment-variable"], "ETCD_NAME");
});

test("a configuration file starts a member", async () => {
  await withTempDir(async (dir) => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const file = path.join(dir, "skein.yml");
    const lines = ["name: from-file", `data-dir: ${dir}/d`, `listen-client-urls: ${url}`];
    writeFileSync(file, `${lines.join("\n")}\nadvertise-client-urls: ${url}\n`);
    const program = spawnServer(["--config-file", file]);
    try {
      await program.saw(/Skein \S+ runs as member "from-file"/);
    } finally {
      program.kill("SIGKILL");
      await program.exited;
    }
  });
});
