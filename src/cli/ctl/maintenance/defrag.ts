import { goDuration } from "../../go/go-text.ts";
import type { Command, Invocation } from "../command-tree.ts";
import { CLUSTER_FLAG, endpointsOf } from "../command/endpoint.ts";
import { errorText, withSession } from "../command/session.ts";
import { Exit } from "../../common/exit.ts";

/** One endpoint after the other: etcd serves nothing while it works. */
function runDefrag(invocation: Invocation): Promise<number> {
  const { io } = invocation;
  return withSession(invocation, async (session) => {
    const { timeoutMs } = session;
    let exit: Exit = Exit.ok;
    for (const endpoint of await endpointsOf(invocation, session)) {
      const client = await session.client([endpoint]);
      const startMs = io.nowMs();
      const took = (): string => goDuration(io.nowMs() - startMs);
      try {
        await client.maintenance.defragment({ timeoutMs });
        io.out(`Finished defragmenting etcd member[${endpoint}]. took ${took()}\n`);
      } catch (error) {
        const member = `Failed to defragment etcd member[${endpoint}]`;
        io.err(`${member}. took ${took()}. (${errorText(error)})\n`);
        exit = Exit.error;
      }
      client.close();
    }
    return exit;
  });
}

/** `defrag`. */
export const DEFRAG: Command = {
  name: "defrag",
  summary: "Gives free space of members' databases back to the file system",
  group: "Cluster maintenance commands",
  flags: [CLUSTER_FLAG],
  run: runDefrag,
};
