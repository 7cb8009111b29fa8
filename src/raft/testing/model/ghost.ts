import { Interner } from "./interner.ts";
import type { MemberView, Members } from "./members.ts";

/** What nobody in the world knows whole: who led, and what was committed in which term. */
interface Ghost {
  /** Member by term, -1 for nobody yet. */
  readonly leaders: readonly number[];
  readonly committed: readonly string[];
  /** Term of the member that committed it first, which for followers is not later. */
  readonly committedIn: readonly number[];
}

/** Numbers above all member states, so that a ghost and a state make one number. */
const STATES = 0x100_0000;

/** A safety property that does not hold. */
export class Violation extends Error {}

/**
 * The safety properties of the paper (figure 3), asserted for each step of each member against the
 * history of the world. Ghosts are numbers too.
 */
export class Ghosts {
  readonly #members: Members;
  readonly #ghosts = new Interner<Ghost>();
  readonly #next = new Map<number, number>();
  readonly #matching = new Set<number>();

  constructor(members: Members) {
    this.#members = members;
  }

  start(): number {
    return this.#intern({ leaders: [], committed: [], committedIn: [] });
  }

  /** The history after a member came to `state`. @throws Violation */
  after(ghost: number, state: number): number {
    const key = ghost * STATES + state;
    const known = this.#next.get(key);
    if (known !== undefined) return known;
    const before = this.#ghosts.value(ghost);
    const view = this.#members.view(state);
    const leaders = withLeader(before.leaders, view);
    const { committed, committedIn } = withCommitted(before, view);
    if (view.isLeader) checkCompleteness(committed, committedIn, view);
    const next = this.#intern({ leaders, committed, committedIn });
    this.#next.set(key, next);
    return next;
  }

  /** Log matching: equal index and term, equal logs up to there. @throws Violation */
  checkMatching(a: number, b: number): void {
    const key = a * STATES + b;
    if (this.#matching.has(key)) return;
    const [one, other] = [this.#members.view(a), this.#members.view(b)];
    let at = Math.min(one.log.length, other.log.length) - 1;
    while (at >= 0 && one.logTerms[at] !== other.logTerms[at]) at -= 1;
    for (; at >= 0; at -= 1) {
      if (one.log[at] !== other.log[at]) {
        throw new Violation(`log matching: [${one.log}] and [${other.log}]`);
      }
    }
    this.#matching.add(key);
  }

  /** What is committed while nobody changes the group is on the disks of a majority. */
  checkDurable(ghost: number, states: readonly number[]): void {
    const { committed } = this.#ghosts.value(ghost);
    if (committed.length === 0) return;
    const last = committed.length - 1;
    let holders = 0;
    for (const state of states) {
      if (this.#members.view(state).durable[last] === committed[last]) holders += 1;
    }
    if (holders * 2 <= states.length) {
      throw new Violation(`durability: ${committed[last]} is on ${holders} disks`);
    }
  }

  /**
   * Leader completeness a step ahead: who could win an election now, by the disks of a majority,
   * has everything that is committed (paper, 5.4.3). For a group that nobody changes.
   */
  checkElectable(ghost: number, states: readonly number[]): void {
    const { committed } = this.#ghosts.value(ghost);
    const last = committed.length - 1;
    if (last < 0) return;
    const logs = states.map((state) => this.#members.view(state).durable);
    for (const log of logs) {
      if (log[last] === committed[last]) continue;
      const voters = logs.filter((other) => isUpToDate(log, other)).length;
      if (voters * 2 > logs.length) {
        throw new Violation(`leader completeness: [${log}] could win without ${committed[last]}`);
      }
    }
  }

  #intern(ghost: Ghost): number {
    const { leaders, committed, committedIn } = ghost;
    return this.#ghosts.intern(`${leaders}|${committed}|${committedIn}`, ghost);
  }
}

/** True when a candidate with `log` gets the vote of one with `other`. */
function isUpToDate(log: readonly string[], other: readonly string[]): boolean {
  const [term, otherTerm] = [lastTerm(log), lastTerm(other)];
  return term > otherTerm || (term === otherTerm && log.length >= other.length);
}

function lastTerm(log: readonly string[]): number {
  return log.length === 0 ? 0 : Number.parseInt(log[log.length - 1]!, 10);
}

/** Election safety. */
function withLeader(
  leaders: readonly number[],
  { isLeader, member, term }: MemberView,
): readonly number[] {
  if (!isLeader) return leaders;
  const known = leaders[term] ?? -1;
  if (known === member) return leaders;
  if (known !== -1) throw new Violation(`election safety: two leaders in term ${term}`);
  const next = [...leaders];
  for (let at = next.length; at < term; at += 1) next.push(-1);
  next[term] = member;
  return next;
}

/** State machine safety: all members commit the same entries. */
function withCommitted(
  { committed, committedIn }: Ghost,
  view: MemberView,
): Pick<Ghost, "committed" | "committedIn"> {
  for (let at = 0; at < Math.min(view.commit, committed.length); at += 1) {
    if (view.log[at] !== committed[at]) {
      throw new Violation(`state machine safety: ${view.log[at]} and ${committed[at]}`);
    }
  }
  if (view.commit <= committed.length) return { committed, committedIn };
  const added = view.log.slice(committed.length, view.commit);
  return {
    committed: [...committed, ...added],
    committedIn: [...committedIn, ...added.map(() => view.term)],
  };
}

/** Leader completeness: what was committed in a term is in the log of all leaders of later ones. */
function checkCompleteness(
  committed: readonly string[],
  committedIn: readonly number[],
  { term, log }: MemberView,
): void {
  for (const [at, entry] of committed.entries()) {
    if (committedIn[at]! < term && log[at] !== entry) {
      throw new Violation(`leader completeness: the leader of term ${term} lacks ${entry}`);
    }
  }
}
