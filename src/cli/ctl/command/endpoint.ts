import { EtcdError } from "../../../client/index.ts";
import type { Client } from "../../../client/index.ts";
import type { Command, Invocation } from "../command-tree.ts";
import { goDuration, toByteString } from "../../go/go-text.ts";
import type { FlagSpec } from "../../common/flags.ts";
import { ToolError, Exit } from "../../common/exit.ts";
import type { Io } from "../io.ts";
import type { EndpointHash, EndpointHealth, EndpointStatus } from "../print/printer.ts";
import { ALARM_NAMES } from "../print/simple.ts";
import { saturated } from "./key-args.ts";
import { errorText, withSession } from "./session.ts";
import type { Session } from "./session.ts";

/** `--cluster`. */
export const CLUSTER_FLAG: FlagSpec = {
  name: "cluster",
  type: "bool",
  fallback: "false",
  usage: "ask all endpoints that the cluster's members name",
};

/** Any key will do: what counts is that the cluster answers. */
const HEALTH_KEY = "health";

/** The endpoints to ask: those given, or with `--cluster` those that the members name. */
export async function endpointsOf(
  invocation: Invocation,
  session: Session,
): Promise<readonly string[]> {
  if (!invocation.flags.flag("cluster")) return session.endpoints;
  try {
    const client = await session.client();
    const { members } = await client.cluster.memberList({ timeoutMs: session.timeoutMs });
    return members.flatMap((member) => member.clientURLs.map(toByteString));
  } catch (error) {
    const text = "failed to fetch endpoints from etcd cluster member list";
    throw new ToolError(Exit.error, `${text}: ${errorText(error)}`);
  }
}

/** Alarms as a complaint; empty when there are none. */
async function alarmComplaint(client: Client, timeoutMs: number): Promise<string> {
  try {
    const { alarms } = await client.maintenance.alarmList({ timeoutMs });
    if (alarms.length === 0) return "";
    const names = alarms.map(
      ({ alarm }) => `${alarm > 0 ? (ALARM_NAMES[alarm] ?? "UNKNOWN") : "UNKNOWN"} `,
    );
    return `Active Alarm(s): ${names.join("")}`;
  } catch {
    return "Unable to fetch the alarm list";
  }
}

async function probe(endpoint: string, session: Session, io: Io): Promise<EndpointHealth> {
  let client: Client;
  try {
    client = await session.client([endpoint]);
  } catch (error) {
    const text = error instanceof ToolError ? error.message : errorText(error);
    return { endpoint, health: false, took: "", error: text };
  }
  const startMs = io.nowMs();
  let error = "";
  try {
    await client.kv.range(HEALTH_KEY, { timeoutMs: session.timeoutMs });
  } catch (failure) {
    // A refusal went through consensus to be made.
    const refused = failure instanceof EtcdError && failure.code === "PermissionDenied";
    if (!refused) error = errorText(failure);
  }
  const tookMs = io.nowMs() - startMs;
  if (error === "") {
    error = await alarmComplaint(client, Math.max(1, session.timeoutMs - tookMs));
  }
  return { endpoint, health: error === "", took: goDuration(tookMs), error };
}

function runHealth(invocation: Invocation): Promise<number> {
  return withSession(invocation, async (session) => {
    const endpoints = await endpointsOf(invocation, session);
    const list = await Promise.all(endpoints.map((each) => probe(each, session, invocation.io)));
    session.printer.endpointHealth(list);
    if (list.some((each) => each.error !== "")) {
      throw new ToolError(Exit.error, "unhealthy cluster");
    }
    return Exit.ok;
  });
}

/** Asks one endpoint after the other; what fails is told and left out. */
async function askEach<T>(
  invocation: Invocation,
  session: Session,
  what: string,
  ask: (endpoint: string, client: Client) => Promise<T>,
): Promise<{ readonly list: readonly T[]; readonly failure: string | null }> {
  const list: T[] = [];
  let failure: string | null = null;
  for (const endpoint of await endpointsOf(invocation, session)) {
    const client = await session.client([endpoint]);
    try {
      list.push(await ask(endpoint, client));
    } catch (error) {
      failure = errorText(error);
      invocation.io.err(`Failed to get the ${what} of endpoint ${endpoint} (${failure})\n`);
    }
    client.close();
  }
  return { list, failure };
}

function runStatus(invocation: Invocation): Promise<number> {
  return withSession(invocation, async (session) => {
    const { timeoutMs } = session;
    const { list, failure } = await askEach<EndpointStatus>(
      invocation,
      session,
      "status",
      async (endpoint, client) => ({
        endpoint,
        status: await client.maintenance.status({ timeoutMs }),
      }),
    );
    session.printer.endpointStatus(list);
    return failure === null ? Exit.ok : Exit.error;
  });
}

function runHashKv(invocation: Invocation): Promise<number> {
  return withSession(invocation, async (session) => {
    const { timeoutMs } = session;
    const revision = saturated(invocation.flags.number("rev"));
    const { list, failure } = await askEach<EndpointHash>(
      invocation,
      session,
      "hash",
      async (endpoint, client) => ({
        endpoint,
        hashKv: await client.maintenance.hashKv({ revision, timeoutMs }),
      }),
    );
    session.printer.endpointHashKv(list);
    if (failure !== null) throw new ToolError(Exit.error, failure);
    return Exit.ok;
  });
}

/** `endpoint health`, `endpoint status` and `endpoint hashkv`. */
export const ENDPOINT: Command = {
  name: "endpoint",
  summary: "Commands about single endpoints",
  group: "Cluster maintenance commands",
  sharedFlags: [CLUSTER_FLAG],
  children: [
    {
      name: "hashkv",
      summary: "Hashes the history of the endpoints' keys",
      run: runHashKv,
      flags: [
        { name: "rev", type: "int64", fallback: "0", usage: "last revision to hash (0: newest)" },
      ],
    },
    { name: "health", summary: "Tells whether the endpoints are healthy", run: runHealth },
    { name: "status", summary: "Shows the state of the endpoints", run: runStatus },
  ],
};
