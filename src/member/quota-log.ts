import { humanBytes } from "../base/units.ts";
import type { Logger } from "../platform/logger.ts";
import { DEFAULT_QUOTA_BACKEND_BYTES } from "./config.ts";

/** etcd advises against more: starting on a larger database takes long (8 GiB). */
const QUOTA_ADVISED_BYTES_MAX = 8 * 1024 * 1024 * 1024;
/** What etcd calls the quota in its log. */
const QUOTA_NAME = "v3-applier";

/** Tells the operator which quota holds, in etcd's words. `quotaBytes` as in MemberConfig. */
export function logQuota(logger: Logger, quotaBytes: number): void {
  const fields = { "quota-name": QUOTA_NAME, "quota-size-bytes": quotaBytes };
  if (quotaBytes < 0) {
    logger.log("info", "disabled backend quota", fields);
    return;
  }
  const sized = { ...fields, "quota-size": humanBytes(quotaBytes) };
  if (quotaBytes > QUOTA_ADVISED_BYTES_MAX) {
    logger.log("warn", "quota exceeds the maximum value", {
      ...sized,
      "quota-maximum-size-bytes": QUOTA_ADVISED_BYTES_MAX,
      "quota-maximum-size": humanBytes(QUOTA_ADVISED_BYTES_MAX),
    });
  }
  const isDefault = quotaBytes === DEFAULT_QUOTA_BACKEND_BYTES;
  logger.log("info", `enabled backend quota${isDefault ? " with default value" : ""}`, sized);
}
