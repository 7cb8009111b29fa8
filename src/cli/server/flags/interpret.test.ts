import assert from "node:assert/strict";
import { test } from "node:test";
import type { MemberConfig } from "../../../member/config.ts";
import { memberConfig } from "../../../member/config.ts";
import type { Surroundings } from "./interpret.ts";
import { interpret } from "./interpret.ts";

interface Around {
  readonly env?: Surroundings["env"];
  readonly file?: string;
  readonly hasMember?: boolean;
}

function read(argv: readonly string[], { env = {}, file = "", hasMember = false }: Around = {}) {
  return interpret(argv, { env, readFile: () => file, hasMember: () => hasMember });
}

function configOf(argv: readonly string[], around: Around = {}): MemberConfig {
  const outcome = read(argv, around);
  assert.ok(outcome.kind === "run", JSON.stringify(outcome));
  return outcome.config;
}

function reasonOf(argv: readonly string[], around: Around = {}): string {
  const outcome = read(argv, around);
  assert.ok("message" in outcome, JSON.stringify(outcome));
  return outcome.message;
}

function warnings(argv: readonly string[]): readonly string[] {
  const outcome = read(argv);
  assert.ok(outcome.kind === "run", JSON.stringify(outcome));
  return outcome.notes
    .filter((note) => note.level === "warn")
    .map((note) => `${note.message} ${JSON.stringify(note.fields)}`);
}

test("without flags the configuration is that of memberConfig in default.etcd", () => {
  const dataDir = `${process.cwd()}/default.etcd`;
  assert.deepEqual(configOf([]), memberConfig({ dataDir }));
  assert.deepEqual(warnings([]), []);
});

const FORMS: readonly (readonly [string, readonly string[], Partial<MemberConfig>])[] = [
  ["one dash", ["-max-txn-ops=7"], { maxTxnOps: 7 }],
  ["two dashes and a space", ["--max-txn-ops", "7"], { maxTxnOps: 7 }],
  ["hexadecimal", ["--max-txn-ops=0x10"], { maxTxnOps: 16 }],
  ["octal and grouped", ["--max-txn-ops=0o1_0"], { maxTxnOps: 8 }],
  ["the last wins", ["--max-txn-ops=1", "--max-txn-ops=2"], { maxTxnOps: 2 }],
  ["a bare switch", ["--unsafe-no-fsync"], { unsafeNoFsync: true }],
  ["a switch with a value", ["--pre-vote=F"], { preVote: false }],
  ["flags end at two dashes", ["--max-txn-ops=2", "--"], { maxTxnOps: 2 }],
  ["old flags are passed over", ["--snapshot", "--max-txn-ops=2"], { maxTxnOps: 2 }],
  ["a duration", ["--grpc-keepalive-interval=1m30s"], { grpcKeepaliveIntervalMs: 90_000 }],
  ["0 quota is 2 GiB", ["--quota-backend-bytes=0"], { quotaBackendBytes: 2147483648 }],
  ["negative quota is none", ["--quota-backend-bytes=-1"], { quotaBackendBytes: -1 }],
  ["0 snapshots is 10000", ["--snapshot-count=0"], { snapshotCount: 10_000 }],
  [
    "0 threshold is 300ms",
    ["--warning-unary-request-duration=0s"],
    { warningUnaryRequestDurationMs: 300 },
  ],
  ["bcrypt out of range", ["--bcrypt-cost=40"], { bcryptCost: 10 }],
  [
    "hours",
    ["--auto-compaction-retention=2"],
    { autoCompaction: { mode: "periodic", retentionMs: 7_200_000 } },
  ],
  [
    "a period",
    ["--auto-compaction-retention=10m"],
    { autoCompaction: { mode: "periodic", retentionMs: 600_000 } },
  ],
  [
    "revisions",
    ["--auto-compaction-mode=revision", "--auto-compaction-retention=1000"],
    { autoCompaction: { mode: "revision", retentionRevisions: 1000 } },
  ],
  [
    "a duration means its nanoseconds as revisions",
    ["--auto-compaction-mode=revision", "--auto-compaction-retention=2us"],
    { autoCompaction: { mode: "revision", retentionRevisions: 2000 } },
  ],
  [
    "a plus sign",
    ["--auto-compaction-retention=+1"],
    { autoCompaction: { mode: "periodic", retentionMs: 3_600_000 } },
  ],
  ["no retention", ["--auto-compaction-retention="], { autoCompaction: { mode: "off" } }],
  ["no time", ["--auto-compaction-retention=0s"], { autoCompaction: { mode: "off" } }],
  ["the shortest election", ["--election-timeout=500"], { electionTimeoutMs: 500 }],
  ["the longest election", ["--election-timeout=50000"], { electionTimeoutMs: 50_000 }],
  ["a wal directory", ["--wal-dir=/w"], { walDir: "/w" }],
  ["the data directory of a name", ["--name=a"], { dataDir: `${process.cwd()}/a.etcd` }],
  [
    "the cluster of a name",
    ["--name=a"],
    { initialCluster: [{ name: "a", peerUrls: ["http://localhost:2380"] }] },
  ],
];

