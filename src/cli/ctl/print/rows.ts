import { humanBytes } from "../../../base/units.ts";
import type { MemberListResult } from "../../../client/index.ts";
import { toByteString } from "../../go/go-text.ts";
import type { EndpointHash, EndpointHealth, EndpointStatus } from "./printer.ts";
import type { Rows } from "../../common/table.ts";

/** `member list`. */
export function memberRows(result: MemberListResult): Rows {
  return {
    header: ["ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER"],
    rows: result.members.map((member) => [
      member.id.toString(16),
      member.name === "" ? "unstarted" : "started",
      toByteString(member.name),
      toByteString(member.peerURLs.join(",")),
      toByteString(member.clientURLs.join(",")),
      String(member.isLearner),
    ]),
  };
}

/** `endpoint health`. */
export function healthRows(list: readonly EndpointHealth[]): Rows {
  return {
    header: ["ENDPOINT", "HEALTH", "TOOK", "ERROR"],
    rows: list.map((each) => [each.endpoint, String(each.health), each.took, each.error]),
  };
}

/** Share of the file that holds no data, in whole percent. */
function percentUnused(sizeBytes: number, inUseBytes: number): number {
  return sizeBytes === 0 ? 0 : 100 - Math.trunc((inUseBytes * 100) / sizeBytes);
}

/** `endpoint status`, sizes for people. */
export function statusRows(list: readonly EndpointStatus[]): Rows {
  return {
    header: [
      "ENDPOINT",
      "ID",
      "VERSION",
      "STORAGE VERSION",
      "DB SIZE",
      "IN USE",
      "PERCENTAGE NOT IN USE",
      "QUOTA",
      "IS LEADER",
      "IS LEARNER",
      "RAFT TERM",
      "RAFT INDEX",
      "RAFT APPLIED INDEX",
      "ERRORS",
      "DOWNGRADE TARGET VERSION",
      "DOWNGRADE ENABLED",
    ],
    rows: list.map(({ endpoint, status }) => [
      endpoint,
      status.header.memberId.toString(16),
      status.version,
      status.storageVersion,
      humanBytes(status.dbSize),
      humanBytes(status.dbSizeInUse),
      `${percentUnused(status.dbSize, status.dbSizeInUse)}%`,
      humanBytes(unsigned(status.dbSizeQuota)),
      String(status.leader === status.header.memberId),
      String(status.isLearner),
      String(status.raftTerm),
      String(status.raftIndex),
      String(status.raftAppliedIndex),
      toByteString(status.errors.join(", ")),
      status.downgradeInfo?.targetVersion ?? "",
      String(status.downgradeInfo?.enabled ?? false),
    ]),
  };
}

/** `endpoint hashkv`. */
export function hashRows(list: readonly EndpointHash[]): Rows {
  return {
    header: ["ENDPOINT", "HASH", "HASH REVISION"],
    rows: list.map(({ endpoint, hashKv }) => [
      endpoint,
      String(hashKv.hash),
      String(hashKv.hashRevision),
    ]),
  };
}

/** A negative quota is none; etcdctl prints its bits as an unsigned number. */
function unsigned(quotaBytes: number): number {
  return quotaBytes < 0 ? quotaBytes + 2 ** 64 : quotaBytes;
}
