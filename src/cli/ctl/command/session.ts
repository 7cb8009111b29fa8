import { resolveSrv } from "node:dns/promises";
import { Client, codeNames, EtcdError } from "../../../client/index.ts";
import type { ClientOptions, RetryNotice, TlsOptions } from "../../../client/index.ts";
import type { Invocation } from "../command-tree.ts";
import type { FlagSet } from "../../common/flags.ts";
import { fromByteString, goQuote, toByteString } from "../../go/go-text.ts";
import { ToolError, Exit } from "../../common/exit.ts";
import type { Io } from "../io.ts";
import { newPrinter } from "../print/new-printer.ts";
import type { Printer } from "../print/printer.ts";
import { applyEnvironment, dumpSettings } from "./environment.ts";

/** Keepalive pings more often than this are not sent (grpc's floor). */
const KEEPALIVE_MIN_MS = 10_000;

/** What a command that talks to the cluster works with. */
export interface Session {
  readonly printer: Printer;
  /** The endpoints in use, as given. */
  readonly endpoints: readonly string[];
  /** Time limit of short commands, ms. */
  readonly timeoutMs: number;
  /**
   * A client of these endpoints, logged in; of all when absent. The session closes it.
   * @throws ToolError (exit code 2) when the login is refused.
   */
  client(endpoints?: readonly string[]): Promise<Client>;
}

/** An error of the client as etcdctl words it. */
export function errorText(error: unknown): string {
  if (!(error instanceof EtcdError)) return toByteString(String(error));
  if (error.isEtcd) return toByteString(error.message);
  if (["context deadline exceeded", "context canceled"].includes(error.message)) {
    return error.message;
  }
  const name = codeNames[error.grpcCode] ?? `Code(${error.grpcCode})`;
  return toByteString(`rpc error: code = ${name} desc = ${error.message}`);
}

function certificates(flags: FlagSet, io: Io): TlsOptions | undefined {
  for (const name of ["cert", "key", "cacert"]) {
    if (flags.text(name) === "" && flags.changed(name)) {
      throw new ToolError(Exit.badArgs, `empty string is passed to --${name} option`);
    }
  }
  const read = (name: string): string | undefined => {
    const path = flags.text(name);
    if (path === "") return undefined;
    try {
      return io.readFile(fromByteString(path));
    } catch {
      throw new ToolError(Exit.badArgs, `open ${path}: no such file or directory`);
    }
  };
  const [cert, key, ca] = [read("cert"), read("key"), read("cacert")];
  const skip = flags.flag("insecure-skip-tls-verify");
  if (cert === undefined && ca === undefined && !skip && flags.flag("insecure-transport")) {
    return undefined;
  }
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(skip ? { insecureSkipVerify: true } : {}),
  };
}

async function identity(flags: FlagSet, io: Io): Promise<Pick<ClientOptions, "auth" | "token">> {
  const token = flags.text("auth-jwt-token");
  if (token !== "") return { token: fromByteString(token) };
  const user = flags.text("user");
  if (user === "") return {};
  let username = user;
  let password = flags.text("password");
  if (password === "") {
    const colon = user.indexOf(":");
    if (colon >= 0) [username, password] = [user.slice(0, colon), user.slice(colon + 1)];
    else password = toByteString(await io.askSecret("Password: "));
  }
  return { auth: { username: fromByteString(username), password: fromByteString(password) } };
}

/** Endpoints that DNS names for a domain; encrypted ones first. */
async function discovered(flags: FlagSet, io: Io): Promise<string[]> {
  const domain = fromByteString(flags.text("discovery-srv"));
  const suffix = flags.text("discovery-srv-name");
  const found: string[] = [];
  for (const [service, scheme] of [
    ["etcd-client-ssl", "https"],
    ["etcd-client", "http"],
  ]) {
    const name = `_${service}${suffix === "" ? "" : `-${suffix}`}._tcp.${domain}`;
    const records = await resolveSrv(name).catch(() => []);
    for (const record of records) found.push(`${scheme}://${record.name}:${record.port}`);
  }
  if (found.length === 0) {
    throw new ToolError(Exit.error, `error querying DNS SRV records for ${toByteString(domain)}`);
  }
  if (flags.flag("insecure-discovery")) return found;
  return found.filter((endpoint) => {
    if (!endpoint.startsWith("http://")) return true;
    io.err(`ignoring discovered insecure endpoint ${goQuote(endpoint)}\n`);
    return false;
  });
}

function warnOfRetry(io: Io, notice: RetryNotice): void {
  const line = {
    level: "warn",
    ts: new Date(io.wallMs()).toISOString(),
    logger: "skeinctl",
    msg: "attempt failed, trying again",
    method: notice.method,
    attempt: notice.attempt,
    error: notice.error.message,
  };
  io.err(toByteString(`${JSON.stringify(line)}\n`));
}

/**
 * Runs `body` with clients made from the global flags and the environment, and closes them.
 * @throws ToolError with what the user did wrong.
 */
export async function withSession(
  invocation: Invocation,
  body: (session: Session) => Promise<number>,
  options: { readonly valueOnly?: boolean } = {},
): Promise<number> {
  const { flags, io } = invocation;
  applyEnvironment(flags, io);
  if (flags.flag("debug")) dumpSettings(flags, io);
  const endpoints =
    flags.text("discovery-srv") === ""
      ? flags.list("endpoints").map((endpoint) => endpoint.trim())
      : await discovered(flags, io);
  const tls = certificates(flags, io);
  const who = await identity(flags, io);
  const valueOnly = options.valueOnly ?? false;
  const printer = newPrinter(flags.text("write-out"), io, { hex: flags.flag("hex"), valueOnly });
  const maxSendBytes = Number(flags.number("max-request-bytes"));
  const maxReceiveBytes = Number(flags.number("max-recv-bytes"));
  const opened: Client[] = [];
  const client = async (wanted: readonly string[] = endpoints): Promise<Client> => {
    const made = new Client({
      ...who,
      endpoints: wanted.map(fromByteString),
      ...(tls === undefined ? {} : { tls }),
      ...(maxSendBytes > 0 ? { maxSendBytes } : {}),
      ...(maxReceiveBytes > 0 ? { maxReceiveBytes } : {}),
      connectTimeoutMs: flags.durationMs("dial-timeout"),
      keepalive: {
        timeMs: Math.max(flags.durationMs("keepalive-time"), KEEPALIVE_MIN_MS),
        timeoutMs: flags.durationMs("keepalive-timeout"),
        withoutStream: false,
      },
      onRetry: (notice) => warnOfRetry(io, notice),
    });
    opened.push(made);
    try {
      await made.login();
    } catch (error) {
      throw new ToolError(Exit.badConnection, errorText(error));
    }
    return made;
  };
  const timeoutMs = flags.durationMs("command-timeout");
  try {
    return await body({ printer, endpoints, timeoutMs, client });
  } finally {
    for (const each of opened) each.close();
  }
}
