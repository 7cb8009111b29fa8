import type { Steps } from "../../apply/steps.ts";
import type { ByteWriter } from "../../base/byte-writer.ts";
import { NO_SLOT } from "../../lease/lease-table.ts";
import type { Lessor } from "../../lease/lessor.ts";
import type { Job } from "../jobs.ts";
import type { RangeContext } from "../range/range-service.ts";
import type { TableMemory } from "../range/table-memory.ts";
import type { Token } from "../rpc.ts";
import { TurnBudget } from "../turn-budget.ts";
import { type ListBody, writeKeys, writeLeases } from "./list-bodies.ts";
import { SharedList } from "./shared-list.ts";

/** Lists up to so many leases are made at once, if there is time. */
const AT_ONCE_LEASES = 100;
/** The same for keys. */
const AT_ONCE_KEYS = 500;
/** Time in one turn of the event loop for lists that are made at once, ms. */
const AT_ONCE_TURN_MS = 1;
/** Lists that are made at a time: a short one passes a long one, and memory is that of a few. */
export const LISTS_MAX = 4;

/** What lists are made with. */
export interface LeaseListsOptions extends Pick<RangeContext, "clock" | "store" | "jobs" | "sink"> {
  readonly lessor: Lessor;
  /** For what lists hold, until they are read. */
  readonly memory: TableMemory;
}

/**
 * Answers with lists that may be long: the keys of a lease, all leases. Long ones wait for their
 * turn, and calls that wait for the same one share it.
 */
export class LeaseLists {
  readonly #options: LeaseListsOptions;
  readonly #turn: TurnBudget;
  /** Lists not begun, by what is in them, the oldest first. */
  readonly #queue = new Map<string, SharedList>();
  /** Which list a call waits for. */
  readonly #listOf = new Map<Token, SharedList>();
  /** Jobs that make lists. */
  #makers = 0;

  constructor(options: LeaseListsOptions) {
    this.#options = options;
    this.#turn = new TurnBudget(options.clock, AT_ONCE_TURN_MS);
  }

  /** Answers with `head` and the keys of the lease. */
  keys(token: Token, head: ByteWriter, slot: number): void {
    const { lessor } = this.#options;
    const lease = { slot, life: lessor.lifeOf(slot) };
    const write = (body: ListBody): Steps<void> => writeKeys(this.#options, lease, body);
    if (lessor.keyCountOf(slot) <= AT_ONCE_KEYS && this.#answer(token, head, write)) return;
    this.#wait(token, head, `${slot}/${lease.life}`, write);
  }

  /** Answers with `head` and all leases, those that expire first at the front. */
  leases(token: Token, head: ByteWriter): void {
    const { lessor } = this.#options;
    const write = (body: ListBody): Steps<void> => writeLeases(lessor, body);
    if (lessor.size <= AT_ONCE_LEASES && this.#answer(token, head, write)) return;
    this.#wait(token, head, `${NO_SLOT}`, write);
  }

  /** The call is dead: a list that nobody waits for is not made. */
  cancel(token: Token): void {
    this.#listOf.get(token)?.cancel(token);
    this.#listOf.delete(token);
  }

  /** Answers at once; false, `head` being as it was, when one step is not enough. */
  #answer(token: Token, head: ByteWriter, write: (body: ListBody) => Steps<void>): boolean {
    if (this.#turn.isOver()) return false;
    const headBytes = head.length;
    const isWritten = write({ out: head, workBytes: 0 }).next().done === true;
    if (isWritten) this.#options.sink().reply(token, head.bytes, 0, head.length);
    else head.length = headBytes;
    return isWritten;
  }

  #wait(
    token: Token,
    head: ByteWriter,
    what: string,
    write: (body: ListBody) => Steps<void>,
  ): void {
    let list = this.#queue.get(what);
    if (list === undefined) {
      const { sink, memory } = this.#options;
      list = new SharedList({ write, sink, memory, onAnswered: this.#onAnswered });
      this.#queue.set(what, list);
    }
    list.add(token, head.bytes.slice(0, head.length));
    this.#listOf.set(token, list);
    if (this.#makers === LISTS_MAX) return;
    this.#makers += 1;
    this.#options.jobs.add(this.#newMaker());
  }

  /** Makes one list after the other, as long as there are any. */
  #newMaker(): Job {
    let list: SharedList | undefined;
    const step = (): boolean => {
      list ??= this.#takeOldest();
      if (list === undefined) {
        this.#makers -= 1;
        return true;
      }
      if (list.step()) list = undefined;
      return false;
    };
    return { step };
  }

  #takeOldest(): SharedList | undefined {
    for (const [what, list] of this.#queue) {
      this.#queue.delete(what);
      return list;
    }
    return undefined;
  }

  readonly #onAnswered = (token: Token): void => {
    this.#listOf.delete(token);
  };
}
