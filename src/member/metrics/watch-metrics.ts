import type { Metrics } from "../../platform/metrics.ts";
import type { Core } from "../core.ts";

/** Registers what is known of watchers, under etcd's names (metrics.md 6). */
export function watchMetrics(metrics: Metrics, core: Core): void {
  const { watch } = core.service;
  const register = (
    type: "gauge" | "counter",
    name: string,
    help: string,
    read: () => number,
  ): void => metrics.sampled({ name: `etcd_debugging_mvcc_${name}`, help, type }, read);
  register("gauge", "watch_stream_total", "Total number of watch streams.", () => watch.streams);
  register("gauge", "watcher_total", "Total number of watchers.", () => watch.hub.watchers);
  register(
    "gauge",
    "slow_watcher_total",
    "Total number of unsynced slow watchers.",
    () => watch.hub.slowWatchers,
  );
  register(
    "counter",
    "events_total",
    "Total number of events sent by this member.",
    () => watch.eventsSent,
  );
  register(
    "gauge",
    "pending_events_total",
    "Total number of pending events to be sent.",
    () => core.store.currentRevision - watch.hub.position,
  );
}
