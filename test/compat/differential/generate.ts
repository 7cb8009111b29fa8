import { Prng } from "../../../src/base/prng.ts";
import { TxnMaker } from "./generate-txn.ts";
import type { Fields, Value } from "./schema.ts";
import type { Call, Damage, Step } from "./steps.ts";
import { Values } from "./values.ts";

/** Requests in a program. */
export const PROGRAM_STEPS = 200;
const DAMAGE_CHANCE = 0.03;
/** Share of programs that raise alarms, and of their calls of Alarm that do. */
const ALARMING_CHANCE = 0.3;
const RAISE_CHANCE = 0.7;
/** An alarm that was raised is cleared after at most so many steps: it stops most of the rest. */
const RAISED_STEPS_MAX = 12;
/** Alarm actions. */
const ACTIVATE = 1n;
const DEACTIVATE = 2n;

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
/** How often the calls of Alarm come that make a program alarming. */
const ALARMING_WEIGHT = 4;

/**
 * The program of a seed. Programs differ in their mix of calls: one without compactions or deletes
 * gets into states that a mix of everything never sees.
 */
export function generateProgram(seed: number, steps = PROGRAM_STEPS): Step[] {
  const prng = new Prng(seed);
  const values = new Values(prng);
  const makers = new Makers(values);
  const weights = WEIGHTS.map(([call, weight]): readonly [Call, number] => {
    const scale = values.pick([0, 0.3, 1, 1, 1, 2, 3]);
    return [call, call === "Put" ? weight * Math.max(scale, 0.3) : weight * scale];
  });
  const isAlarming = values.chance(ALARMING_CHANCE);
  if (isAlarming) weights.push(["Alarm", ALARMING_WEIGHT]);
  /** What clears the alarms that are raised, by how many steps are left until it does. */
  const clearing: { step: Step; left: number }[] = [];
  const program: Step[] = [];
  while (program.length < steps) {
    for (const each of clearing) each.left -= 1;
    const at = clearing.findIndex(({ left }) => left <= 0);
    if (at >= 0) {
      program.push(clearing.splice(at, 1)[0]!.step);
      continue;
    }
    const call = drawCall(prng, weights);
    if (isAlarming && call === "Alarm" && values.chance(RAISE_CHANCE)) {
      const fields = alarmFields(values);
      program.push({ call, fields: { action: ACTIVATE, ...fields } });
      const step: Step = { call, fields: { action: DEACTIVATE, ...fields } };
      clearing.push({ step, left: values.prng.between(1, RAISED_STEPS_MAX) });
      continue;
    }
    const step: Step = { call, fields: makers.make(call) };
    const isDamaged = values.chance(DAMAGE_CHANCE) && call !== "Alarm";
    program.push(isDamaged ? { ...step, damage: drawDamage(values, call) } : step);
  }
  return [...program, ...clearing.map(({ step }) => step)];
}

/** Which alarm of which member: few enough that they meet, and one that no version knows. */
function alarmFields(values: Values): { member: bigint; alarm: bigint } {
  return { member: BigInt(values.prng.below(3)), alarm: BigInt(values.prng.below(4)) };
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
        // Reading, or clearing what may be raised; `generateProgram` raises.
        return { ...(values.chance(0.2) ? { action: DEACTIVATE } : {}), ...alarmFields(values) };
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