for (const [what, argv, expected] of FORMS) {
  test(`${what}: ${argv.join(" ")}`, () => {
    const config = configOf(argv);
    for (const [key, value] of Object.entries(expected)) {
      assert.deepEqual(config[key as keyof MemberConfig], value, key);
    }
  });
}

test("URLs are sorted, trimmed, without duplicates", () => {
  const list = " http://127.0.0.1:2,http://127.0.0.1:1,http://127.0.0.1:2";
  const config = configOf([`--listen-client-urls=${list}`]);
  const texts = config.listenClientUrls.map((url) => url.text);
  assert.deepEqual(texts, ["http://127.0.0.1:1", "http://127.0.0.1:2"]);
});

test("IPv6 and unix sockets are addresses", () => {
  const config = configOf(["--listen-client-urls=http://[::1]:2379,unix:///run/skein.sock"]);
  assert.deepEqual(
    config.listenClientUrls.map((url) => url.address),
    [
      { kind: "tcp", host: "::1", port: 2379 },
      { kind: "unix", path: "/run/skein.sock" },
    ],
  );
});

test("listen URLs alone are advertised, unless they stand for every interface", () => {
  const config = configOf(["--listen-client-urls=http://127.0.0.1:3379"]);
  assert.deepEqual(config.advertiseClientUrls, config.listenClientUrls);
  for (const host of ["0.0.0.0", "[::]"]) {
    const reason = reasonOf([`--listen-client-urls=http://${host}:3379`]);
    assert.match(reason, /^--advertise-client-urls is required/);
  }
});

test("gates: stages and names, names win", () => {
  const gates = configOf([
    "--feature-gates=AllAlpha=true,LeaseCheckpoint=false,AllBeta=0,LeaseCheckpointPersist=f",
  ]);
  assert.equal(gates.featureGates.CompactHashCheck, true);
  assert.equal(gates.featureGates.LeaseCheckpoint, false);
  assert.equal(gates.featureGates.FastLeaseKeepAlive, false);
});

test("environment: used, empty is unset, unknown is warned about, version is refused", () => {
  const env = {
    ETCD_MAX_TXN_OPS: "5",
    ETCD_NAME: "",
    ETCD_FOO: "1",
    ETCD_VERSION: "v3",
    HOME: "/",
  };
  const outcome = read([], { env });
  assert.ok(outcome.kind === "run");
  assert.equal(outcome.config.maxTxnOps, 5);
  assert.equal(outcome.config.name, "default");
  assert.deepEqual(
    outcome.notes.map((note) => [note.level, note.message, Object.values(note.fields).join(" ")]),
    [
      ["info", "recognized and used environment variable", "ETCD_MAX_TXN_OPS 5"],
      ["warn", "unrecognized environment variable", "ETCD_NAME="],
      ["warn", "unrecognized environment variable", "ETCD_FOO=1"],
      ["warn", "cannot set special environment variable", "ETCD_VERSION v3"],
    ],
  );
});

test("a file is the only source; keys in any case, nanoseconds, lists as lists", () => {
  const file = `
Name: m1
data-dir: /d
listen-client-urls: http://127.0.0.1:1, http://127.0.0.1:2
advertise-client-urls: http://127.0.0.1:1
grpc-keepalive-interval: 1000000000
heartbeat-interval: 50
log-outputs: [stdout, stderr]
pre-vote: no
unknown: 7
`;
  const outcome = read(["--config-file=f", "--max-txn-ops=3"], { file, env: { ETCD_NAME: "x" } });
  assert.ok(outcome.kind === "run");
  const { config, log } = outcome;
  assert.equal(config.name, "m1");
  assert.equal(config.maxTxnOps, 128);
  assert.equal(config.grpcKeepaliveIntervalMs, 1000);
  assert.equal(config.heartbeatIntervalMs, 50);
  assert.equal(config.preVote, false);
  assert.equal(config.listenClientUrls.length, 2);
  assert.deepEqual(log.outputs, ["stderr", "stdout"]);
});

