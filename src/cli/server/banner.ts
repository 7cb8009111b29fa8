import type { MemberConfig } from "../../member/config.ts";
import { EMULATED_ETCD_VERSION } from "./versions.ts";

/** What the banner tells. */
export interface BannerOptions {
  readonly version: string;
  readonly config: MemberConfig;
  /** URLs with the ports that were really taken. */
  readonly clientUrls: readonly string[];
  /** Started by npm: then the tool is not on the path, but a script of the package. */
  readonly fromNpm: boolean;
}

/** An address that a person can connect to, for one that may stand for all interfaces. */
function reachable(url: string): string {
  return url.replace(/\/\/(0\.0\.0\.0|\[::\]|localhost)(?=:)/, "//127.0.0.1");
}

/** A few lines for the person who started the server: what runs where, and what to type next. */
export function bannerText({ version, config, clientUrls, fromNpm }: BannerOptions): string {
  const endpoint = reachable(clientUrls[0] ?? "");
  const isDefault = endpoint === "http://127.0.0.1:2379";
  const where = isDefault ? "" : `--endpoints=${endpoint} `;
  const tool = fromNpm ? "npm run -s skeinctl -- " : "skeinctl ";
  return `
Skein ${version} runs as member "${config.name}" and speaks as etcd ${EMULATED_ETCD_VERSION}.
  clients  ${clientUrls.join(", ")}
  data     ${config.dataDir}
  stop     Ctrl-C

Try in another terminal:
  ${tool}${where}put greeting hello
  ${tool}${where}get greeting
  etcdctl ${where}get greeting     (any etcd client of API version 3 works)

`;
}
