import { nodePlatform } from "../platform/node/platform.ts";
import type { Logger } from "../platform/logger.ts";
import type { Platform } from "../platform/platform.ts";
import type { MemberConfig } from "./config.ts";
import { type Member, startMember as startOn } from "./member.ts";

/** For a member inside somebody else's process: events are on `Member.closed`, not on a console. */
const SILENT: Logger = {
  enabled: () => false,
  log: () => {},
  with: () => SILENT,
};

/**
 * Starts one member in this process and resolves when it serves. Without `platform` it lives in the
 * real world, on a disk thread of its own that ends with it, and logs nothing.
 * @throws StartError, WalError and DiskError, by rejection.
 */
export async function startMember(config: MemberConfig, platform?: Platform): Promise<Member> {
  if (platform !== undefined) return startOn(config, platform);
  const own = nodePlatform(SILENT);
  try {
    const member = await startOn(config, own);
    void member.closed.then(() => own.close());
    return member;
  } catch (error) {
    own.close();
    throw error;
  }
}
