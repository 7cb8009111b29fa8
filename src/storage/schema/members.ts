import { assert } from "../../base/assert.ts";
import { copyOfSpan } from "../../base/span.ts";
import type { Backend, BackendReader } from "../backend/backend.ts";
import { deleteEntry, keysOf, writeEntry } from "./entry.ts";
import { SchemaError } from "./error.ts";
import { GoRecord, goText, goTexts, ID_MAX } from "./go-json.ts";

/** What stands behind the id of a member that was removed; etcd looks at the key only. */
const REMOVED = "removed";
/** The id of a member in hexadecimal: at most 16 digits, the first of them not 0. */
const ID_KEY = /^[1-9a-f][0-9a-f]{0,15}$/u;

/** A member as the `members` bucket has it. */
export interface MemberRecord {
  /** In [1, 2^64). */
  readonly id: bigint;
  /** Empty until the member published itself. */
  readonly name: string;
  /** In the order in which they are stored; etcd sorts them when it makes the member. */
  readonly peerUrls: readonly string[];
  /** Empty until the member published itself. */
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

/**
 * All members, by id ascending (the bucket's own order is that of the texts). Authoritative from
 * storage version 3.6 on; before, a copy of what the `.snap` file says (formats-disk.md 3).
 * @throws SchemaError when a key is not an id as etcd writes it, a value is not a member's JSON, or
 * the two name different members.
 */
export function readMembers(reader: BackendReader): MemberRecord[] {
  const members: MemberRecord[] = [];
  const cursor = reader.cursor("members");
  while (cursor.next()) {
    members.push(decodeMember(copyOfSpan(cursor.key), copyOfSpan(cursor.value)));
  }
  return members.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/**
 * Ids of the members that were removed and must never come back, ascending.
 * @throws SchemaError when a key is not an id as etcd writes it.
 */
export function readRemovedMembers(reader: BackendReader): bigint[] {
  const ids = keysOf(reader, "members_removed").map((key) => idOfKey("members_removed", key));
  return ids.sort((a, b) => (a < b ? -1 : 1));
}

/**
 * Puts the member into the open batch, in place of what was there under its id.
 * @throws AssertionError when its id is not in [1, 2^64).
 */
export function writeMember(backend: Backend, member: MemberRecord): void {
  writeEntry(backend, { bucket: "members", key: keyOfId(member.id) }, encodeMember(member));
}

/**
 * In the open batch: takes the member away, if it is there, and remembers that it was removed.
 * @throws AssertionError when the id is not in [1, 2^64).
 */
export function removeMember(backend: Backend, id: bigint): void {
  const key = keyOfId(id);
  deleteEntry(backend, { bucket: "members", key });
  writeEntry(backend, { bucket: "members_removed", key }, REMOVED);
}

/** Empties `members` and `members_removed` in the open batch, as a restore does (10). */
export function clearMembers(backend: Backend): void {
  for (const bucket of ["members", "members_removed"] as const) {
    for (const key of keysOf(backend, bucket)) deleteEntry(backend, { bucket, key });
  }
}

/** As formats-disk.md 3 has it: what is false or empty is left out, but not the peer URLs. */
function encodeMember(member: MemberRecord): string {
  const { id, peerUrls, isLearner, name, clientUrls } = member;
  // The id beyond 2^53 is why this is not left to JSON.stringify.
  const fields = [`"id":${id}`, `"peerURLs":${goTexts(peerUrls)}`];
  if (isLearner) fields.push(`"isLearner":true`);
  if (name !== "") fields.push(`"name":${goText(name)}`);
  if (clientUrls.length > 0) fields.push(`"clientURLs":${goTexts(clientUrls)}`);
  return `{${fields.join(",")}}`;
}

function decodeMember(key: Uint8Array, value: Uint8Array): MemberRecord {
  const id = idOfKey("members", key);
  const place = { bucket: "members", key } as const;
  const record = new GoRecord(place, value);
  const idInside = record.id("id") ?? id;
  if (idInside !== id) {
    throw new SchemaError(place, `the value is that of member ${idInside.toString(16)}`);
  }
  return {
    id,
    name: record.text("name"),
    peerUrls: record.texts("peerURLs"),
    clientUrls: record.texts("clientURLs"),
    isLearner: record.flag("isLearner"),
  };
}

function keyOfId(id: bigint): string {
  assert(id > 0n && id <= ID_MAX, "schema: not a member's id");
  return id.toString(16);
}

/** Only the one text that etcd writes for an id, or a member would be stored twice. */
function idOfKey(bucket: "members" | "members_removed", key: Uint8Array): bigint {
  const text = key.length <= 16 ? String.fromCharCode(...key) : "";
  if (ID_KEY.test(text)) return BigInt(`0x${text}`);
  throw new SchemaError({ bucket, key }, "the key is not the id of a member");
}
