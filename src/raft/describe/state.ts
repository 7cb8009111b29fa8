import {
  type ConfState,
  type HardState,
  type Snapshot,
  type SoftState,
  stateName,
} from "../types.ts";

/** `Term:1 Vote:2 Commit:3`, without a vote when there is none. */
export function describeHardState({ term, vote, commit }: HardState): string {
  return `Term:${term}${vote === 0n ? "" : ` Vote:${vote}`} Commit:${commit}`;
}

/** `Lead:1 State:StateFollower`. */
export function describeSoftState({ lead, state }: SoftState): string {
  return `Lead:${lead} State:${stateName(state)}`;
}

/** `Voters:[1 2] VotersOutgoing:[] Learners:[] LearnersNext:[] AutoLeave:false`. */
export function describeConfState(state: ConfState): string {
  const list = (ids: readonly bigint[]): string => `[${ids.join(" ")}]`;
  return (
    `Voters:${list(state.voters)} VotersOutgoing:${list(state.votersOutgoing)} ` +
    `Learners:${list(state.learners)} LearnersNext:${list(state.learnersNext)} ` +
    `AutoLeave:${state.autoLeave}`
  );
}

/** `voters:1 voters:2 learners:3 auto_leave:false`, as Go prints the message. */
export function confStateFields(state: ConfState): string {
  const each = (name: string, ids: readonly bigint[]): string =>
    ids.map((id) => `${name}:${id} `).join("");
  return (
    each("voters", state.voters) +
    each("learners", state.learners) +
    each("voters_outgoing", state.votersOutgoing) +
    each("learners_next", state.learnersNext) +
    `auto_leave:${state.autoLeave}`
  );
}

/** `Index:4 Term:1 ConfState:…`. */
export function describeSnapshot({ metadata }: Snapshot): string {
  const { index, term, confState } = metadata;
  return `Index:${index} Term:${term} ConfState:${describeConfState(confState)}`;
}
