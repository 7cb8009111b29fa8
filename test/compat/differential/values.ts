import type { Prng } from "../../../src/base/prng.ts";
import type { Relative } from "./schema.ts";

/** At most 12 keys can exist: beyond that etcd leaves the order of equal elements open. */
const KEYS: readonly Uint8Array[] = [
  Uint8Array.of(0),
  Uint8Array.of(0, 0),
  Buffer.from("a"),
  Buffer.from("a\0"),
  Buffer.from("ab"),
  Uint8Array.of(0x61, 0xff),
  Buffer.from("b"),
  Buffer.from("b/ключ"),
  Buffer.from("c".repeat(300)),
  Uint8Array.of(0x80),
  Uint8Array.of(0xff),
  Uint8Array.of(0xff, 0xff),
];
/** Ends of ranges that are no key. */
const ENDS: readonly Uint8Array[] = [
  Uint8Array.of(0),
  Uint8Array.of(0),
  Uint8Array.of(0),
  Buffer.from("c"),
  Buffer.from("b0"),
  Uint8Array.of(0xff, 0xff, 0),
  new Uint8Array(0),
];
const VALUES: readonly Uint8Array[] = [
  new Uint8Array(0),
  Buffer.from("x"),
  Buffer.from("y"),
  Buffer.from("xy"),
  Uint8Array.of(0, 0xff, 0x80),
  Uint8Array.of(0xff),
  Buffer.alloc(1000, "v"),
];
/** Rarely: with it, a few keys exceed what one chunk of an answer takes. */
const LARGE_VALUE = Buffer.alloc(70_000, "V");
const LARGE_VALUE_CHANCE = 0.01;

const EXTREMES: readonly bigint[] = [
  (1n << 63n) - 1n,
  -(1n << 63n),
  1n << 53n,
  -(1n << 53n),
  (1n << 53n) + 1n,
  1n << 31n,
  (1n << 32n) + 1n,
];

/** Draws the parts of requests. */
export class Values {
  readonly prng: Prng;

  constructor(prng: Prng) {
    this.prng = prng;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.prng.below(from.length)]!;
  }

  chance(probability: number): boolean {
    return this.prng.chance(probability);
  }

  /** A key, now and then the empty one. */
  key(): Uint8Array {
    return this.chance(0.01) ? new Uint8Array(0) : this.pick(KEYS);
  }

  /** `{}` for a single key; else any form of range_end, some of them below the key. */
  rangeEnd(chance: number): { range_end?: Uint8Array } {
    if (!this.chance(chance)) return {};
    return { range_end: this.chance(0.5) ? this.pick(ENDS) : this.pick(KEYS) };
  }

  value(): Uint8Array {
    return this.chance(LARGE_VALUE_CHANCE) ? LARGE_VALUE : this.pick(VALUES);
  }

  /** A revision: mostly near what the store has, sometimes far from it. */
  revision(): bigint | Relative {
    const kind = this.prng.below(20);
    if (kind < 10) return { base: "now", delta: -this.prng.below(20) };
    if (kind < 13) return { base: "compacted", delta: this.prng.between(-2, 4) };
    if (kind < 15) return { base: "now", delta: this.prng.between(0, 2) };
    if (kind < 17) return 0n;
    if (kind < 19) return BigInt(this.prng.between(-3, 3));
    return this.pick(EXTREMES);
  }

  /** A small count, seldom an odd one. */
  limit(): bigint {
    const kind = this.prng.below(10);
    if (kind < 8) return BigInt(this.prng.between(0, 5));
    return kind < 9 ? BigInt(this.prng.between(-3, 14)) : this.pick(EXTREMES);
  }

  /** One of `count` numbers of an enum, seldom none of them. */
  enumNumber(count: number): bigint {
    if (!this.chance(0.03)) return BigInt(this.prng.below(count));
    return this.pick([BigInt(count), -1n, 99n, (1n << 32n) + 1n, -(1n << 63n), 1n << 31n]);
  }

  /** No lease exists, so most of them are 0. */
  lease(): bigint {
    return this.pick([0n, 1n, -1n, 12345n, (1n << 63n) - 1n, -(1n << 63n)]);
  }

  /** `{name: true}` with `chance`, else `{}`. */
  flag(name: string, chance: number): Record<string, boolean> {
    return this.chance(chance) ? { [name]: true } : {};
  }
}
