import type { FlagSpec } from "../../common/flags.ts";
import { type Command, notServed, type RootCommand } from "../command-line.ts";
import { CHECK } from "./check.ts";
import { DEFRAG } from "./defrag.ts";
import { HASHKV } from "./hashkv.ts";
import { RESTORE } from "./snapshot-restore.ts";
import { STATUS } from "./snapshot-status.ts";

/** The API whose files are read: etcd's of this version. */
const API_VERSION = "3.7";

const GLOBAL_FLAGS: readonly FlagSpec[] = [
  {
    name: "timeout",
    type: "duration",
    fallback: "10s",
    usage: "how long to wait for the lock of the database file (0: for ever)",
  },
  {
    name: "write-out",
    short: "w",
    type: "string",
    fallback: "simple",
    usage: "output format: fields, json, protobuf, simple, table",
  },
];

function versionCommand(version: string): Command {
  return {
    name: "version",
    summary: "Shows the version of skeinutl",
    run: ({ world }) => {
      world.out(`skeinutl version: ${version}\nAPI version: ${API_VERSION}\n`);
      return Promise.resolve(0);
    },
  };
}

/** The tree of all commands, those of etcdutl that are missing included. */
export function rootCommand(version: string): RootCommand {
  return {
    name: "skeinutl",
    summary: "Works on data directories and snapshot files of Skein and etcd, offline",
    flags: GLOBAL_FLAGS,
    children: [
      CHECK,
      notServed("completion", "Writes a completion script for a shell"),
      DEFRAG,
      HASHKV,
      notServed("migrate", "Changes the storage version of a data directory"),
      {
        name: "snapshot",
        summary: "Commands about snapshot files",
        children: [RESTORE, STATUS],
      },
      versionCommand(version),
    ],
  };
}
