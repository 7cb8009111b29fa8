/** What is measured: every row of the table, as flags of skein-load. */
import type { LoadFlags, LoadResult } from "./loader.ts";

/** How long each row runs and on how much data. */
export interface Scale {
  /** Preloaded keys `bench/…`, values of 256 bytes. */
  readonly keys: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
}

/** The full comparison. Warm-up covers V8's compilation, about a second of CPU per code path. */
export const FULL: Scale = { keys: 1_000_000, seconds: 3, warmupSeconds: 2 };
/** What CI can afford. */
export const SHORT: Scale = { keys: 100_000, seconds: 1.5, warmupSeconds: 2 };

/** One row of the table. */
export interface Row {
  readonly workload: string;
  /** Connections × calls in flight on each. */
  readonly shape: string;
  readonly flags: LoadFlags;
  /** Needs RangeStream, which etcd has from 3.7 on. */
  readonly needsStream: boolean;
}

const SHAPES: Readonly<Record<string, LoadFlags>> = {
  "16×8": { conns: 16, inflight: 8 },
  "128×1": { conns: 128, inflight: 1 },
  "500×1": { conns: 500, inflight: 1 },
  "100×10": { conns: 100, inflight: 10 },
  "8×1": { conns: 8, inflight: 1 },
  "2×1": { conns: 2, inflight: 1 },
  "1×1": { conns: 1, inflight: 1 },
};

/** A list of 100k keys takes some servers most of a second. */
const HUGE = { limit: 100_000, "timeout-ms": 60_000, seconds: 6 };
const UUID_VALUE_BYTES = 1024;

function row(workload: string, shape: string, flags: LoadFlags = {}): Row {
  const kind = workload.split(" ")[0]!;
  return {
    workload,
    shape,
    flags: { workload: kind, ...SHAPES[shape], ...flags },
    needsStream: kind === "stream",
  };
}

/** All rows, reads before the writes that bring history. `insert` comes before its readers. */
export const ROWS: readonly Row[] = [
  row("range", "16×8"),
  row("range", "128×1"),
  row("range", "500×1"),
  row("range", "1×1"),
  row("srange", "16×8"),
  row("srange", "128×1"),
  row("list 1k", "8×1", { limit: 1000 }),
  row("stream 1k", "8×1", { limit: 1000 }),
  row("list 100k", "2×1", HUGE),
  row("stream 100k", "2×1", HUGE),
  row("put", "16×8"),
  row("put", "128×1"),
  row("put", "500×1"),
  row("put", "100×10"),
  row("put", "1×1"),
  row("txn", "16×8"),
  row("mixed", "16×8"),
  row("mixed", "128×1"),
  row("insert", "16×8", { value: UUID_VALUE_BYTES }),
  row("query", "16×8", { value: UUID_VALUE_BYTES }),
  row("delete", "16×8", { value: UUID_VALUE_BYTES }),
];

/** The rows whose CPU ratio CI watches. */
export const SHORT_ROWS: readonly Row[] = ROWS.filter((each) =>
  ["range 16×8", "list 1k 8×1", "put 16×8", "put 128×1"].includes(rowId(each)),
);

/** The row's name in results and on the command line. */
export function rowId(each: Row): string {
  return `${each.workload} ${each.shape}`;
}

/** Rows of the named workloads (`put`, `list 1k` …, or a whole `put 16×8`); all when empty. */
export function chooseRows(all: readonly Row[], wanted: readonly string[]): readonly Row[] {
  if (wanted.length === 0) return all;
  const names = new Set(wanted.map((name) => name.replace(/(\d)x(\d)/, "$1×$2")));
  return all.filter((each) =>
    [rowId(each), each.workload, each.shape].some((name) => names.has(name)),
  );
}

/**
 * The flags of a row against a server: `inserted` is the result of the insert row of this round,
 * whose keys query and delete use.
 */
export function flagsFor(each: Row, scale: Scale, inserted: LoadResult | undefined): LoadFlags {
  const base = {
    keys: scale.keys,
    seconds: scale.seconds,
    warmup: scale.warmupSeconds,
    ...each.flags,
  };
  if (each.workload === "query") return { ...base, keys: inserted?.next ?? 4 };
  // Every key is deleted once, so the row ends when they are gone.
  if (each.workload === "delete") return { ...base, keys: inserted?.next ?? 4, warmup: 0 };
  return base;
}
