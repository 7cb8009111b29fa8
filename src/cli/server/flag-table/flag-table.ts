import type { FlagSpec } from "./flag-spec.ts";
import { CLUSTERING_FLAGS, MEMBER_FLAGS } from "./member-flags.ts";
import {
  AUTH_FLAGS,
  FEATURE_FLAGS,
  LOGGING_FLAGS,
  MONITORING_FLAGS,
  SECURITY_FLAGS,
  TRACING_FLAGS,
  UNSAFE_FLAGS,
} from "./other-flags.ts";

/** Every flag of the server, in the order of the help text. Source: etcd 3.7.1. */
export const FLAGS: readonly FlagSpec[] = [
  ...MEMBER_FLAGS,
  ...CLUSTERING_FLAGS,
  ...SECURITY_FLAGS,
  ...AUTH_FLAGS,
  ...MONITORING_FLAGS,
  ...LOGGING_FLAGS,
  ...TRACING_FLAGS,
  ...FEATURE_FLAGS,
  ...UNSAFE_FLAGS,
];

/** The flag of that name, undefined when there is none. */
export function findFlag(name: string): FlagSpec | undefined {
  return FLAGS.find((flag) => flag.name === name);
}

/** Name of the environment variable: `ETCD_` and the flag in capitals, `-` as `_`. */
export function envName(flag: string): string {
  return `ETCD_${flag.toUpperCase().replaceAll("-", "_")}`;
}
