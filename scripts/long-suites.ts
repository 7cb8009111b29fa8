/** A suite that takes minutes, in a module that exports `run` (see `LongSuite` in long.ts). */
export interface LongSuiteEntry {
  /** Path from the root. */
  readonly module: string;
  /** One line for the list. */
  readonly what: string;
  /** Whether CI runs it at CI size. */
  readonly inCi: boolean;
}

/** Every suite by name. CI skips those whose module is not there. */
export const LONG_SUITES: Readonly<Record<string, LongSuiteEntry>> = {
  golden: {
    module: "test/raft/golden/suite.ts",
    what: "recordings of Raft clusters and our own scenarios, verbatim; --dir D: those below D",
    inCi: true,
  },
  raft: {
    module: "test/compat/raft/suite.ts",
    what: "our Raft core beside etcd's library: scenario files, and random ones line by line",
    inCi: true,
  },
  fuzz: {
    module: "test/compat/fuzz/suite.ts",
    what: "mutations of recorded connections against a running server: no crash, no growth",
    inCi: true,
  },
  h2spec: {
    module: "test/compat/h2spec/suite.ts",
    what: "h2spec, strict, against the client port",
    inCi: true,
  },
  differential: {
    module: "test/compat/differential/suite.ts",
    what: "the same random requests to etcd 3.7.1 and to Skein, the same answers",
    inCi: true,
  },
  clients: {
    module: "test/compat/clients/suite.ts",
    what: "real clients of other makers: Node, Go, Python",
    inCi: true,
  },
  ctl: {
    module: "test/compat/ctl/suite.ts",
    what: "one script of commands by skeinctl and etcdctl, the same output",
    inCi: true,
  },
  errors: {
    module: "test/compat/errors/suite.ts",
    what: "every error of the key-value API, beside etcd: the same code and text",
    inCi: true,
  },
  lease: {
    module: "test/compat/lease/suite.ts",
    what: "leases beside etcd: the same answers, keys, endings, and the same after kill -9",
    inCi: true,
  },
  kill: {
    module: "test/integration/kill/suite.ts",
    what: "load, kill -9, restart: every acknowledged write is there",
    inCi: true,
  },
  "kill-file": {
    module: "test/integration/kill/file-suite.ts",
    what: "the same with the state in a database file, which bbolt checks after each kill",
    inCi: true,
  },
  power: {
    module: "test/sim/power/suite.ts",
    what: "kill in the simulator, with writes lost or torn at power loss",
    inCi: true,
  },
  crash: {
    module: "test/sim/crash/suite.ts",
    what: "a member crashes at every step of its disk, then at random ones; bbolt checks each file",
    inCi: true,
  },
  bolt: {
    module: "test/compat/bolt/suite.ts",
    what: "database files of etcd 3.4 to 3.7 read, our own checked by bbolt",
    inCi: true,
  },
  snap: {
    module: "test/compat/snap/suite.ts",
    what: "snapshot files of etcd 3.5 to 3.7 read, and etcd started on ours",
    inCi: true,
  },
  watch: {
    module: "test/compat/watch/suite.ts",
    what: "the same writes and watches to etcd 3.7.1 and to Skein, the same responses",
    inCi: true,
  },
  handover: {
    module: "test/compat/handover/suite.ts",
    what: "one data directory that etcd and Skein use in turn, stopped or killed",
    inCi: true,
  },
  utl: {
    module: "test/compat/utl/suite.ts",
    what: "skeinutl beside etcdutl: status, hashes, damage, and etcd started on what both restore",
    inCi: true,
  },
  flip: {
    module: "test/sim/flip/suite.ts",
    what: "every byte of a small log and a small database changed, every length cut",
    inCi: true,
  },
  faults: {
    module: "test/sim/faults/suite.ts",
    what: "no space, I/O errors and read-only at every call of a disk; slow syncs",
    inCi: true,
  },
  snapshot: {
    module: "test/compat/snapshot/suite.ts",
    what: "snapshots of a member under load, restored by etcdutl and served by etcd",
    inCi: true,
  },
  fairness: {
    module: "test/integration/fairness/suite.ts",
    what: "huge lists, stalled readers and compaction delay nobody",
    inCi: true,
  },
  bench: {
    module: "bench/suite.ts",
    what: "short benchmark; fails when CPU per operation got worse than recorded",
    inCi: true,
  },
};
