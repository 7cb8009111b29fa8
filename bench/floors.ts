/** The floors the project has set itself against etcd 3.7.1, checked against medians. */
import { ratio } from "./results.ts";
import type { Medians } from "./results.ts";
import type { Sample } from "./round.ts";

/** A bound on Skein's figure relative to etcd's. */
interface Floor {
  readonly row: string;
  readonly what: string;
  readonly pick: (sample: Sample) => number;
  readonly atLeast?: number;
  readonly atMost?: number;
}

const speed = (sample: Sample) => sample.throughput;
const cpu = (sample: Sample) => sample.cpuUsPerOp;
const p50 = (sample: Sample) => sample.p50Us;

const FLOORS: readonly Floor[] = [
  { row: "put 16×8", what: "throughput", pick: speed, atLeast: 2.5 },
  { row: "put 16×8", what: "CPU per op", pick: cpu, atMost: 1 / 3 },
  { row: "put 128×1", what: "CPU per op", pick: cpu, atMost: 1 / 2 },
  { row: "range 16×8", what: "throughput", pick: speed, atLeast: 4 },
  { row: "range 16×8", what: "CPU per op", pick: cpu, atMost: 1 / 6 },
  { row: "range 128×1", what: "CPU per op", pick: cpu, atMost: 1 / 4 },
  { row: "srange 16×8", what: "throughput", pick: speed, atLeast: 4 },
  { row: "srange 16×8", what: "CPU per op", pick: cpu, atMost: 1 / 6 },
  { row: "srange 128×1", what: "CPU per op", pick: cpu, atMost: 1 / 4 },
  { row: "txn 16×8", what: "throughput", pick: speed, atLeast: 2 },
  { row: "put 1×1", what: "p50 latency", pick: p50, atMost: 1 },
  { row: "list 100k 2×1", what: "throughput", pick: speed, atLeast: 2 },
  { row: "stream 100k 2×1", what: "throughput", pick: speed, atLeast: 2 },
];

/** One floor and where we stand; `ratio` is undefined when it was not measured. */
export interface FloorResult {
  readonly row: string;
  readonly what: string;
  readonly bound: string;
  readonly ratio: number | undefined;
  readonly isMet: boolean;
}

/** Every floor against the medians of one comparison. */
export function checkFloors(medians: Medians): readonly FloorResult[] {
  return FLOORS.map(({ row, what, pick, atLeast, atMost }) => {
    const found = ratio(medians[row], "etcd-3.7.1", pick);
    const isMet = found !== undefined && found >= (atLeast ?? 0) && found <= (atMost ?? Infinity);
    const bound = atLeast === undefined ? `≤ ${atMost!.toFixed(2)}` : `≥ ${atLeast}`;
    return { row, what, bound, ratio: found, isMet };
  });
}
