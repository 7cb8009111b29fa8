import type {
  AlarmMember,
  AlarmResult,
  DeleteResult,
  DowngradeInfo,
  KeyValue,
  Member,
  MemberListResult,
  OpResult,
  PutResult,
  RangeResult,
  ResponseHeader,
  StatusResult,
  TxnResult,
} from "../../../client/index.ts";
import { goJsonString, toByteString } from "../../go/go-text.ts";
import type { Io } from "../io.ts";
import type {
  EndpointHash,
  EndpointHealth,
  EndpointStatus,
  Printer,
  PrintOptions,
} from "./printer.ts";

/** JSON text of one value, or null when the value is left out. */
type Encoded = string | null;

/** An object of the fields that are there. */
export function object(fields: readonly (readonly [name: string, value: Encoded])[]): string {
  const present = fields.filter(([, value]) => value !== null);
  return `{${present.map(([name, value]) => `"${name}":${value}`).join(",")}}`;
}

function array(values: readonly string[]): string {
  return `[${values.join(",")}]`;
}

/** Lists without elements are left out. */
function list(values: readonly string[]): Encoded {
  return values.length === 0 ? null : array(values);
}

function number(value: number | bigint): Encoded {
  return value === 0 || value === 0n ? null : String(value);
}

function bool(value: boolean): Encoded {
  return value ? "true" : null;
}

function bytes(value: Uint8Array): Encoded {
  if (value.length === 0) return null;
  return `"${Buffer.from(value.buffer, value.byteOffset, value.length).toString("base64")}"`;
}

function quoted(value: string): string {
  return goJsonString(toByteString(value));
}

function text(value: string): Encoded {
  return value === "" ? null : quoted(value);
}

/** The fields of a header, for answers in which they stand among the others. */
export function headerFields(value: ResponseHeader): (readonly [name: string, value: Encoded])[] {
  return [
    ["cluster_id", number(value.clusterId)],
    ["member_id", number(value.memberId)],
    ["revision", number(value.revision)],
    ["raft_term", number(value.raftTerm)],
  ];
}

/** A header. */
export function header(value: ResponseHeader): string {
  return object(headerFields(value));
}

function keyValue(kv: KeyValue): string {
  return object([
    ["key", bytes(kv.key)],
    ["create_revision", number(kv.createRevision)],
    ["mod_revision", number(kv.modRevision)],
    ["version", number(kv.version)],
    ["value", bytes(kv.value)],
    ["lease", number(kv.lease)],
  ]);
}

function range(result: RangeResult): string {
  return object([
    ["header", header(result.header)],
    ["kvs", list(result.kvs.map(keyValue))],
    ["more", bool(result.more)],
    ["count", number(result.count)],
  ]);
}

function put(result: PutResult): string {
  return object([
    ["header", header(result.header)],
    ["prev_kv", result.prevKv === undefined ? null : keyValue(result.prevKv)],
  ]);
}

function deletion(result: DeleteResult): string {
  return object([
    ["header", header(result.header)],
    ["deleted", number(result.deleted)],
    ["prev_kvs", list(result.prevKvs.map(keyValue))],
  ]);
}

function operation(response: OpResult): string {
  switch (response.kind) {
    case "range":
      return object([["response_range", range(response.result)]]);
    case "put":
      return object([["response_put", put(response.result)]]);
    case "delete":
      return object([["response_delete_range", deletion(response.result)]]);
    case "txn":
      return object([["response_txn", txn(response.result)]]);
    case "unknown":
      return "{}";
  }
}

function txn(result: TxnResult): string {
  return object([
    ["header", header(result.header)],
    ["succeeded", bool(result.succeeded)],
    ["responses", list(result.responses.map((each) => object([["Response", operation(each)]])))],
  ]);
}

function alarm(value: AlarmMember): string {
  return object([
    ["memberID", number(value.memberID)],
    ["alarm", number(value.alarm)],
  ]);
}

function downgrade(value: DowngradeInfo): string {
  return object([
    ["enabled", bool(value.enabled)],
    ["targetVersion", text(value.targetVersion)],
  ]);
}

