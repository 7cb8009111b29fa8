import { type Client, EtcdError } from "../../../client/index.ts";
import { humanBytes } from "../../../base/units.ts";
import { fromByteString, goDuration, toByteString } from "../../go/go-text.ts";
import type { Command, Invocation } from "../command-tree.ts";
import { errorText, withSession } from "../command/session.ts";
import type { Session } from "../command/session.ts";
import { ToolError, Exit } from "../../common/exit.ts";
import type { Io, NewFile } from "../io.ts";

/** What etcdctl ends with when a snapshot could not be saved. */
const EXIT_NOT_SAVED = 5;
/** An image is whole pages, and a digest of 32 bytes behind them (formats-disk.md 10). */
const IMAGE_UNIT_BYTES = 512;
const DIGEST_BYTES = 32;
/** How often a long download says how far it is. */
const PROGRESS_MS = 5000;

/** A line of the log on standard error, in the form of etcdctl's. */
function log(io: Io, message: string, fields: Readonly<Record<string, string>>): void {
  const ts = new Date(io.wallMs()).toISOString();
  const line = { level: "info", ts, logger: "skeinctl", msg: message, ...fields };
  io.err(toByteString(`${JSON.stringify(line)}\n`));
}

/** What was received. */
interface Received {
  readonly bytes: number;
  readonly version: string;
}

async function receive(
  io: Io,
  client: Client,
  file: NewFile,
  options: { readonly timeoutMs?: number },
): Promise<Received> {
  let [bytes, version] = [0, ""];
  let saidMs = io.nowMs();
  for await (const piece of client.maintenance.snapshot(options)) {
    file.write(piece.blob);
    bytes += piece.blob.length;
    version = piece.version;
    if (io.nowMs() - saidMs < PROGRESS_MS) continue;
    saidMs = io.nowMs();
    const total = humanBytes(bytes + piece.remainingBytes);
    log(io, "fetching snapshot", { fetched: humanBytes(bytes), total });
  }
  return { bytes, version };
}

async function save(invocation: Invocation, session: Session, path: string): Promise<string> {
  const { io, flags } = invocation;
  const { endpoints, timeoutMs } = session;
  const [endpoint] = endpoints;
  if (endpoint === undefined || endpoints.length !== 1) {
    const given = endpoints.join(" ");
    const text = "snapshot must be requested to one selected node, not multiple";
    throw new ToolError(EXIT_NOT_SAVED, `${text} [${given}]`);
  }
  const client = await session.client();
  const file = io.newFile(fromByteString(path));
  try {
    log(io, "created temporary db file", { path: `${fromByteString(path)}.part` });
    const startMs = io.nowMs();
    log(io, "fetching snapshot", { endpoint });
    // Without the flag a snapshot takes the time that it takes.
    const options = flags.changed("command-timeout") ? { timeoutMs } : {};
    const { bytes, version } = await receive(io, client, file, options);
    if (bytes % IMAGE_UNIT_BYTES !== DIGEST_BYTES) {
      throw new ToolError(EXIT_NOT_SAVED, `sha256 checksum not found [bytes: ${bytes}]`);
    }
    file.finish();
    const took = goDuration(io.nowMs() - startMs);
    log(io, "fetched snapshot", { endpoint, size: humanBytes(bytes), took });
    log(io, "saved", { path: fromByteString(path) });
    return version;
  } finally {
    file.discard();
  }
}

function runSave(invocation: Invocation): Promise<number> {
  const { args, io } = invocation;
  const [path] = args;
  if (path === undefined || args.length !== 1) {
    throw new ToolError(Exit.badArgs, "snapshot save expects one argument <filename>");
  }
  return withSession(invocation, async (session) => {
    try {
      const version = await save(invocation, session, path);
      io.out(`Snapshot saved at ${path}\n`);
      if (version !== "") io.out(`Server version ${toByteString(version)}\n`);
      return Exit.ok;
    } catch (error) {
      if (error instanceof ToolError) throw error;
      const text = error instanceof EtcdError ? errorText(error) : (error as Error).message;
      throw new ToolError(EXIT_NOT_SAVED, toByteString(text));
    }
  });
}

/** `snapshot save`. */
export const SNAPSHOT: Command = {
  name: "snapshot",
  summary: "Commands about snapshots",
  group: "Cluster maintenance commands",
  children: [
    {
      name: "save",
      args: "<filename>",
      summary: "Saves a member's database to a file",
      run: runSave,
    },
  ],
};
