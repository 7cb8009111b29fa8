import { section } from "./flag-spec.ts";

const IGNORED = { status: "ignored" } as const;
const REFUSED = { status: "refused" } as const;

function tls(block: "client" | "peer", key: string): { status: "refused"; file: string } {
  return { status: "refused", file: `${block}-transport-security.${key}` };
}

/** TLS and who may talk to the member. To start without what these ask for would be unsafe. */
export const SECURITY_FLAGS = section("Security", [
  ["cert-file", "string", "", "Certificate of the client door.", tls("client", "cert-file")],
  ["key-file", "string", "", "Key of the client door.", tls("client", "key-file")],
  [
    "client-cert-file",
    "string",
    "",
    "Certificate for connections that the server makes.",
    tls("client", "client-cert-file"),
  ],
  ["client-key-file", "string", "", "Its key.", tls("client", "client-key-file")],
  [
    "client-cert-auth",
    "bool",
    "false",
    "Asks clients for certificates.",
    tls("client", "client-cert-auth"),
  ],
  [
    "client-crl-file",
    "string",
    "",
    "Revoked client certificates.",
    { status: "refused", file: "-" },
  ],
  [
    "client-cert-allowed-hostname",
    "list",
    "",
    "Names that client certificates may carry.",
    tls("client", "allowed-hostname"),
  ],
  [
    "trusted-ca-file",
    "string",
    "",
    "Authority of client certificates; setting it makes them mandatory.",
    tls("client", "trusted-ca-file"),
  ],
  ["auto-tls", "bool", "false", "Makes a certificate of its own.", tls("client", "auto-tls")],
  ["peer-cert-file", "string", "", "Certificate of the peer door.", tls("peer", "cert-file")],
  ["peer-key-file", "string", "", "Key of the peer door.", tls("peer", "key-file")],
  [
    "peer-client-cert-file",
    "string",
    "",
    "Certificate for connections to peers.",
    tls("peer", "client-cert-file"),
  ],
  ["peer-client-key-file", "string", "", "Its key.", tls("peer", "client-key-file")],
  [
    "peer-client-cert-auth",
    "bool",
    "false",
    "Asks peers for certificates.",
    tls("peer", "client-cert-auth"),
  ],
  [
    "peer-trusted-ca-file",
    "string",
    "",
    "Authority of peer certificates.",
    tls("peer", "trusted-ca-file"),
  ],
  [
    "peer-cert-allowed-cn",
    "list",
    "",
    "Common names that peer certificates may carry.",
    tls("peer", "allowed-cn"),
  ],
  [
    "peer-cert-allowed-hostname",
    "list",
    "",
    "Names that peer certificates may carry.",
    tls("peer", "allowed-hostname"),
  ],
  [
    "peer-auto-tls",
    "bool",
    "false",
    "Makes a peer certificate of its own.",
    tls("peer", "auto-tls"),
  ],
  ["peer-crl-file", "string", "", "Revoked peer certificates.", { status: "refused", file: "-" }],
  [
    "peer-skip-client-san-verification",
    "bool",
    "false",
    "Does not check addresses in peer certificates.",
    tls("peer", "skip-client-san-verification"),
  ],
  ["self-signed-cert-validity", "uint", "1", "Years that own certificates are valid.", IGNORED],
  ["cipher-suites", "list", "", "TLS 1.2 cipher suites that are allowed.", REFUSED],
  ["tls-min-version", "string", "TLS1.2", "TLS1.2 or TLS1.3.", REFUSED],
  ["tls-max-version", "string", "", "TLS1.2, TLS1.3, or empty for the newest.", REFUSED],
  ["cors", "sortedList", "*", "Origins that browsers may call from.", REFUSED],
  ["host-whitelist", "sortedList", "*", "Host headers that plain HTTP accepts.", REFUSED],
]);

