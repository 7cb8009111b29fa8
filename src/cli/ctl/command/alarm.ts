import type { AlarmResult, Client } from "../../../client/index.ts";
import type { Command, Invocation } from "../command-tree.ts";
import { ToolError, Exit } from "../../common/exit.ts";
import { errorText, withSession } from "./session.ts";

/** Any member, any alarm. */
const EVERY_ALARM = { memberID: 0n, alarm: 0 };

async function runAlarm(
  invocation: Invocation,
  name: string,
  ask: (client: Client, timeoutMs: number) => Promise<AlarmResult>,
): Promise<number> {
  if (invocation.args.length !== 0) {
    throw new ToolError(Exit.badArgs, `alarm ${name} command accepts no arguments`);
  }
  return withSession(invocation, async ({ printer, timeoutMs, client }) => {
    let result: AlarmResult;
    try {
      result = await ask(await client(), timeoutMs);
    } catch (error) {
      if (error instanceof ToolError) throw error;
      throw new ToolError(Exit.error, errorText(error));
    }
    printer.alarm(result);
    return Exit.ok;
  });
}

/** `alarm list` and `alarm disarm`. */
export const ALARM: Command = {
  name: "alarm",
  summary: "Commands about alarms",
  group: "Cluster maintenance commands",
  children: [
    {
      name: "disarm",
      summary: "Clears all alarms",
      run: (invocation) =>
        runAlarm(invocation, "disarm", (client, timeoutMs) =>
          client.maintenance.alarmDisarm(EVERY_ALARM, { timeoutMs }),
        ),
    },
    {
      name: "list",
      summary: "Shows the alarms that are raised",
      run: (invocation) =>
        runAlarm(invocation, "list", (client, timeoutMs) =>
          client.maintenance.alarmList({ timeoutMs }),
        ),
    },
  ],
};
