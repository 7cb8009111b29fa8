/** A count that only grows. */
export interface Counter {
  add(amount: number): void;
}

/** A value that goes up and down. */
export interface Gauge {
  set(value: number): void;
}

/** A distribution over fixed upper bounds (inclusive). */
export interface Histogram {
  observe(value: number): void;
}

/** What every metric has. */
export interface MetricOptions {
  /** Name as Prometheus shows it, e.g. `etcd_server_has_leader`. */
  readonly name: string;
  readonly help: string;
}

/**
 * A metric with labels; `with` gives the child of these label values, in the order of the names.
 */
export interface Labelled<T> {
  with(...values: string[]): T;
}

/** Where a component registers what it counts. Registering a name twice is a bug and throws. */
export interface Metrics {
  counter(options: MetricOptions): Counter;
  gauge(options: MetricOptions): Gauge;
  /** A gauge or counter whose value is read when it is scraped. */
  sampled(
    options: MetricOptions & { readonly type: "gauge" | "counter" },
    read: () => number,
  ): void;
  histogram(options: MetricOptions & { readonly buckets: readonly number[] }): Histogram;
  counters(options: MetricOptions & { readonly labels: readonly string[] }): Labelled<Counter>;
  gauges(options: MetricOptions & { readonly labels: readonly string[] }): Labelled<Gauge>;
  histograms(
    options: MetricOptions & {
      readonly labels: readonly string[];
      readonly buckets: readonly number[];
    },
  ): Labelled<Histogram>;
}
