import assert from "node:assert/strict";
import { test } from "node:test";
import type { Metrics } from "../../platform/metrics.ts";
import { formatSample } from "./number.ts";
import { MetricsRegistry } from "./registry.ts";

test("sample values read as Go writes them", () => {
  const rows: [number, string][] = [
    [0, "0"],
    [-0, "0"],
    [1, "1"],
    [-2.5, "-2.5"],
    [123456, "123456"],
    [1000000, "1e+06"],
    [2147483648, "2.147483648e+09"],
    [0.001, "0.001"],
    [0.0001, "0.0001"],
    [0.00001, "1e-05"],
    [1.5e300, "1.5e+300"],
    [Infinity, "+Inf"],
    [-Infinity, "-Inf"],
    [NaN, "NaN"],
  ];
  for (const [value, text] of rows) assert.equal(formatSample(value), text);
});

test("families by name, series by labels, labels by name, text escaped", () => {
  const registry = new MetricsRegistry();
  const metrics: Metrics = registry;
  const requests = metrics.counters({ name: "b_total", help: "B\\\nb.", labels: ["type", "code"] });
  requests.with("unary", "OK").add(2);
  requests.with("stream", 'a"\\\n').add(1);
  requests.with("unary", "OK").add(1);
  metrics.gauge({ name: "a", help: "A." }).set(-1);
  metrics.sampled({ name: "c", help: "C.", type: "gauge" }, () => 7);
  metrics.counters({ name: "unused_total", help: "Never.", labels: ["x"] });
  registry.collected({ name: "d", help: "D.", type: "counter", labels: ["m"] }, (emit) => {
    emit(5, ["z"]);
    emit(4, ["y"]);
  });
  assert.equal(
    registry.expose(),
    [
      "# HELP a A.",
      "# TYPE a gauge",
      "a -1",
      "# HELP b_total B\\\\\\nb.",
      "# TYPE b_total counter",
      'b_total{code="OK",type="unary"} 3',
      'b_total{code="a\\"\\\\\\n",type="stream"} 1',
      "# HELP c C.",
      "# TYPE c gauge",
      "c 7",
      "# HELP d D.",
      "# TYPE d counter",
      'd{m="y"} 4',
      'd{m="z"} 5',
      "",
    ].join("\n"),
  );
});

test("histograms: inclusive bounds, cumulative, sum and count", () => {
  const registry = new MetricsRegistry();
  const plain = registry.histogram({ name: "h", help: "H.", buckets: [0.1, 1] });
  for (const value of [0.1, 0.5, 1, 2]) plain.observe(value);
  const byType = registry.histograms({ name: "i", help: "I.", labels: ["t"], buckets: [1] });
  byType.with("x").observe(3);
  assert.deepEqual(
    registry
      .expose()
      .split("\n")
      .filter((line) => !line.startsWith("#")),
    [
      'h_bucket{le="0.1"} 1',
      'h_bucket{le="1"} 3',
      'h_bucket{le="+Inf"} 4',
      "h_sum 3.6",
      "h_count 4",
      'i_bucket{t="x",le="1"} 0',
      'i_bucket{t="x",le="+Inf"} 1',
      'i_sum{t="x"} 3',
      'i_count{t="x"} 1',
      "",
    ],
  );
});

test("a name registered twice, a bad name, wrong labels and a falling counter throw", () => {
  const registry = new MetricsRegistry();
  const counter = registry.counter({ name: "x", help: "" });
  assert.throws(() => registry.gauge({ name: "x", help: "" }), /registered twice/);
  assert.throws(() => registry.gauge({ name: "1x", help: "" }), /metric name/);
  assert.throws(() => registry.gauges({ name: "y", help: "", labels: ["a"] }).with(), /each label/);
  assert.throws(() => counter.add(-1), /only grows/);
});
