import { isIP } from "node:net";
import type { MemberUrl, UrlScheme } from "../../member/config.ts";
import type { Parsed } from "../go/go-number.ts";

const PORT_MAX = 65_535;

/** One URL of a flag, with the texts of etcd's errors (and Go's, for what is no URL at all). */
export function parseUrl(given: string): Parsed<MemberUrl> {
  const text = given.trim();
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined && /^[^/?#]*:/.test(text)) {
    const cause = text.startsWith(":")
      ? "missing protocol scheme"
      : "first path segment in URL cannot contain colon";
    return { error: `parse "${text}": ${cause}` };
  }
  switch (scheme) {
    case "http":
    case "https":
      return parseTcp(text, scheme);
    case "unix":
    case "unixs":
      return { value: { scheme, address: { kind: "unix", path: socketPath(text) }, text } };
    default:
      return { error: `URL scheme must be http, https, unix, or unixs: ${text}` };
  }
}

function socketPath(text: string): string {
  return text.slice(text.indexOf(":") + 1).replace(/^\/\//, "");
}

function parseTcp(text: string, scheme: UrlScheme): Parsed<MemberUrl> {
  const parts = /^[^:]+:\/\/(?<authority>[^/?#]*)(?<path>\/[^?#]*)?/.exec(text)?.groups;
  const authority = parts?.["authority"] ?? "";
  const hostPort = /^(\[(?<v6>[^\]]*)\]|(?<host>[^:[\]]*)):(?<port>[^:]*)$/.exec(authority)?.groups;
  if (hostPort === undefined) {
    return { error: `URL address does not have the form "host:port": ${text}` };
  }
  const port = hostPort["port"]!;
  if (!/^[0-9]*$/.test(port)) {
    return { error: `parse "${text}": invalid port ":${port}" after host` };
  }
  if (parts?.["path"] !== undefined) return { error: `URL must not contain a path: ${text}` };
  if (Number(port) > PORT_MAX) return { error: `port above ${PORT_MAX}: ${text}` };
  const host = hostPort["v6"] ?? hostPort["host"]!;
  return { value: { scheme, address: { kind: "tcp", host, port: Number(port) }, text } };
}

/** A comma separated list: sorted, without duplicates, empty for an empty text. */
export function parseUrls(text: string): Parsed<readonly MemberUrl[]> {
  const urls = new Map<string, MemberUrl>();
  if (text === "") return { value: [] };
  for (const part of text.split(",")) {
    const parsed = parseUrl(part);
    if ("error" in parsed) return parsed;
    urls.set(parsed.value.text, parsed.value);
  }
  return { value: [...urls.values()].sort((a, b) => (a.text < b.text ? -1 : 1)) };
}

/** Listeners bind to an address, not to a name: etcd's error for the first that is one, or null. */
export function bindError(urls: readonly MemberUrl[]): string | null {
  for (const { address, text } of urls) {
    if (address.kind === "unix" || address.host === "localhost") continue;
    if (isIP(address.host) === 0) return `expected IP in URL for binding (${text})`;
  }
  return null;
}

/** What is advertised needs a host: etcd's error, or null. */
export function hostError(urls: readonly MemberUrl[]): string | null {
  for (const { address, text } of urls) {
    if (address.kind === "tcp" && address.host === "") return `unexpected empty host (${text})`;
  }
  return null;
}

/** True when only this machine can reach it. */
export function isLoopback({ address }: MemberUrl): boolean {
  if (address.kind === "unix" || address.host === "localhost") return true;
  return address.host.startsWith("127.") || /^(0*:)*0*1$/.test(address.host);
}

/** True when it binds to every interface, so that it names no address to connect to. */
export function isUnspecified({ address }: MemberUrl): boolean {
  return address.kind === "tcp" && /^(0\.0\.0\.0|[0:]+|)$/.test(address.host);
}
