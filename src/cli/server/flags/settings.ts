import type { FeatureGates, MemberUrl } from "../../../member/config.ts";
import { FLAGS, findFlag } from "../flag-table/flag-table.ts";
import type { Value } from "./values.ts";
import { defaultValue } from "./values.ts";

/** The merged values of all flags, by name. Asking for a flag that is not in the table throws. */
export class Settings {
  readonly #given: ReadonlyMap<string, Value>;
  /** The configuration file they came from, empty for flags and environment. */
  readonly file: string;

  constructor(given: ReadonlyMap<string, Value>, file = "") {
    this.#given = given;
    this.file = file;
  }

  /** True when the flag, its variable or its key was given, whatever the value. */
  isSet(name: string): boolean {
    return this.#given.has(name);
  }

  /** True when it was given and means something else than its default. */
  isChanged(name: string): boolean {
    const given = this.#given.get(name);
    const flag = findFlag(name)!;
    return given !== undefined && JSON.stringify(given) !== JSON.stringify(defaultValue(flag));
  }

  /** Flags given, in the order of the table. */
  names(): readonly string[] {
    return FLAGS.map((flag) => flag.name).filter((name) => this.#given.has(name));
  }

  text(name: string): string {
    return this.#value(name) as string;
  }

  /** Integers as they are, durations in milliseconds. */
  number(name: string): number {
    return this.#value(name) as number;
  }

  bool(name: string): boolean {
    return this.#value(name) as boolean;
  }

  list(name: string): readonly string[] {
    return this.#value(name) as readonly string[];
  }

  urls(name: string): readonly MemberUrl[] {
    return this.#value(name) as readonly MemberUrl[];
  }

  gates(): FeatureGates {
    return this.#value("feature-gates") as FeatureGates;
  }

  #value(name: string): Value {
    const flag = findFlag(name);
    if (flag === undefined) throw new Error(`no flag ${name}`);
    return this.#given.get(name) ?? defaultValue(flag);
  }
}
