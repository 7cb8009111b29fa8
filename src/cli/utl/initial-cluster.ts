import { clusterId, memberId } from "../../cluster/identity.ts";
import type { Crypto } from "../../platform/crypto.ts";
import type { RestoredCluster } from "../../storage/restore/restore.ts";
import type { MemberRecord } from "../../storage/schema/members.ts";
import { ToolError, Exit } from "../common/exit.ts";
import { parseUrl } from "../common/urls.ts";
import { quoted } from "./print/print.ts";

/** Flags that say who the restored member is. */
export interface ClusterFlags {
  readonly name: string;
  /** `a=http://1.2.3.4:2380,b=…`; a member with several URLs is named once for each. */
  readonly initialCluster: string;
  readonly token: string;
  /** Separated by commas. */
  readonly peerUrls: string;
}

/**
 * The cluster that the flags name, with etcd's checks of a static bootstrap.
 * @throws ToolError with etcd's texts.
 */
export function clusterOf(crypto: Crypto, flags: ClusterFlags): RestoredCluster {
  const advertised = urlsOf(flags.peerUrls.split(","));
  const named = parseCluster(flags.initialCluster);
  const problem = bootstrapProblem(flags.name, advertised, named);
  if (problem !== null) throw new ToolError(Exit.error, problem);
  const members = [...named]
    .map(([name, peerUrls]): MemberRecord => {
      const id = memberId(crypto, peerUrls, flags.token);
      return { id, name, peerUrls, clientUrls: [], isLearner: false };
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const own = members.find(({ name }) => name === flags.name)!;
  return {
    clusterId: clusterId(
      crypto,
      members.map(({ id }) => id),
    ),
    memberId: own.id,
    members,
  };
}

/** Sorted. @throws ToolError */
function urlsOf(texts: readonly string[]): readonly string[] {
  return texts
    .map((each) => {
      const parsed = parseUrl(each);
      if ("error" in parsed) throw new ToolError(Exit.error, parsed.error);
      return parsed.value.text;
    })
    .sort();
}

/** By name; etcd's own way to read it. */
function parseCluster(text: string): ReadonlyMap<string, readonly string[]> {
  const urls = new Map<string, string[]>();
  for (const part of text.split(",")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = equals < 0 ? part : part.slice(0, equals);
    const url = equals < 0 ? "" : part.slice(equals + 1);
    urls.set(name, [...(urls.get(name) ?? []), url]);
  }
  return new Map([...urls].map(([name, list]) => [name, urlsOf(list)]));
}

function bootstrapProblem(
  name: string,
  advertised: readonly string[],
  named: ReadonlyMap<string, readonly string[]>,
): string | null {
  const own = named.get(name);
  if (own === undefined) {
    return `couldn't find local name ${quoted(name)} in the initial cluster configuration`;
  }
  const [told, wanted] = [advertised.join(","), own.join(",")];
  if (told !== wanted) return differenceOf(name, advertised, own);
  const all = [...named.values()].flat();
  if (new Set(all).size === all.length) return null;
  const shown = [...named].flatMap(([each, urls]) => urls.map((url) => `${each}=${url}`));
  return `initial cluster ${shown.sort().join(",")} has duplicate url`;
}

/** etcd's words for it. Unlike etcd, names in URLs are not looked up to find them equal. */
function differenceOf(name: string, advertised: readonly string[], own: readonly string[]): string {
  const told = advertised.join(",");
  const missing = own.filter((url) => !advertised.includes(url)).map((url) => `${name}=${url}`);
  if (missing.length > 0) {
    const from = `--initial-advertise-peer-urls=${told}`;
    const which = `--initial-cluster has ${missing.join(",")}`;
    return `${which} but missing from ${from} (${reason(advertised, own)})`;
  }
  const extra = advertised.filter((url) => !own.includes(url));
  const shown = advertised.map((url) => `${name}=${url}`).join(",");
  if (extra.length > 0) {
    const flag = `--initial-advertise-peer-urls has ${extra.join(",")}`;
    return `${flag} but missing from --initial-cluster=${shown}`;
  }
  return `failed to resolve ${told} to match --initial-cluster=${shown}`;
}

/** How etcd explains that two sorted lists of URLs are not the same. */
function reason(a: readonly string[], b: readonly string[]): string {
  const list = (urls: readonly string[]): string => `[${urls.map(quoted).join(" ")}]`;
  if (a.length !== b.length) return `len(${list(a)}) != len(${list(b)})`;
  const at = a.findIndex((url, index) => url !== b[index]);
  return `resolved urls: ${quoted(a[at]!)} != ${quoted(b[at]!)}`;
}
