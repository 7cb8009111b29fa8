import { assert } from "../../base/assert.ts";
import { compareBytes } from "../../base/text.ts";
import { decodeAlarmMember, encodeAlarmMemberToBytes } from "../../proto/gen/etcdserverpb.ts";
import { ProtoError } from "../../proto/wire.ts";
import type { Backend, BackendReader } from "../backend/backend.ts";
import { deleteEntry, keysOf, writeEntry } from "./entry.ts";
import { SchemaError } from "./error.ts";
import { ID_MAX } from "./go-json.ts";

/** The largest value of an enum on the wire. */
const TYPE_MAX = 2 ** 31 - 1;

/** An alarm that was raised and not cleared. */
export interface AlarmRecord {
  /** 0 when it is about the cluster as a whole, as a corruption that no majority explains. */
  readonly memberId: bigint;
  /** As on the wire: 1 no space, 2 corrupt; later versions may add. Never 0. */
  readonly type: number;
}

/**
 * All raised alarms, in the order of the bucket (formats-disk.md 3).
 * @throws SchemaError when a key is not an alarm in the one encoding that would clear it again.
 */
export function readAlarms(reader: BackendReader): AlarmRecord[] {
  return keysOf(reader, "alarm").map((key) => decode(key));
}

/**
 * Puts the alarm into the open batch; again changes nothing.
 * @throws AssertionError when its type is not in [1, 2^31) or the id has more than 64 bits.
 */
export function writeAlarm(backend: Backend, alarm: AlarmRecord): void {
  writeEntry(backend, { bucket: "alarm", key: encode(alarm) }, "");
}

/** Clears exactly this alarm in the open batch; false when it was not there. */
export function removeAlarm(backend: Backend, alarm: AlarmRecord): boolean {
  return deleteEntry(backend, { bucket: "alarm", key: encode(alarm) });
}

function encode({ memberId, type }: AlarmRecord): Uint8Array {
  assert(Number.isInteger(type) && type > 0 && type <= TYPE_MAX, "schema: not a type of alarm");
  assert(memberId >= 0n && memberId <= ID_MAX, "schema: not a member's id");
  return encodeAlarmMemberToBytes({ memberID: memberId, alarm: type });
}

function decode(key: Uint8Array): AlarmRecord {
  const alarm = parse(key);
  const isOurs = alarm !== null && alarm.type > 0 && compareBytes(encode(alarm), key) === 0;
  if (!isOurs) throw new SchemaError({ bucket: "alarm", key }, "the key is not an alarm");
  return alarm;
}

function parse(key: Uint8Array): AlarmRecord | null {
  try {
    const { memberID, alarm } = decodeAlarmMember(key, 0, key.length);
    return { memberId: memberID, type: alarm };
  } catch (error) {
    if (error instanceof ProtoError) return null;
    throw error;
  }
}
