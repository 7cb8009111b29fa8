import { readdirSync, readFileSync } from "node:fs";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { Metrics } from "../metrics.ts";

/** How often the event loop is sampled, ms; the delays shown include it. */
const SAMPLE_MS = 10;
const NANOSECONDS = 1e9;

/**
 * Registers what Prometheus clients tell of a process, and how late this one's event loop was.
 * Returns what stops the sampling.
 */
export function registerProcessMetrics(metrics: Metrics): () => void {
  const gauge = (name: string, help: string, read: () => number): void =>
    metrics.sampled({ name, help, type: "gauge" }, read);
  metrics.sampled(
    {
      name: "process_cpu_seconds_total",
      help: "Total user and system CPU time spent in seconds.",
      type: "counter",
    },
    () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  );
  gauge("process_resident_memory_bytes", "Resident memory size in bytes.", () =>
    process.memoryUsage.rss(),
  );
  const startSeconds = performance.timeOrigin / 1000;
  gauge(
    "process_start_time_seconds",
    "Start time of the process since unix epoch in seconds.",
    () => startSeconds,
  );
  gauge("process_open_fds", "Number of open file descriptors.", openDescriptors);
  gauge("process_max_fds", "Maximum number of open file descriptors.", maxDescriptors);
  return registerLoopDelay(gauge);
}

function registerLoopDelay(
  gauge: (name: string, help: string, read: () => number) => void,
): () => void {
  const delay = monitorEventLoopDelay({ resolution: SAMPLE_MS });
  delay.enable();
  gauge(
    "skein_event_loop_delay_max_seconds",
    "Longest time since start that the event loop was late.",
    () => delay.max / NANOSECONDS,
  );
  gauge(
    "skein_event_loop_delay_p999_seconds",
    "Time that the event loop was late, 99.9th percentile since start.",
    () => delay.percentile(99.9) / NANOSECONDS,
  );
  return () => {
    delay.disable();
  };
}

/** 0 where the system does not tell. */
function openDescriptors(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
}

/** 0 where the system does not tell. */
function maxDescriptors(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    return Number(/^Max open files\s+(\d+)/mu.exec(limits)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
