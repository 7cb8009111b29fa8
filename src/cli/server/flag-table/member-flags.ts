import { section } from "./flag-spec.ts";

const LOCAL_PEER = "http://localhost:2380";
const LOCAL_CLIENT = "http://localhost:2379";
const IGNORED = { status: "ignored" } as const;
const REFUSED = { status: "refused" } as const;

/** Flags about this member and its storage. */
export const MEMBER_FLAGS = section("Member", [
  ["name", "string", "default", "Name of this member, unique in its cluster."],
  ["data-dir", "string", "", "Data directory; <name>.etcd when empty."],
  ["wal-dir", "string", "", "Directory of the log; <data-dir>/member/wal when empty."],
  ["snapshot-count", "uint64", "10000", "Applied entries between raft snapshots."],
  [
    "snapshot-catchup-entries",
    "uint64",
    "5000",
    "Raft entries kept for slow followers after a snapshot.",
    IGNORED,
  ],
  ["heartbeat-interval", "uint", "100", "One raft tick, in milliseconds."],
  [
    "election-timeout",
    "uint",
    "1000",
    "Silence of the leader before an election, in milliseconds; at least 5 ticks, at most 50000.",
  ],
  [
    "initial-election-tick-advance",
    "bool",
    "true",
    "Skips most of the first election timeout at start.",
  ],
  ["listen-peer-urls", "urls", LOCAL_PEER, "Where to listen for other members.", IGNORED],
  [
    "listen-client-urls",
    "urls",
    LOCAL_CLIENT,
    "Where to listen for clients: gRPC, and HTTP unless --listen-client-http-urls is set.",
  ],
  ["listen-client-http-urls", "urls", "", "Where to listen for HTTP clients only.", REFUSED],
  [
    "max-snapshots",
    "uint",
    "5",
    "Snapshot files kept, 0 for all.",
    { deprecation: "--max-snapshots is deprecated and will go in v3.8." },
  ],
  ["max-wals", "uint", "5", "Log files kept, 0 for all."],
  ["memory-mlock", "bool", "false", "Keeps all memory in RAM.", IGNORED],
  [
    "quota-backend-bytes",
    "int64",
    "0",
    "Size of the store at which writes are refused; 0 is 2 GiB, negative is no quota.",
  ],
  [
    "backend-bbolt-freelist-type",
    "string",
    "",
    "map (the default) or array: only checked, nothing depends on it.",
  ],
  ["backend-batch-interval", "duration", "0s", "Longest time to a commit; 0 is 100ms."],
  ["backend-batch-limit", "int", "0", "Most operations in a commit; 0 is 10000."],
  ["max-txn-ops", "uint", "128", "Operations in one branch of a transaction."],
  ["max-request-bytes", "uint", "1572864", "Largest request that is accepted."],
  ["max-concurrent-streams", "uint32", "4294967295", "Calls at a time on one connection."],
  [
    "grpc-keepalive-min-time",
    "duration",
    "5s",
    "A client that pings more often than this is disconnected.",
  ],
  ["grpc-keepalive-interval", "duration", "2h", "Silence before the server pings, 0 for never."],
  [
    "grpc-keepalive-timeout",
    "duration",
    "20s",
    "How long to wait for the answer to a ping before the connection is closed.",
  ],
  [
    "socket-reuse-port",
    "bool",
    "false",
    "Listens with SO_REUSEPORT.",
    { status: "ignored", file: "socket-options.reuse-port" },
  ],
  [
    "socket-reuse-address",
    "bool",
    "false",
    "Listens with SO_REUSEADDR.",
    { status: "ignored", file: "socket-options.reuse-address" },
  ],
  ["enable-grpc-gateway", "bool", "true", "Serves the JSON gateway under /v3.", IGNORED],
  [
    "raft-read-timeout",
    "duration",
    "5s",
    "Read timeout of peer connections, at least 5s.",
    { status: "ignored", file: "-" },
  ],
  [
    "raft-write-timeout",
    "duration",
    "5s",
    "Write timeout of peer connections, at least 5s.",
    { status: "ignored", file: "-" },
  ],
  ["feature-gates", "gates", "", "NAME=true|false pairs, see the features below."],
  ["config-file", "string", "", "YAML file; every other flag and variable is then ignored."],
  ["version", "bool", "false", "Prints versions and stops.", { file: "-" }],
]);

