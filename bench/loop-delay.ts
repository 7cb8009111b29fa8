/**
 * Loaded into a server with `--import`: measures how late its event loop is. SIGUSR2 appends one
 * JSON line for the time since the last one to the file SKEIN_LOOP_DELAY_FILE and starts anew.
 *
 * Beside the delay by the clock, which other processes lengthen, it measures what the main thread
 * itself computed between two timers: the same limits hold for that on a busy machine, too.
 */
import { appendFileSync } from "node:fs";
import { createHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

/** The timer's period; the histogram holds periods, so it is taken off. */
const RESOLUTION_MS = 1;
const NS_PER_MS = 1e6;
const US_PER_MS = 1e3;

const file = process.env["SKEIN_LOOP_DELAY_FILE"];
if (isMainThread && file !== undefined) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const computed = createHistogram();
  let usedUs = 0;
  setInterval(() => {
    const { user, system } = process.threadCpuUsage();
    computed.record(Math.max(1, user + system - usedUs));
    usedUs = user + system;
  }, RESOLUTION_MS).unref();
  const lateMs = (ns: number) => Math.max(0, ns / NS_PER_MS - RESOLUTION_MS);
  process.on("SIGUSR2", () => {
    const line = {
      count: histogram.count,
      p50Ms: lateMs(histogram.percentile(50)),
      p99Ms: lateMs(histogram.percentile(99)),
      p999Ms: lateMs(histogram.percentile(99.9)),
      maxMs: lateMs(histogram.max),
      cpuP999Ms: computed.percentile(99.9) / US_PER_MS,
      cpuMaxMs: computed.max / US_PER_MS,
    };
    histogram.reset();
    computed.reset();
    appendFileSync(file, `${JSON.stringify(line)}\n`);
  });
}
