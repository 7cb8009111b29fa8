import type { Target } from "../platform.ts";

/** One place where the cluster answers. */
export interface Endpoint {
  /** As the user gave it. */
  readonly text: string;
  readonly target: Target;
  readonly tls: boolean;
  /** The `:authority` of requests. */
  readonly authority: string;
}

/** etcd's client port, used when an endpoint names none. */
const DEFAULT_PORT = 2379;

/**
 * Reads `host:port`, `http://host:port`, `https://host:port`, `unix:path`, `unix:///path` or
 * `unixs://path` as etcd's client does. Without a scheme `tlsByDefault` decides.
 * @throws RangeError when it is none of these.
 */
export function parseEndpoint(text: string, tlsByDefault: boolean): Endpoint {
  const unix = /^(unixs?):(?:\/\/)?(.+)$/.exec(text);
  if (unix !== null) {
    const path = unix[2] as string;
    const tls = unix[1] === "unixs" || tlsByDefault;
    return { text, target: { kind: "unix", path }, tls, authority: "localhost" };
  }
  const scheme = /^(https?):\/\//.exec(text);
  const rest = (scheme === null ? text : text.slice(scheme[0].length)).replace(/\/.*$/, "");
  const parts = /^(\[[0-9a-fA-F:.%]+\]|[^:[\]]*)(?::([0-9]+))?$/.exec(rest);
  if (parts === null) throw new RangeError(`endpoint "${text}" is not host:port or a URL`);
  const host = (parts[1] as string).replace(/^\[|\]$/g, "");
  const port = parts[2] === undefined ? DEFAULT_PORT : Number(parts[2]);
  if (port < 1 || port > 65_535) throw new RangeError(`endpoint "${text}" has no valid port`);
  return {
    text,
    target: { kind: "tcp", host: host === "" ? "localhost" : host, port },
    tls: scheme === null ? tlsByDefault : scheme[1] === "https",
    authority: rest,
  };
}
