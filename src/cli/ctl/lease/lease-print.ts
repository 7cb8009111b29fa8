import { encodeResult } from "../../../client/index.ts";
import type {
  LeaseListResult,
  LeaseResult,
  ResponseHeader,
  TimeToLiveResult,
} from "../../../client/index.ts";
import { Exit, ToolError } from "../../common/exit.ts";
import { goQuote } from "../../go/go-text.ts";
import type { Invocation } from "../command-tree.ts";
import { leaseHex } from "../print/fields.ts";
import { header, headerFields, object } from "../print/json.ts";
import { unsupported } from "../print/printer.ts";
import { byteText } from "../print/simple.ts";

/** How answers about leases are shown, in the format of `--write-out`. */
export interface LeasePrinter {
  granted(result: LeaseResult): void;
  revoked(id: bigint, header: ResponseHeader): void;
  /** `isWithKeys`: they were asked for. */
  timeToLive(result: TimeToLiveResult, isWithKeys: boolean): void;
  list(result: LeaseListResult): void;
  keptAlive(result: LeaseResult): void;
  /** The lease that was kept alive is gone. */
  gone(id: bigint): void;
}

/** The printer that the flags ask for. */
export function newLeasePrinter({ flags, io }: Invocation): LeasePrinter {
  const out = (text: string): void => io.out(text);
  switch (flags.text("write-out")) {
    case "json":
      return jsonPrinter(out);
    case "fields":
      return fieldsPrinter(out, flags.flag("hex"));
    case "protobuf":
      return protobufPrinter(out);
    case "table":
      return tablePrinter();
    default:
      return simplePrinter(out);
  }
}

type Out = (text: string) => void;

function simplePrinter(out: Out): LeasePrinter {
  return {
    granted: ({ id, ttl }) => out(`lease ${leaseHex(id)} granted with TTL(${ttl}s)\n`),
    revoked: (id) => out(`lease ${leaseHex(id)} revoked\n`),
    timeToLive: ({ id, ttl, grantedTtl, keys }, isWithKeys) => {
      if (grantedTtl === 0 && ttl === -1) {
        out(`lease ${leaseHex(id)} already expired\n`);
        return;
      }
      const attached = isWithKeys ? `, attached keys([${keys.map(byteText).join(" ")}])` : "";
      out(
        `lease ${leaseHex(id)} granted with TTL(${grantedTtl}s), remaining(${ttl}s)${attached}\n`,
      );
    },
    list: ({ leases }) => {
      out(`found ${leases.length} leases\n`);
      for (const id of leases) out(`${leaseHex(id)}\n`);
    },
    keptAlive: ({ id, ttl }) => out(`lease ${leaseHex(id)} keepalived with TTL(${ttl})\n`),
    gone: (id) => out(`lease ${leaseHex(id)} expired or revoked.\n`),
  };
}

function jsonPrinter(out: Out): LeasePrinter {
  const line = (fields: Parameters<typeof object>[0]): void => out(`${object(fields)}\n`);
  return {
    granted: ({ header: of, id, ttl }) =>
      line([...headerFields(of), ["ID", `${id}`], ["TTL", `${ttl}`], ["Error", '""']]),
    revoked: (_, of) => line([["header", header(of)]]),
    timeToLive: ({ header: of, id, ttl, grantedTtl, keys }) => {
      const base64 = keys.map((key) => `"${Buffer.from(key).toString("base64")}"`);
      line([
        ...headerFields(of),
        ["id", `${id}`],
        ["ttl", `${ttl}`],
        ["granted-ttl", `${grantedTtl}`],
        ["keys", keys.length === 0 ? "null" : `[${base64.join(",")}]`],
      ]);
    },
    list: ({ header: of, leases }) => {
      const list = leases.map((id) => `{"id":${id}}`);
      line([...headerFields(of), ["leases", `[${list.join(",")}]`]]);
    },
    keptAlive: ({ header: of, id, ttl }) =>
      line([...headerFields(of), ["ID", `${id}`], ["TTL", `${ttl}`]]),
    gone: () => {},
  };
}

function fieldsPrinter(out: Out, isHex: boolean): LeasePrinter {
  const field = (name: string, value: string | number | bigint): void =>
    out(`"${name}" : ${value}\n`);
  const head = ({ clusterId, memberId, revision, raftTerm }: ResponseHeader): void => {
    field("ClusterID", isHex ? clusterId.toString(16) : clusterId);
    field("MemberID", isHex ? memberId.toString(16) : memberId);
    if (revision > 0) field("Revision", revision);
    field("RaftTerm", raftTerm);
  };
  const lease = (id: bigint): void => field("ID", isHex ? leaseHex(id) : id);
  const kept = ({ header: of, id, ttl }: LeaseResult): void => {
    head(of);
    lease(id);
    field("TTL", ttl);
  };
  return {
    granted: kept,
    revoked: (_, of) => head(of),
    timeToLive: ({ header: of, id, ttl, grantedTtl, keys }) => {
      kept({ header: of, id, ttl });
      field("GrantedTTL", grantedTtl);
      for (const key of keys) field("Key", goQuote(byteText(key)));
    },
    list: ({ header: of, leases }) => {
      head(of);
      leases.forEach(lease);
    },
    keptAlive: kept,
    gone: () => {},
  };
}

/** etcdctl writes the header and nothing else, and has no form for a revocation. */
function protobufPrinter(out: Out): LeasePrinter {
  const head = ({ header: of }: { readonly header: ResponseHeader }): void =>
    out(byteText(encodeResult.header(of)));
  return {
    granted: head,
    revoked: () => {
      throw new ToolError(
        Exit.badFeature,
        "marshal unsupported for type *clientv3.LeaseRevokeResponse",
      );
    },
    timeToLive: head,
    list: head,
    keptAlive: head,
    gone: () => {},
  };
}

function tablePrinter(): LeasePrinter {
  const refuse = (): never => unsupported("table");
  return {
    granted: refuse,
    revoked: refuse,
    timeToLive: refuse,
    list: refuse,
    keptAlive: refuse,
    gone: () => {},
  };
}