/** Users and their tokens. */
export const AUTH_FLAGS = section("Auth", [
  ["auth-token", "string", "simple", "simple, or jwt with options.", REFUSED],
  ["bcrypt-cost", "uint", "10", "Cost of password hashes, 4 to 31.", IGNORED],
  ["auth-token-ttl", "uint", "300", "Seconds that an unused simple token lives.", IGNORED],
]);

/** What the member shows of itself. */
export const MONITORING_FLAGS = section("Monitoring", [
  ["enable-pprof", "bool", "false", "Serves profiles under /debug/pprof.", IGNORED],
  ["metrics", "string", "basic", "basic, or extensive for latencies of each method.", IGNORED],
  ["listen-metrics-urls", "urls", "", "More listeners for metrics and health.", REFUSED],
  ["warning-apply-duration", "duration", "100ms", "An apply that takes longer is logged.", IGNORED],
  [
    "warning-unary-request-duration",
    "duration",
    "300ms",
    "A request that takes longer is logged.",
    IGNORED,
  ],
]);

/** Where the log of the program goes. */
export const LOGGING_FLAGS = section("Logging", [
  ["logger", "string", "zap", "Only zap, the name of etcd's format."],
  [
    "log-outputs",
    "sortedList",
    "default",
    "default, stderr, stdout or paths of files, comma separated.",
  ],
  ["log-level", "string", "info", "debug, info, warn, error, panic or fatal."],
  ["log-format", "string", "json", "json or console."],
  ["enable-log-rotation", "bool", "false", "Rotates the log's one file.", IGNORED],
  [
    "log-rotation-config-json",
    "string",
    '{"maxsize": 100, "maxage": 0, "maxbackups": 0, "localtime": false, "compress": false}',
    "How to rotate: MB, days, files.",
    IGNORED,
  ],
]);

/** Traces sent to a collector. */
export const TRACING_FLAGS = section("Tracing", [
  ["enable-distributed-tracing", "bool", "false", "Sends traces to a collector.", IGNORED],
  ["distributed-tracing-address", "string", "localhost:4317", "The collector.", IGNORED],
  ["distributed-tracing-service-name", "string", "etcd", "Name in the traces.", IGNORED],
  ["distributed-tracing-instance-id", "string", "", "Instance in the traces.", IGNORED],
  ["distributed-tracing-sampling-rate", "int", "0", "Requests traced of a million.", IGNORED],
]);

/** Checks, compaction and other work in the background. */
export const FEATURE_FLAGS = section("Features", [
  ["corrupt-check-time", "duration", "0s", "Time between checks against peers.", IGNORED],
  ["compact-hash-check-time", "duration", "1m0s", "Time between hash checks.", IGNORED],
  ["compaction-batch-limit", "int", "0", "Revisions in one step; 0 is 1000."],
  ["compaction-sleep-interval", "duration", "0s", "Rest between steps; 0 is 10ms."],
  ["watch-progress-notify-interval", "duration", "0s", "Time between reports; 0 is 10m."],
  ["downgrade-check-time", "duration", "5s", "Time between downgrade checks.", IGNORED],
  [
    "bootstrap-defrag-threshold-megabytes",
    "uint",
    "0",
    "Defragments after the start when that frees as much; 0 never.",
  ],
  ["max-learners", "int", "1", "Learners that the cluster accepts.", IGNORED],
]);

/** What can lose data. */
export const UNSAFE_FLAGS = section("Unsafe", [
  ["force-new-cluster", "bool", "false", "Starts as a cluster of one from its data.", REFUSED],
  ["unsafe-no-fsync", "bool", "false", "Does not wait for the disk: loses writes.", IGNORED],
]);

/** Flags of old releases that etcd still takes without a word or an effect. */
export const SILENT_FLAGS: readonly string[] = [
  "cluster-active-size",
  "cluster-remove-delay",
  "cluster-sync-interval",
  "config",
  "force",
  "max-result-buffer",
  "max-retry-attempts",
  "peer-heartbeat-interval",
  "peer-election-timeout",
  "retry-interval",
  "snapshot",
  "v",
  "vv",
  "test.coverprofile",
  "test.outputdir",
];