/** Flags about the cluster and how it is found. */
export const CLUSTERING_FLAGS = section("Clustering", [
  [
    "initial-advertise-peer-urls",
    "urls",
    LOCAL_PEER,
    "Peer URLs of this member, told to the cluster; they and the token make its id.",
  ],
  [
    "initial-cluster",
    "string",
    `default=${LOCAL_PEER}`,
    "Members to start with: NAME=URL, comma separated; several members are not yet served.",
  ],
  [
    "initial-cluster-state",
    "enum",
    "new",
    "new, or existing to join a running cluster.",
    { choices: ["new", "existing"], status: "refused" },
  ],
  ["initial-cluster-token", "string", "etcd-cluster", "Keeps clusters apart that look the same."],
  [
    "advertise-client-urls",
    "urls",
    LOCAL_CLIENT,
    "Client URLs told to clients; the listen URLs when only those are set.",
  ],
  [
    "discovery-token",
    "string",
    "",
    "Token of the discovery service.",
    { status: "refused", file: "discovery-config.token" },
  ],
  [
    "discovery-endpoints",
    "sortedList",
    "",
    "Endpoints of the discovery service.",
    { status: "refused", file: "discovery-config.client.endpoints" },
  ],
  ...discoveryRows(),
  [
    "discovery-fallback",
    "enum",
    "exit",
    "exit; proxy is gone.",
    { choices: ["exit", "proxy"], status: "ignored", file: "-" },
  ],
  ["discovery-srv", "string", "", "DNS domain whose SRV records name the members.", REFUSED],
  ["discovery-srv-name", "string", "", "Suffix of the SRV service name.", REFUSED],
  [
    "strict-reconfig-check",
    "bool",
    "true",
    "Refuses changes of members that would lose the quorum.",
    IGNORED,
  ],
  ["pre-vote", "bool", "true", "Asks whether it could win before it starts an election.", IGNORED],
  ["auto-compaction-mode", "string", "periodic", "periodic or revision."],
  [
    "auto-compaction-retention",
    "string",
    "0",
    "How much history to keep: hours or a duration, or revisions; 0 keeps all.",
  ],
  [
    "v2-deprecation",
    "enum",
    "write-only",
    "Accepted and not used.",
    {
      choices: ["write-only", "write-only-skip-check", "write-only-drop-data", "gone"],
      status: "ignored",
      deprecation: "--v2-deprecation is deprecated and will go in v3.8; its value is not used.",
    },
  ],
]);

/** The rest of the discovery client's settings; all refused, as discovery is. */
function discoveryRows(): Parameters<typeof section>[1] {
  const row = (name: string, kind: "duration" | "bool" | "string", text: string, file: string) =>
    [
      `discovery-${name}`,
      kind,
      text,
      "Setting of the discovery client.",
      { status: "refused", file: `discovery-config.client.${file}` },
    ] as const;
  return [
    row("dial-timeout", "duration", "2s", "dial-timeout"),
    row("request-timeout", "duration", "5s", "request-timeout"),
    row("keepalive-time", "duration", "2s", "keepalive-time"),
    row("keepalive-timeout", "duration", "6s", "keepalive-timeout"),
    row("insecure-transport", "bool", "true", "secure.insecure-transport"),
    row("insecure-skip-tls-verify", "bool", "false", "secure.insecure-skip-tls-verify"),
    row("cert", "string", "", "secure.cert"),
    row("key", "string", "", "secure.key"),
    row("cacert", "string", "", "secure.cacert"),
    row("user", "string", "", "auth.username"),
    row("password", "string", "", "auth.password"),
  ];
}
