import { assert } from "../../base/assert.ts";
import type { RaftConfig } from "../config.ts";
import type { Message } from "../message.ts";
import { StateType } from "../types.ts";
import { Seat, type SeatOptions } from "./seat.ts";

/** Far more exchanges than anything but a message loop needs. */
const SETTLE_ROUNDS_MAX = 1_000;

/** A group of members in one process, whose network the test cuts as it likes. */
export class Lab {
  readonly seats: readonly Seat[];
  /** Everything that was sent since the start, also what was lost. */
  readonly sent: Message[] = [];
  /** True for messages that are lost. */
  isLost: (message: Message) => boolean = () => false;

  /** Members 1 to `count`, all voters. `of` gives what a member has beyond that. */
  constructor(count: number, config: Partial<RaftConfig> = {}, of: Partial<SeatOptions>[] = []) {
    const voters = Array.from({ length: count }, (_, at) => BigInt(at + 1));
    this.seats = voters.map((id, at) => new Seat({ id, voters, config, ...of[at] }));
  }

  seat(id: number): Seat {
    return this.seats[id - 1]!;
  }

  /** Cuts `ids` off from everybody, also from each other. */
  isolate(...ids: readonly number[]): void {
    const cut = new Set(ids.map(BigInt));
    this.isLost = ({ from, to }) => cut.has(from) || cut.has(to);
  }

  /** Only members of one part hear each other. */
  partition(...parts: readonly (readonly number[])[]): void {
    const partOf = (id: bigint): number => parts.findIndex((part) => part.includes(Number(id)));
    this.isLost = ({ from, to }) => partOf(from) !== partOf(to);
  }

  heal(): void {
    this.isLost = () => false;
  }

  /** Delivers until nobody has anything to do. */
  settle(): void {
    for (let round = 0; ; round += 1) {
      assert(round < SETTLE_ROUNDS_MAX, "lab: the group never comes to rest");
      const messages = this.seats.flatMap((seat) => seat.work());
      if (messages.length === 0) return;
      this.sent.push(...messages);
      for (const message of messages) {
        if (!this.isLost(message)) this.seats[Number(message.to) - 1]?.node.step(message);
      }
    }
  }

  /** Ticks everybody, delivering after each tick. */
  tick(count: number): void {
    for (let at = 0; at < count; at += 1) {
      for (const seat of this.seats) seat.node.tick();
      this.settle();
    }
  }

  /** Lets member `id` campaign, and delivers. */
  elect(id: number): Seat {
    this.seat(id).node.campaign();
    this.settle();
    return this.seat(id);
  }

  /** Those who believe that they lead. */
  get leaders(): readonly Seat[] {
    return this.seats.filter(({ node }) => node.core.state === StateType.leader);
  }
}
