import type { Command } from "../command-tree.ts";
import { flagTable } from "../../common/flag-help.ts";
import { LEASE } from "../lease/lease.ts";
import { DEFRAG } from "../maintenance/defrag.ts";
import { SNAPSHOT } from "../maintenance/snapshot.ts";
import { ALARM } from "./alarm.ts";
import { COMPACTION } from "./compaction.ts";
import { DEL } from "./del.ts";
import { ENDPOINT } from "./endpoint.ts";
import { GET } from "./get.ts";
import { GLOBAL_FLAGS } from "./global-flags.ts";
import { MEMBER } from "./member.ts";
import { notServed, notServedGroup } from "./not-served.ts";
import { PUT } from "./put.ts";
import { TXN } from "./txn.ts";

const MAINTENANCE = "Cluster maintenance commands";
const CONCURRENCY = "Concurrency commands";
const AUTHENTICATION = "Authentication commands";
const UTILITY = "Utility commands";

/** The API that is spoken: etcd's of this version. */
const API_VERSION = "3.7";

function versionCommand(version: string): Command {
  return {
    name: "version",
    summary: "Shows the version of skeinctl",
    group: UTILITY,
    run: ({ io }) => {
      io.out(`skeinctl version: ${version}\nAPI version: ${API_VERSION}\n`);
      return Promise.resolve(0);
    },
  };
}

const OPTIONS: Command = {
  name: "options",
  summary: "Shows the flags that every command takes",
  group: UTILITY,
  run: ({ io }) => {
    io.out(`Every command takes these options:\n\n${flagTable(GLOBAL_FLAGS)}`);
    return Promise.resolve(0);
  },
};

/** The tree of all commands, those of etcdctl that are still missing included. */
export function rootCommand(version: string): Command {
  return {
    name: "skeinctl",
    summary: "Talks to a Skein or etcd cluster from the command line",
    sharedFlags: GLOBAL_FLAGS,
    hideSharedFlags: true,
    children: [
      COMPACTION,
      DEL,
      GET,
      PUT,
      TXN,
      ALARM,
      DEFRAG,
      notServedGroup("downgrade", "Commands about downgrades", {
        group: MAINTENANCE,
        children: ["cancel", "enable", "validate"],
      }),
      ENDPOINT,
      MEMBER,
      notServed("move-leader", "Hands leadership to another member", MAINTENANCE),
      SNAPSHOT,
      notServed("elect", "Takes part in or observes an election", CONCURRENCY),
      LEASE,
      notServed("lock", "Holds a named lock", CONCURRENCY),
      notServedGroup("auth", "Commands about authentication", {
        group: AUTHENTICATION,
        children: ["disable", "enable", "status"],
      }),
      notServedGroup("role", "Commands about roles", {
        group: AUTHENTICATION,
        children: ["add", "delete", "get", "grant-permission", "list", "revoke-permission"],
      }),
      notServedGroup("user", "Commands about users", {
        group: AUTHENTICATION,
        children: ["add", "delete", "get", "grant-role", "list", "passwd", "revoke-role"],
      }),
      notServedGroup("check", "Measures a cluster", {
        group: UTILITY,
        children: ["datascale", "perf"],
      }),
      notServed("completion", "Writes a completion script for a shell", UTILITY),
      notServed("make-mirror", "Copies keys to another cluster as they change", UTILITY),
      OPTIONS,
      versionCommand(version),
      notServed("watch", "Shows changes of keys as they happen", "Key-value commands"),
    ],
  };
}