test("the file keeps the default of what is advertised", () => {
  const config = configOf([], {
    env: { ETCD_CONFIG_FILE: "f" },
    file: "listen-client-urls: http://127.0.0.1:3379",
  });
  assert.deepEqual(
    config.advertiseClientUrls.map((url) => url.text),
    ["http://localhost:2379"],
  );
});

test("an initial cluster is not looked at when there is data", () => {
  assert.match(
    reasonOf(["--name=b", "--initial-cluster=a=http://localhost:2380"]),
    /couldn't find/,
  );
  configOf(["--name=b", "--initial-cluster=a=http://localhost:2380"], { hasMember: true });
});

const REFUSED = [
  ["--cert-file=c", "--cert-file"],
  ["--client-cert-auth", "--client-cert-auth"],
  ["--trusted-ca-file=c", "--trusted-ca-file"],
  ["--auto-tls", "--auto-tls"],
  ["--peer-auto-tls", "--peer-auto-tls"],
  ["--auth-token=jwt,sign-method=RS256", "--auth-token"],
  ["--host-whitelist=a", "--host-whitelist"],
  ["--force-new-cluster", "--force-new-cluster"],
  ["--initial-cluster-state=existing", "--initial-cluster-state"],
  ["--discovery-srv=a", "--discovery-srv"],
  ["--listen-client-urls=https://127.0.0.1:1", "TLS is not yet served"],
  ["--listen-client-urls=unixs:///s", "TLS is not yet served"],
  [
    "--initial-cluster=default=http://localhost:2380,b=http://localhost:2381",
    "clusters of several are not yet served",
  ],
] as const;

for (const [flag, words] of REFUSED) {
  test(`refused: ${flag}`, () => assert.ok(reasonOf([flag]).includes(words)));
}

test("what protects and is at its default is not refused", () => {
  configOf(["--auto-tls=false", "--tls-min-version=TLS1.2", "--cors=*", "--auth-token=simple"]);
});

test("a flag without effect is warned about by name, at its default it is not", () => {
  assert.match(warnings(["--memory-mlock"]).join(), /known but not yet served.*--memory-mlock/);
  assert.deepEqual(warnings(["--memory-mlock=false"]), []);
  assert.match(warnings(["--max-snapshots=5"]).join(), /deprecated/);
});

test("listening beyond this machine is warned about", () => {
  const open = ["--listen-client-urls=http://0.0.0.0:1", "--advertise-client-urls=http://a:1"];
  assert.match(warnings(open).join(), /without TLS or authentication/);
  const closed = "http://127.0.0.2:1,http://localhost:1,http://[::1]:1,unix:///s";
  assert.deepEqual(warnings([`--listen-client-urls=${closed}`]), []);
});

const HINTS = [
  ["--data-dri", "did you mean --data-dir?"],
  ["--listen-client-url", "did you mean --listen-client-urls?"],
  ["--experimental-corrupt-check-time", "did you mean --corrupt-check-time?"],
  ["--proxy", null],
  ["--xyzzy", null],
] as const;

for (const [flag, hint] of HINTS) {
  test(`a flag nobody knows: ${flag}`, () => {
    const outcome = read([flag]);
    assert.ok(outcome.kind === "usage");
    assert.equal(outcome.message, `flag provided but not defined: -${flag.slice(2)}`);
    assert.equal(outcome.hint, hint);
  });
}

test("help and version win over what comes with them", () => {
  assert.equal(read(["--name=a", "-h"]).kind, "help");
  assert.equal(read(["--help"]).kind, "help");
  assert.equal(read(["--version"], { env: { ETCD_NAME: "a" } }).kind, "version");
  assert.equal(read(["--version=false"]).kind, "run");
});

test("etcd's other programs are named as not served", () => {
  assert.match(reasonOf(["gateway", "start"]), /gateway is not yet served/);
});
