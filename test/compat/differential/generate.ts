import { Prng } from "../../../src/base/prng.ts";
import { TxnMaker } from "./generate-txn.ts";
import type { Fields, Value } from "./schema.ts";
import type { Call, Damage, Step } from "./steps.ts";
import { Values } from "./values.ts";

/** Requests in a program. */
export const PROGRAM_STEPS = 200;
const DAMAGE_CHANCE = 0.03;

/** How often each call comes, before a program scales them at random. */
const WEIGHTS: readonly (readonly [Call, number])[] = [
  ["Put", 26],
  ["Range", 26],
  ["Txn", 26],
  ["DeleteRange", 9],
  ["RangeStream", 6],
  ["HashKV", 4],
  ["Compact", 2],
  ["Alarm", 1],
];

/**
 * The program of a seed. Programs differ in their mix of calls: one without compactions or deletes
 * gets into states that a mix of everything never sees.
 */
export function generateProgram(seed: number, steps = PROGRAM_STEPS): Step[] {
  const prng = new Prng(seed);
  const values = new Values(prng);
  const makers = new Makers(values);
  const weights = WEIGHTS.map(([call, weight]) => {
    const scale = values.pick([0, 0.3, 1, 1, 1, 2, 3]);
    return [call, call === "Put" ? weight * Math.max(scale, 0.3) : weight * scale] as const;
  });
  return Array.from({ length: steps }, () => {
    const call = drawCall(prng, weights);
    const step: Step = { call, fields: makers.make(call) };
    return values.chance(DAMAGE_CHANCE) ? { ...step, damage: drawDamage(values, call) } : step;
  });
}

function drawCall(prng: Prng, weights: readonly (readonly [Call, number])[]): Call {
  let left = prng.float() * weights.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [call, weight] of weights) {
    left -= weight;
    if (left < 0) return call;
  }
  return "Put";
}

/** No byte of a write is changed: that makes a key too many (see KEYS) with ties in any order. */
function drawDamage(values: Values, call: Call): Damage {
  const kind = values.prng.below(3);
  const isWrite = call === "Put" || call === "Txn";
  if (kind === 0 || (kind === 1 && isWrite)) return { kind: "cut", keep: values.prng.float() };
  if (kind === 1) {
    return { kind: "byte", at: values.prng.float(), value: values.prng.below(256) };
  }
  const bytes = new Uint8Array(values.prng.between(1, 6));
  values.prng.fill(bytes);
  return { kind: "append", bytes };
}

/** Makes the fields of each call. */
class Makers {
  readonly #values: Values;
  readonly #txns: TxnMaker;

  constructor(values: Values) {
    this.#values = values;
    this.#txns = new TxnMaker(values);
  }

  make(call: Call): Fields {
    const values = this.#values;
    switch (call) {
      case "Put":
        return this.#txns.put(true);
      case "Range":
        return this.#txns.range();
      case "RangeStream":
        return this.#stream();
      case "DeleteRange":
        return this.#txns.deleteRange(true);
      case "Txn":
        return this.#txns.txn();
      case "Compact":
        return { revision: this.#compaction(), ...values.flag("physical", 0.4) };
      case "HashKV":
        return { revision: values.revision() };
      case "Alarm":
        // Only readings: raised alarms would change all that follows.
        return { alarm: BigInt(values.prng.below(4)), member: BigInt(values.prng.below(2)) };
    }
  }

  #compaction(): Value {
    const values = this.#values;
    if (values.chance(0.3)) return values.revision();
    return { base: "now", delta: -values.prng.below(30) };
  }

  /** Mostly without what is refused. */
  #stream(): Fields {
    const values = this.#values;
    const fields = this.#txns.range();
    if (values.chance(0.2)) return fields;
    return Object.fromEntries(
      Object.entries(fields).filter(([name]) => !/^(sort_|min_|max_)/.test(name)),
    );
  }
}
