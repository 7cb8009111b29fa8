import type {
  AlarmResult,
  DeleteResult,
  KeyValue,
  MemberListResult,
  PutResult,
  RangeResult,
  ResponseHeader,
  TxnResult,
} from "../../../client/index.ts";
import { goQuote, toByteString } from "../../go/go-text.ts";
import type { Io } from "../io.ts";
import { ALARM_NAMES, byteText } from "./simple.ts";
import type {
  EndpointHash,
  EndpointHealth,
  EndpointStatus,
  Printer,
  PrintOptions,
} from "./printer.ts";

type Value = string | number | bigint | boolean;

/** One `"Name" : value` a line. */
export class FieldsPrinter implements Printer {
  #io: Io;
  #hex: boolean;

  constructor(io: Io, options: PrintOptions) {
    this.#io = io;
    this.#hex = options.hex;
  }

  get(result: RangeResult): void {
    this.#header(result.header);
    for (const kv of result.kvs) this.#kv("", kv);
    this.#field("More", result.more);
    this.#field("Count", result.count);
  }

  put(result: PutResult): void {
    this.#header(result.header);
    if (result.prevKv !== undefined) this.#kv("Prev", result.prevKv);
  }

  del(result: DeleteResult): void {
    this.#header(result.header);
    this.#field("Deleted", result.deleted);
    for (const kv of result.prevKvs) this.#kv("Prev", kv);
  }

  txn(result: TxnResult): void {
    this.#header(result.header);
    this.#field("Succeeded", result.succeeded);
    for (const response of result.responses) {
      if (response.kind === "range") this.get(response.result);
      else if (response.kind === "put") this.put(response.result);
      else if (response.kind === "delete") this.del(response.result);
      else this.#text("Unknown", response.kind);
    }
  }

  alarm(result: AlarmResult): void {
    this.#header(result.header ?? NO_HEADER);
    for (const each of result.alarms) {
      this.#field("MemberID", this.#id(each.memberID));
      this.#field("AlarmType", ALARM_NAMES[each.alarm] ?? each.alarm);
      this.#io.out("\n");
    }
  }

  memberList(result: MemberListResult): void {
    this.#header(result.header);
    for (const member of result.members) {
      this.#field("ID", this.#id(member.id));
      this.#text("Name", toByteString(member.name));
      for (const url of member.peerURLs) this.#text("PeerURL", toByteString(url));
      for (const url of member.clientURLs) this.#text("ClientURL", toByteString(url));
      this.#field("IsLearner", member.isLearner);
      this.#io.out("\n");
    }
  }

  endpointHealth(list: readonly EndpointHealth[]): void {
    for (const each of list) {
      this.#text("Endpoint", each.endpoint);
      this.#field("Health", each.health);
      this.#field("Took", each.took);
      this.#field("Error", each.error);
      this.#io.out("\n");
    }
  }

  endpointStatus(list: readonly EndpointStatus[]): void {
    for (const { endpoint, status } of list) {
      this.#header(status.header);
      this.#text("Version", status.version);
      this.#text("StorageVersion", status.storageVersion);
      this.#field("DBSize", status.dbSize);
      this.#field("DBSizeInUse", status.dbSizeInUse);
      this.#field("DBSizeQuota", status.dbSizeQuota);
      this.#field("Leader", status.leader);
      this.#field("IsLearner", status.isLearner);
      this.#field("RaftIndex", status.raftIndex);
      this.#field("RaftTerm", status.raftTerm);
      this.#field("RaftAppliedIndex", status.raftAppliedIndex);
      this.#field("Errors", `[${toByteString(status.errors.join(" "))}]`);
      this.#text("Endpoint", endpoint);
      this.#text("DowngradeTargetVersion", status.downgradeInfo?.targetVersion ?? "");
      this.#field("DowngradeEnabled", status.downgradeInfo?.enabled ?? false);
      this.#io.out("\n");
    }
  }

  endpointHashKv(list: readonly EndpointHash[]): void {
    for (const { endpoint, hashKv } of list) {
      this.#header(hashKv.header);
      this.#text("Endpoint", endpoint);
      this.#field("Hash", hashKv.hash);
      this.#field("HashRevision", hashKv.hashRevision);
      this.#io.out("\n");
    }
  }

  #header(header: ResponseHeader): void {
    this.#field("ClusterID", this.#id(header.clusterId));
    this.#field("MemberID", this.#id(header.memberId));
    // Answers that are not about keys carry no revision.
    if (header.revision > 0) this.#field("Revision", header.revision);
    this.#field("RaftTerm", header.raftTerm);
  }

  #kv(prefix: string, kv: KeyValue): void {
    this.#text(`${prefix}Key`, byteText(kv.key));
    this.#field(`${prefix}CreateRevision`, kv.createRevision);
    this.#field(`${prefix}ModRevision`, kv.modRevision);
    this.#field(`${prefix}Version`, kv.version);
    this.#text(`${prefix}Value`, byteText(kv.value));
    this.#field(`${prefix}Lease`, this.#hex ? leaseHex(kv.lease) : kv.lease);
  }

  #id(id: bigint): Value {
    return this.#hex ? id.toString(16) : id;
  }

  #field(name: string, value: Value): void {
    this.#io.out(`"${name}" : ${value}\n`);
  }

  #text(name: string, value: string): void {
    this.#field(name, goQuote(value));
  }
}

/** As etcdctl prints an answer that has none. */
const NO_HEADER: ResponseHeader = { clusterId: 0n, memberId: 0n, revision: 0, raftTerm: 0 };

/** At least 16 characters wide, the sign of a negative id counted. */
export function leaseHex(lease: bigint): string {
  if (lease >= 0n) return lease.toString(16).padStart(16, "0");
  return `-${(-lease).toString(16).padStart(15, "0")}`;
}
