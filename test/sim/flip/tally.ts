import type { LongResult } from "../../../scripts/long.ts";
import type { Region } from "./regions.ts";
import type { Outcome } from "./target.ts";

/** A few of the same kind say enough. */
const SHOWN_MAX = 12;

/** How often each kind of damage had each outcome, and what must not be. */
export class Tally {
  readonly #counts = new Map<string, number>();
  readonly #failures: string[] = [];
  #total = 0;
  readonly #isContent: (region: Region) => boolean;

  /** `isContent`: where damage may be served, since the format protects nothing there. */
  constructor(isContent: (region: Region) => boolean) {
    this.#isContent = isContent;
  }

  /** Damage of the log: seen, or only the newest entries are gone. */
  log(what: string, where: string, outcome: Outcome): void {
    this.#count(`log, ${what}`, outcome);
    if (outcome.kind === "wrong") this.fail(`${what} ${where}: ${outcome.message}`);
  }

  /** Damage of the database: seen, or, where there are no checksums of pages, in a value. */
  database(region: Region, where: string, outcome: Outcome, hasSums: boolean): void {
    this.#count(`database ${hasSums ? "with" : "without"} sums, ${region}`, outcome);
    const isBad = outcome.kind === "wrong" || outcome.kind === "shorter";
    if (isBad && (hasSums || !this.#isContent(region))) {
      this.fail(`flip in ${region}, ${where}: ${JSON.stringify(outcome)}`);
    }
  }

  /** Damage of the checksums themselves. */
  sums(where: string, outcome: Outcome): void {
    this.#count("sums", outcome);
    if (outcome.kind !== "whole") this.fail(`sums, ${where}: ${JSON.stringify(outcome)}`);
  }

  fail(message: string): void {
    this.#failures.push(message);
  }

  finish(): LongResult {
    for (const [name, count] of [...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      process.stdout.write(`  ${String(count).padStart(7)}  ${name}\n`);
    }
    for (const failure of this.#failures.slice(0, SHOWN_MAX)) {
      process.stdout.write(`  ${failure}\n`);
    }
    const failed = this.#failures.length;
    return { passed: this.#total - failed, failed };
  }

  #count(what: string, { kind }: Outcome): void {
    this.#total += 1;
    const name = `${what}: ${kind}`;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }
}
