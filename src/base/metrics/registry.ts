import { assert } from "../assert.ts";
import { type Cell, CounterCell, GaugeCell, HistogramCell } from "./cells.ts";
import { formatSample } from "./number.ts";
import { escapeHelp, type Family, labelText, sampleLine } from "./series.ts";

interface Options {
  readonly name: string;
  readonly help: string;
}

/** Takes one sample of a collected family: its value, then its label values in declared order. */
export type Emit = (value: number, labelValues: readonly string[]) => void;

const namePattern = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** Separates label values in a child's key; cannot occur in valid UTF-8 text. */
const keySeparator = "\u{ffff}";

/**
 * A Prometheus registry: implements the platform's `Metrics` and writes text format 0.0.4. Names
 * are unique; registering one twice throws. A labelled series exists from its first `with` on.
 */
export class MetricsRegistry {
  readonly #families = new Map<string, Family>();

  counter(options: Options): CounterCell {
    return this.#single("counter", options, new CounterCell());
  }

  gauge(options: Options): GaugeCell {
    return this.#single("gauge", options, new GaugeCell());
  }

  histogram(options: Options & { readonly buckets: readonly number[] }): HistogramCell {
    return this.#single("histogram", options, new HistogramCell(options.buckets));
  }

  /** A value read when it is scraped. */
  sampled(options: Options & { readonly type: "gauge" | "counter" }, read: () => number): void {
    this.#single(options.type, options, {
      write: (name, labels, lines) => lines.push(sampleLine(name, labels, formatSample(read()))),
    });
  }

  /**
   * A labelled family whose samples are asked for at each scrape: for counts kept in plain arrays.
   * `collect` emits each label combination at most once.
   */
  collected(
    options: Options & { readonly type: "gauge" | "counter"; readonly labels: readonly string[] },
    collect: (emit: Emit) => void,
  ): void {
    this.#register(options.type, options, (lines) => {
      const samples: string[] = [];
      collect((value, labelValues) => {
        const labels = labelText(options.labels, labelValues);
        samples.push(sampleLine(options.name, labels, formatSample(value)));
      });
      for (const sample of samples.sort()) lines.push(sample);
    });
  }

  counters(options: Options & { readonly labels: readonly string[] }): Children<CounterCell> {
    return this.#labelled("counter", options, () => new CounterCell());
  }

  gauges(options: Options & { readonly labels: readonly string[] }): Children<GaugeCell> {
    return this.#labelled("gauge", options, () => new GaugeCell());
  }

  histograms(
    options: Options & { readonly labels: readonly string[]; readonly buckets: readonly number[] },
  ): Children<HistogramCell> {
    return this.#labelled("histogram", options, () => new HistogramCell(options.buckets));
  }

  /** Everything registered, families by name, series by label text, in text format 0.0.4. */
  expose(): string {
    const lines: string[] = [];
    const names = [...this.#families.keys()].sort();
    for (const name of names) {
      const family = this.#families.get(name) as Family;
      lines.push(`# HELP ${name} ${escapeHelp(family.help)}`, `# TYPE ${name} ${family.type}`);
      const header = lines.length;
      family.write(lines);
      // A labelled family without a series is not shown at all, like the Go client's.
      if (lines.length === header) lines.length -= 2;
    }
    return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
  }

  #single<T extends Cell>(type: Family["type"], options: Options, cell: T): T {
    this.#register(type, options, (lines) => cell.write(options.name, "", lines));
    return cell;
  }

  #labelled<T extends Cell>(
    type: Family["type"],
    options: Options & { readonly labels: readonly string[] },
    create: () => T,
  ): Children<T> {
    const children = new Children(options.labels, create);
    this.#register(type, options, (lines) => children.write(options.name, lines));
    return children;
  }

  #register(type: Family["type"], options: Options, write: (lines: string[]) => void): void {
    const { name, help } = options;
    assert(namePattern.test(name), `metric name ${name}`);
    assert(!this.#families.has(name), `metric ${name} registered twice`);
    this.#families.set(name, { name, help, type, write });
  }
}

/** The children of a labelled metric. */
export class Children<T extends Cell> {
  readonly #names: readonly string[];
  readonly #create: () => T;
  readonly #cells = new Map<string, { readonly labels: string; readonly cell: T }>();

  constructor(names: readonly string[], create: () => T) {
    this.#names = names;
    this.#create = create;
  }

  /** The child of these values, in the order of the label names; made on first use. */
  with(...values: string[]): T {
    assert(values.length === this.#names.length, "one value for each label");
    const key = values.join(keySeparator);
    const known = this.#cells.get(key);
    if (known !== undefined) return known.cell;
    const cell = this.#create();
    this.#cells.set(key, { labels: labelText(this.#names, values), cell });
    return cell;
  }

  write(name: string, lines: string[]): void {
    const entries = [...this.#cells.values()];
    entries.sort((a, b) => (a.labels < b.labels ? -1 : 1));
    for (const entry of entries) entry.cell.write(name, entry.labels, lines);
  }
}
