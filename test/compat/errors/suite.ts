import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { skeinProgram, startServer } from "../ctl/servers.ts";
import type { ServerProgram } from "../ctl/servers.ts";
import { oraclePath } from "../oracles/oracles.ts";
import { COMPACTED_GROUP, KV_GROUP } from "./cases-kv.ts";
import {
  ALARM_GROUP,
  CORRUPT_GROUP,
  NOSPACE_GROUP,
  ORDER_GROUP,
  QUOTA_GROUP,
} from "./cases-order.ts";
import { TXN_COMPACTED_GROUP, TXN_GROUP } from "./cases-txn.ts";
import { WIRE_GROUP } from "./cases-wire.ts";
import { RawClient } from "./raw-client.ts";
import { difference } from "./summary.ts";
import type { Group } from "./table.ts";

/** The whole table, each group on a server of its own. */
export const GROUPS: readonly Group[] = [
  KV_GROUP,
  COMPACTED_GROUP,
  TXN_GROUP,
  TXN_COMPACTED_GROUP,
  ORDER_GROUP,
  ALARM_GROUP,
  NOSPACE_GROUP,
  CORRUPT_GROUP,
  QUOTA_GROUP,
  WIRE_GROUP,
];

/** What a run of a group found: each difference as a line. */
export interface GroupResult {
  readonly passed: number;
  readonly differences: readonly string[];
}

/** Runs the rows of a group, in order, against a server at `endpoint`. */
export async function runRows(group: Group, endpoint: string): Promise<GroupResult> {
  const client = new RawClient(endpoint);
  const differences: string[] = [];
  let passed = 0;
  for (const call of group.setup) {
    const answer = await client.call(call);
    if (answer.code !== 0) {
      differences.push(`setup ${call.path}: code ${answer.code} "${answer.message}"`);
    }
  }
  for (const { name, call, want } of group.rows) {
    const found = difference(call.path, await client.call(call), want);
    if (found === null) passed++;
    else differences.push(`${name}: ${found}`);
  }
  client.close();
  return { passed, differences };
}

async function runGroup(group: Group, program: ServerProgram): Promise<GroupResult> {
  const server = await startServer(program, group.flags ?? []);
  try {
    return await runRows(group, server.endpoint);
  } finally {
    await server.stop();
  }
}

/**
 * The table of errors against etcd 3.7.1 (which proves the table) and against Skein. With
 * `--only etcd` or `--only skein` one of them. Nothing is random: the seed is not used.
 */
export async function run(options: LongOptions): Promise<LongResult> {
  const at = options.args.indexOf("--only");
  const only = at < 0 ? undefined : options.args[at + 1];
  const programs: ServerProgram[] = [];
  const etcd = oraclePath("etcd", "3.7");
  if (only !== "skein") {
    if (etcd === undefined) throw new Error("etcd 3.7 is missing: npm run oracles");
    programs.push({ label: "etcd 3.7.1", command: etcd, prefix: [] });
  }
  if (only !== "etcd") programs.push(skeinProgram());
  let [passed, failed] = [0, 0];
  for (const program of programs) {
    for (const group of GROUPS) {
      let result: GroupResult;
      try {
        result = await runGroup(group, program);
      } catch (error) {
        result = { passed: 0, differences: [String(error)] };
      }
      passed += result.passed;
      failed += result.differences.length;
      const total = `${result.passed} of ${result.passed + result.differences.length}`;
      console.log(`${program.label}, ${group.name}: ${total} as wanted`);
      for (const each of result.differences) console.log(`  ${each}`);
    }
  }
  return { passed, failed };
}
