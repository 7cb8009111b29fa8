import { assert } from "../assert.ts";
import { formatSample } from "./number.ts";
import { sampleLine } from "./series.ts";

/** One unlabelled value or one child of a labelled metric. */
export interface Cell {
  write(name: string, labels: string, lines: string[]): void;
}

/** A count; starts at 0. */
export class CounterCell implements Cell {
  #value = 0;

  /** @throws AssertionError when `amount` is negative. */
  add(amount: number): void {
    assert(amount >= 0, "a counter only grows");
    this.#value += amount;
  }

  write(name: string, labels: string, lines: string[]): void {
    lines.push(sampleLine(name, labels, formatSample(this.#value)));
  }
}

/** A value; starts at 0. */
export class GaugeCell implements Cell {
  #value = 0;

  set(value: number): void {
    this.#value = value;
  }

  write(name: string, labels: string, lines: string[]): void {
    lines.push(sampleLine(name, labels, formatSample(this.#value)));
  }
}

/** Counts per inclusive upper bound, written cumulatively with `+Inf`, sum and count. */
export class HistogramCell implements Cell {
  readonly #bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  /** `bounds` ascend strictly and do not contain +Inf. */
  constructor(bounds: readonly number[]) {
    for (let i = 1; i < bounds.length; i++) {
      assert((bounds[i - 1] ?? 0) < (bounds[i] ?? 0), "histogram bounds ascend");
    }
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let low = 0;
    let high = this.#bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (value <= (this.#bounds[middle] as number)) high = middle;
      else low = middle + 1;
    }
    this.#counts[low] = (this.#counts[low] as number) + 1;
    this.#sum += value;
  }

  write(name: string, labels: string, lines: string[]): void {
    const prefix = labels === "" ? "" : `${labels},`;
    let total = 0;
    this.#bounds.forEach((bound, i) => {
      total += this.#counts[i] as number;
      const le = `${prefix}le="${formatSample(bound)}"`;
      lines.push(sampleLine(`${name}_bucket`, le, formatSample(total)));
    });
    total += this.#counts[this.#bounds.length] as number;
    lines.push(sampleLine(`${name}_bucket`, `${prefix}le="+Inf"`, formatSample(total)));
    lines.push(sampleLine(`${name}_sum`, labels, formatSample(this.#sum)));
    lines.push(sampleLine(`${name}_count`, labels, formatSample(total)));
  }
}
