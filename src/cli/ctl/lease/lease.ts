import { type Client, EtcdError } from "../../../client/index.ts";
import { Exit, ToolError } from "../../common/exit.ts";
import { parseInt64 } from "../../go/go-number.ts";
import { goQuote } from "../../go/go-text.ts";
import { saturated } from "../command/key-args.ts";
import { errorText, withSession } from "../command/session.ts";
import type { Command, Invocation } from "../command-tree.ts";
import { type LeasePrinter, newLeasePrinter } from "./lease-print.ts";

const MS_PER_S = 1000;
/** A lease is kept alive three times in its time, as by etcdctl. */
const RENEWALS_PER_TTL = 3;
/** Pause after a keep-alive that failed. */
const RETRY_MS = 500;
/** The longest time that Node waits (24 days); it takes more for 1 ms. */
const PAUSE_MAX_MS = 2 ** 31 - 1;

/** What a command does with its client. */
interface Work {
  readonly client: Client;
  readonly timeoutMs: number;
  readonly printer: LeasePrinter;
}

/** Runs `work`; an error of the client ends the tool as `onError` says. */
async function run(
  invocation: Invocation,
  onError: (text: string) => ToolError,
  work: (with_: Work) => Promise<void>,
): Promise<number> {
  const printer = newLeasePrinter(invocation);
  return withSession(invocation, async ({ timeoutMs, client }) => {
    const connected = await client();
    try {
      await work({ client: connected, timeoutMs, printer });
    } catch (error) {
      if (error instanceof ToolError) throw error;
      throw onError(errorText(error));
    }
    return Exit.ok;
  });
}

const failedTo =
  (what: string) =>
  (text: string): ToolError =>
    new ToolError(Exit.error, `failed to ${what} lease (${text})`);
const badConnection = (text: string): ToolError => new ToolError(Exit.badConnection, text);

function leaseId(text: string): bigint {
  const id = parseInt64(text, 16, goQuote(text));
  if ("value" in id) return id.value;
  throw new ToolError(Exit.badArgs, `bad lease ID arg (${id.error}), expecting ID in Hex`);
}

function onlyArgument({ args }: Invocation, complaint: string): string {
  const [only] = args;
  if (only === undefined || args.length !== 1) throw new ToolError(Exit.badArgs, complaint);
  return only;
}

async function runGrant(invocation: Invocation): Promise<number> {
  const text = onlyArgument(invocation, "lease grant command needs TTL argument");
  const ttl = parseInt64(text, 10, goQuote(text));
  if ("error" in ttl) throw new ToolError(Exit.badArgs, `bad TTL (${ttl.error})`);
  return run(invocation, failedTo("grant"), async ({ client, timeoutMs, printer }) => {
    printer.granted(await client.lease.grant(saturated(ttl.value), { timeoutMs }));
  });
}

async function runRevoke(invocation: Invocation): Promise<number> {
  const id = leaseId(onlyArgument(invocation, "lease revoke command needs 1 argument"));
  return run(invocation, failedTo("revoke"), async ({ client, timeoutMs, printer }) => {
    const { header } = await client.lease.revoke(id, { timeoutMs });
    printer.revoked(id, header);
  });
}

async function runTimeToLive(invocation: Invocation): Promise<number> {
  const complaint = "lease timetolive command needs lease ID as argument";
  const id = leaseId(onlyArgument(invocation, complaint));
  const keys = invocation.flags.flag("keys");
  return run(invocation, badConnection, async ({ client, printer }) => {
    printer.timeToLive(await client.lease.timeToLive(id, { keys }), keys);
  });
}

async function runList(invocation: Invocation): Promise<number> {
  return run(invocation, badConnection, async ({ client, printer }) => {
    printer.list(await client.lease.list());
  });
}

async function runKeepAlive(invocation: Invocation): Promise<number> {
  const complaint = "lease keep-alive command needs lease ID as argument";
  const id = leaseId(onlyArgument(invocation, complaint));
  return run(invocation, badConnection, async (work) => {
    const { client, printer } = work;
    if (invocation.flags.flag("once")) printer.keptAlive(await client.lease.keepAliveOnce(id));
    else await keepAlive(id, work, invocation);
  });
}

/** Until the lease is gone. */
async function keepAlive(id: bigint, { client, printer }: Work, { io }: Invocation): Promise<void> {
  for (;;) {
    let waitMs = RETRY_MS;
    try {
      const result = await client.lease.keepAliveOnce(id);
      printer.keptAlive(result);
      waitMs = (result.ttl * MS_PER_S) / RENEWALS_PER_TTL;
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      if (error.code === "LeaseNotFound") {
        printer.gone(id);
        return;
      }
    }
    await io.sleep(Math.min(waitMs, PAUSE_MAX_MS));
  }
}

/** `lease grant`, `keep-alive`, `list`, `revoke` and `timetolive`. */
export const LEASE: Command = {
  name: "lease",
  summary: "Commands about leases",
  group: "Concurrency commands",
  children: [
    { name: "grant", args: "<ttl>", summary: "Makes a lease of so many seconds", run: runGrant },
    {
      name: "keep-alive",
      args: "[options] <lease id>",
      summary: "Keeps a lease alive",
      flags: [{ name: "once", type: "bool", fallback: "false", usage: "once, not for ever" }],
      run: runKeepAlive,
    },
    { name: "list", summary: "Shows all leases", run: runList },
    { name: "revoke", args: "<lease id>", summary: "Ends a lease, with its keys", run: runRevoke },
    {
      name: "timetolive",
      args: "[options] <lease id>",
      summary: "Shows what is left of a lease",
      flags: [{ name: "keys", type: "bool", fallback: "false", usage: "show its keys too" }],
      run: runTimeToLive,
    },
  ],
};
