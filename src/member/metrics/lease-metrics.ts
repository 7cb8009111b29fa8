import type { Histogram, Metrics } from "../../platform/metrics.ts";
import type { Core } from "../core.ts";

/** Bounds of the times to live, seconds: doubling, as etcd's. */
const TTL_BUCKETS = Array.from({ length: 24 }, (_, at) => 2 ** at);

/** Takes each time to live that is granted. */
export function leaseTtls(metrics: Metrics): Histogram {
  return metrics.histogram({
    name: "etcd_debugging_lease_ttl_total",
    help: "Bucketed histogram of lease TTLs.",
    buckets: TTL_BUCKETS,
  });
}

/** Registers what lessor and expiry count, under etcd's names. */
export function registerLeaseMetrics(metrics: Metrics, { lessor, service }: Core): void {
  const counter = (name: string, help: string, read: () => number): void =>
    metrics.sampled({ name, help, type: "counter" }, read);
  const { expiry } = service.leases;
  counter(
    "etcd_debugging_lease_granted_total",
    "The total number of granted leases.",
    () => lessor.granted,
  );
  counter(
    "etcd_debugging_lease_revoked_total",
    "The total number of revoked leases.",
    () => lessor.revoked,
  );
  counter(
    "etcd_debugging_lease_renewed_total",
    "The number of renewed leases seen by the leader.",
    () => lessor.renewed,
  );
  counter(
    "etcd_debugging_server_lease_expired_total",
    "The total number of expired leases.",
    () => expiry.expired,
  );
}
