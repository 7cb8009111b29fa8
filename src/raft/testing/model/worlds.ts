import type { Bounds } from "./explore.ts";

const SMALL: Bounds = {
  terms: 2,
  proposals: 0,
  changes: 0,
  crashes: 0,
  beats: 0,
  messages: 4,
  writes: 0,
  isElected: false,
  statesMax: 130_000,
};

/** Small worlds of three members; each looks at other things that happen together. */
export const WORLDS: Readonly<Record<string, Bounds>> = {
  elections: { ...SMALL, messages: 3 },
  "elections, disks that lose": { ...SMALL, messages: 3, writes: 1, crashes: 1 },
  "a new leader": { ...SMALL, isElected: true, proposals: 2 },
  "a new leader, disks that lose": {
    ...SMALL,
    isElected: true,
    proposals: 1,
    writes: 2,
    crashes: 1,
    messages: 3,
  },
  "a third leader": {
    ...SMALL,
    isElected: true,
    terms: 3,
    proposals: 1,
    messages: 2,
    statesMax: 300_000,
  },
  heartbeats: { ...SMALL, isElected: true, proposals: 1, beats: 2 },
  "a joint change": { ...SMALL, isElected: true, changes: 1, proposals: 1, messages: 3 },
  "a joint change and a crash": { ...SMALL, isElected: true, changes: 1, crashes: 1, messages: 3 },
};
