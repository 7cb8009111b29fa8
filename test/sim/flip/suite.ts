import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { damageDatabase, damageSums, isContent } from "./database.ts";
import { damageLog } from "./log.ts";
import { Tally } from "./tally.ts";
import { makeTarget } from "./target.ts";

/** CI takes one byte of so many, from one that the seed chooses. */
const STRIDES = {
  ci: { log: 67, database: 199, sums: 7 },
  full: { log: 1, database: 1, sums: 1 },
} as const;

/**
 * Every byte of a small log and of a small database is changed in turn, and both are cut at every
 * length. Damage of the log is refused or costs only its newest entries, never one that is in the
 * database. Damage of the database is refused or changes nothing, with the checksums of its pages;
 * without them (etcd wrote last) values may be served as they are, which no format shows. Arguments
 * `log` or `database` take only one of the two.
 */
export async function run({ seed, size, args }: LongOptions): Promise<LongResult> {
  const target = makeTarget(seed);
  const tally = new Tally(isContent);
  const strides = STRIDES[size];
  const isWanted = (part: string): boolean => args.length === 0 || args.includes(part);
  if (isWanted("log")) damageLog(target, tally, turns(seed, strides.log));
  if (isWanted("database")) {
    for (const hasSums of [true, false]) {
      damageDatabase(target, tally, { turns: turns(seed, strides.database), hasSums });
    }
    damageSums(target, tally, turns(seed, strides.sums));
  }
  return tally.finish();
}

function* turns(seed: number, stride: number): Generator<number> {
  for (let at = seed % stride; ; at += stride) yield at;
}
