import type { ConfState } from "../../raft/types.ts";
import type { Backend, BackendReader } from "../backend/backend.ts";
import { readEntry, writeEntry } from "./entry.ts";
import type { Place } from "./error.ts";
import { GoRecord } from "./go-json.ts";

const CONF_STATE: Place = { bucket: "meta", key: "confState" };

/**
 * The raft configuration of the last change that was applied, from `meta`; null when there is none.
 * No etcd starts from it, and a restore leaves it stale (formats-disk.md 3): it is here to be
 * compared, not to be believed.
 * @throws SchemaError when it is not the JSON of a configuration.
 */
export function readConfState(reader: BackendReader): ConfState | null {
  const value = readEntry(reader, CONF_STATE);
  if (value === null) return null;
  const record = new GoRecord(CONF_STATE, value);
  return {
    voters: record.ids("voters"),
    learners: record.ids("learners"),
    votersOutgoing: record.ids("voters_outgoing"),
    learnersNext: record.ids("learners_next"),
    autoLeave: record.flag("auto_leave"),
  };
}

/**
 * Puts the configuration into the open batch, in the order of ids that it has. Empty lists are left
 * out, `auto_leave` never is (formats-disk.md 3; so do 3.5, 3.6 and 3.7).
 */
export function writeConfState(backend: Backend, state: ConfState): void {
  const lists: readonly [string, readonly bigint[]][] = [
    ["voters", state.voters],
    ["learners", state.learners],
    ["voters_outgoing", state.votersOutgoing],
    ["learners_next", state.learnersNext],
  ];
  const fields = lists
    .filter(([, ids]) => ids.length > 0)
    .map(([name, ids]) => `"${name}":[${ids.join(",")}]`);
  fields.push(`"auto_leave":${state.autoLeave}`);
  writeEntry(backend, CONF_STATE, `{${fields.join(",")}}`);
}
