/** Alarm types, numbers as on the wire. */
export const AlarmType = { none: 0, noSpace: 1, corrupt: 2 } as const;

/** A type's name in logs, metrics and status; the number of one that this version does not know. */
export function alarmName(type: number): string {
  if (type === AlarmType.noSpace) return "NOSPACE";
  return type === AlarmType.corrupt ? "CORRUPT" : String(type);
}

/** An alarm that one member raised. */
export interface Alarm {
  readonly memberId: bigint;
  readonly type: number;
}

/** The replicated set of raised alarms (semantics.md M2 to M5). */
export class Alarms {
  readonly #raised: Alarm[] = [];
  /** Raised now or at any time before, by member and type: what metrics have to go on showing. */
  readonly #seen = new Map<string, Alarm>();

  /** Raises it; raising it again changes nothing. Returns the alarm. */
  activate(memberId: bigint, type: number): Alarm {
    const known = this.#find(memberId, type);
    if (known !== undefined) return known;
    const alarm = { memberId, type };
    this.#raised.push(alarm);
    this.#seen.set(`${memberId}/${type}`, alarm);
    return alarm;
  }

  /** Clears exactly this pair; undefined when it was not raised. */
  deactivate(memberId: bigint, type: number): Alarm | undefined {
    const known = this.#find(memberId, type);
    if (known !== undefined) this.#raised.splice(this.#raised.indexOf(known), 1);
    return known;
  }

  /** All alarms of `type`, or all when it is none. */
  list(type: number): Alarm[] {
    return this.#raised.filter((alarm) => type === AlarmType.none || alarm.type === type);
  }

  /** All that are raised, or were since the start of this process. */
  seen(): Iterable<Alarm> {
    return this.#seen.values();
  }

  /** True while any member raised this type. */
  active(type: number): boolean {
    // Asked for every write, and hardly ever is there one.
    return this.#raised.length > 0 && this.#raised.some((alarm) => alarm.type === type);
  }

  /** True while this very member raised this type. */
  has(memberId: bigint, type: number): boolean {
    return this.#find(memberId, type) !== undefined;
  }

  #find(memberId: bigint, type: number): Alarm | undefined {
    return this.#raised.find((alarm) => alarm.memberId === memberId && alarm.type === type);
  }
}
