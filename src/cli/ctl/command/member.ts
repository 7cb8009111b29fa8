import type { Command, Invocation } from "../command-tree.ts";
import { ToolError, Exit } from "../../common/exit.ts";
import { isSerializable } from "./get.ts";
import { notServed } from "./not-served.ts";
import { errorText, withSession } from "./session.ts";

/** In a wrong `--consistency` etcdctl shows that of `get`, whatever was given here. */
const SHOWN_CONSISTENCY = "l";

async function runList(invocation: Invocation): Promise<number> {
  const given = invocation.flags.text("consistency");
  const serializable = isSerializable(given, SHOWN_CONSISTENCY);
  return withSession(invocation, async ({ printer, timeoutMs, client }) => {
    try {
      printer.memberList(await (await client()).cluster.memberList({ serializable, timeoutMs }));
    } catch (error) {
      if (error instanceof ToolError) throw error;
      throw new ToolError(Exit.error, errorText(error));
    }
    return Exit.ok;
  });
}

/** `member list`, and those of the group that are still missing. */
export const MEMBER: Command = {
  name: "member",
  summary: "Commands about the cluster's members",
  group: "Cluster maintenance commands",
  children: [
    notServed("add", "Adds a member"),
    {
      name: "list",
      summary: "Shows the members",
      flags: [
        { name: "consistency", type: "string", fallback: "l", usage: "l (newest) or s (stale)" },
      ],
      run: runList,
    },
    notServed("promote", "Makes a learner a voter"),
    notServed("remove", "Removes a member"),
    notServed("update", "Changes a member's peer URLs"),
  ],
};
