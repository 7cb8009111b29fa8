/**
 * Loaded into a server with `--import`: measures how late its event loop is. SIGUSR2 appends one
 * JSON line for the time since the last one to the file SKEIN_LOOP_DELAY_FILE and starts anew.
 */
import { appendFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

/** The timer's period; the histogram holds periods, so it is taken off. */
const RESOLUTION_MS = 1;
const NS_PER_MS = 1e6;

const file = process.env["SKEIN_LOOP_DELAY_FILE"];
if (isMainThread && file !== undefined) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const lateMs = (ns: number) => Math.max(0, ns / NS_PER_MS - RESOLUTION_MS);
  process.on("SIGUSR2", () => {
    const line = {
      count: histogram.count,
      p50Ms: lateMs(histogram.percentile(50)),
      p99Ms: lateMs(histogram.percentile(99)),
      p999Ms: lateMs(histogram.percentile(99.9)),
      maxMs: lateMs(histogram.max),
    };
    histogram.reset();
    appendFileSync(file, `${JSON.stringify(line)}\n`);
  });
}
