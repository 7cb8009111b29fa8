import type { Fields, Value } from "./schema.ts";
import type { Values } from "./values.ts";

const DEPTH_MAX = 3;
/** `--max-txn-ops`. */
const OPS_MAX = 128;
/** Transactions of about that many operations, mostly harmless ones. */
const LONG_CHANCE = 0.01;

/** Makes operations and transactions of them. */
export class TxnMaker {
  readonly #values: Values;

  constructor(values: Values) {
    this.#values = values;
  }

  put(mayIgnore: boolean): Fields {
    const values = this.#values;
    const ignores = mayIgnore && values.chance(0.2);
    const ignoresValue = ignores && values.chance(0.6);
    const ignoresLease = ignores && (!ignoresValue || values.chance(0.4));
    const withValue = !ignoresValue || values.chance(0.1);
    return {
      key: values.key(),
      ...(withValue ? { value: values.value() } : {}),
      ...(values.chance(0.05) ? { lease: values.lease() } : {}),
      ...values.flag("prev_kv", 0.4),
      ...(ignoresValue ? { ignore_value: true } : {}),
      ...(ignoresLease ? { ignore_lease: true } : {}),
    };
  }

  range(): Fields {
    const values = this.#values;
    const plain: Record<string, Value> = {
      key: values.key(),
      ...values.rangeEnd(0.8),
      ...values.flag("serializable", 0.2),
      ...values.flag("keys_only", 0.15),
      ...values.flag("count_only", 0.1),
    };
    if (values.chance(0.4)) plain["limit"] = values.limit();
    if (values.chance(0.4)) plain["revision"] = values.revision();
    if (values.chance(0.5)) plain["sort_order"] = values.enumNumber(3);
    if (values.chance(0.5)) plain["sort_target"] = values.enumNumber(5);
    if (values.chance(0.3)) {
      for (const name of ["min_mod", "max_mod", "min_create", "max_create"]) {
        if (values.chance(0.35)) plain[name] = values.revision();
      }
    }
    return plain;
  }

  /** `mayBeOpen`: range_end may be the `\0` that means "to the end". */
  deleteRange(mayBeOpen: boolean): Fields {
    const values = this.#values;
    const end = values.rangeEnd(0.5);
    const isOpen = end.range_end?.length === 1 && end.range_end[0] === 0;
    return {
      key: values.key(),
      ...(isOpen && !mayBeOpen ? {} : end),
      ...values.flag("prev_kv", 0.5),
    };
  }

  txn(): Fields {
    // etcd dies of a put that keeps the value of a key deleted before in the same transaction; only
    // an open delete gets past its check.
    const mayIgnore = this.#values.chance(0.5);
    if (this.#values.chance(LONG_CHANCE)) return this.#long(mayIgnore);
    return this.#level(1, mayIgnore);
  }

  compare(): Fields {
    const values = this.#values;
    const target = values.enumNumber(5);
    const fields: Record<string, Value> = {
      result: values.enumNumber(4),
      target,
      key: values.key(),
      ...values.rangeEnd(0.3),
    };
    const names = ["version", "create", "mod", "value", "lease"] as const;
    const fitting = names[Number(target)] ?? values.pick(names);
    if (values.chance(0.1)) return fields;
    const name = values.chance(0.05) ? values.pick(names) : fitting;
    if (name === "value") fields[name] = values.value();
    else if (name === "lease") fields[name] = values.lease();
    else if (name === "version") fields[name] = values.limit();
    else fields[name] = values.revision();
    return fields;
  }

  #level(depth: number, mayIgnore: boolean): Fields {
    const values = this.#values;
    const ops = (): Fields[] =>
      Array.from({ length: values.prng.below(5) }, () => this.#op(depth, mayIgnore));
    const compares = values.pick([0, 1, 1, 1, 2, 3]);
    const isReading = values.chance(0.12);
    const reads = (): Fields[] =>
      Array.from({ length: values.prng.below(4) }, () => ({ range: this.#opRange() }));
    return {
      compare: Array.from({ length: compares }, () => this.compare()),
      success: isReading ? reads() : ops(),
      failure: isReading ? reads() : ops(),
    };
  }

  #op(depth: number, mayIgnore: boolean): Fields {
    const values = this.#values;
    const kind = values.prng.below(100);
    if (kind < 45) return { put: this.put(mayIgnore) };
    if (kind < 70) return { range: this.#opRange() };
    if (kind < 83) return { delete: this.deleteRange(!mayIgnore) };
    if (kind < 84) return {};
    if (depth >= DEPTH_MAX) return { put: this.put(mayIgnore) };
    return { txn: this.#level(depth + 1, mayIgnore) };
  }

  /** A wrong revision fails the whole, so there are fewer of them. */
  #opRange(): Fields {
    const { revision, ...fields } = this.range();
    return revision === undefined || this.#values.chance(0.6) ? fields : { ...fields, revision };
  }

  #long(mayIgnore: boolean): Fields {
    const values = this.#values;
    const total = OPS_MAX + values.prng.between(-2, 1);
    const cheap = (count: number): Fields[] =>
      Array.from({ length: Math.max(0, count) }, () => ({ range: { key: values.key() } }));
    if (values.chance(0.3)) {
      return { compare: [this.compare()], success: cheap(total), failure: [] };
    }
    // The same sum over two levels.
    const outer = values.prng.between(1, total - 1);
    const inner = { compare: [], success: cheap(total - outer), failure: [] };
    const nested = { txn: values.chance(0.5) ? inner : this.#level(DEPTH_MAX, mayIgnore) };
    return { compare: [], success: [...cheap(outer - 1), nested], failure: [] };
  }
}