function status(value: StatusResult): string {
  const info = value.downgradeInfo;
  return object([
    ["header", header(value.header)],
    ["version", text(value.version)],
    ["dbSize", number(value.dbSize)],
    ["leader", number(value.leader)],
    ["raftIndex", number(value.raftIndex)],
    ["raftTerm", number(value.raftTerm)],
    ["raftAppliedIndex", number(value.raftAppliedIndex)],
    ["errors", list(value.errors.map(quoted))],
    ["dbSizeInUse", number(value.dbSizeInUse)],
    ["isLearner", bool(value.isLearner)],
    ["storageVersion", text(value.storageVersion)],
    ["dbSizeQuota", number(value.dbSizeQuota)],
    ["downgradeInfo", info === undefined ? null : downgrade(info)],
  ]);
}

function member(value: Member, id: Encoded): string {
  return object([
    ["ID", id],
    ["name", text(value.name)],
    ["peerURLs", list(value.peerURLs.map(quoted))],
    ["clientURLs", list(value.clientURLs.map(quoted))],
    ["isLearner", bool(value.isLearner)],
  ]);
}

function memberList(result: MemberListResult): string {
  return object([
    ["header", header(result.header)],
    ["members", list(result.members.map((each) => member(each, number(each.id))))],
  ]);
}

/** With `--hex`: ids as hexadecimal text, and what is always there stays there. */
function memberListHex(result: MemberListResult): string {
  const { clusterId, memberId, revision, raftTerm } = result.header;
  const hexHeader = object([
    ["cluster_id", quoted(clusterId.toString(16))],
    ["member_id", quoted(memberId.toString(16))],
    ["revision", number(revision)],
    ["raft_term", number(raftTerm)],
  ]);
  return object([
    ["header", hexHeader],
    ["members", array(result.members.map((each) => member(each, quoted(each.id.toString(16)))))],
  ]);
}

/** A list of endpoints; `null` when there is none. */
function endpoints(values: readonly string[]): string {
  return values.length === 0 ? "null" : array(values);
}

/** One line of JSON in the form of the protobuf messages. */
export class JsonPrinter implements Printer {
  #io: Io;
  #hex: boolean;

  constructor(io: Io, options: PrintOptions) {
    this.#io = io;
    this.#hex = options.hex;
  }

  get(result: RangeResult): void {
    this.#line(range(result));
  }

  put(result: PutResult): void {
    this.#line(put(result));
  }

  del(result: DeleteResult): void {
    this.#line(deletion(result));
  }

  txn(result: TxnResult): void {
    this.#line(txn(result));
  }

  alarm(result: AlarmResult): void {
    const alarms = list(result.alarms.map(alarm));
    this.#line(
      object([
        ["header", result.header === undefined ? null : header(result.header)],
        ["alarms", alarms],
      ]),
    );
  }

  memberList(result: MemberListResult): void {
    this.#line(this.#hex ? memberListHex(result) : memberList(result));
  }

  endpointHealth(list: readonly EndpointHealth[]): void {
    const items = list.map((each) =>
      object([
        ["endpoint", goJsonString(each.endpoint)],
        ["health", String(each.health)],
        ["took", goJsonString(each.took)],
        ["error", each.error === "" ? null : goJsonString(each.error)],
      ]),
    );
    this.#line(endpoints(items));
  }

  endpointStatus(list: readonly EndpointStatus[]): void {
    const items = list.map((each) =>
      object([
        ["Endpoint", goJsonString(each.endpoint)],
        ["Status", status(each.status)],
      ]),
    );
    this.#line(endpoints(items));
  }

  endpointHashKv(list: readonly EndpointHash[]): void {
    const items = list.map(({ endpoint, hashKv }) => {
      const value = object([
        ["header", header(hashKv.header)],
        ["hash", number(hashKv.hash)],
        ["compact_revision", number(hashKv.compactRevision)],
        ["hash_revision", number(hashKv.hashRevision)],
      ]);
      return object([
        ["Endpoint", goJsonString(endpoint)],
        ["HashKV", value],
      ]);
    });
    this.#line(endpoints(items));
  }

  #line(json: string): void {
    this.#io.out(`${json}\n`);
  }
}
