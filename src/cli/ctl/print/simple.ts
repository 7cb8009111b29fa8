import type {
  AlarmResult,
  DeleteResult,
  KeyValue,
  MemberListResult,
  PutResult,
  RangeResult,
  TxnResult,
} from "../../../client/index.ts";
import { hexEscaped } from "../../go/go-text.ts";
import type { Io } from "../io.ts";
import { hashRows, memberRows, statusRows } from "./rows.ts";
import type { Rows } from "../../common/table.ts";
import type {
  EndpointHash,
  EndpointHealth,
  EndpointStatus,
  Printer,
  PrintOptions,
} from "./printer.ts";

/** Names of alarms; others are shown as their number. */
export const ALARM_NAMES: readonly string[] = ["NONE", "NOSPACE", "CORRUPT"];

/** Bytes as a byte string. */
export function byteText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** Made to be read by people and cut up by shells. */
export class SimplePrinter implements Printer {
  #io: Io;
  #options: PrintOptions;

  constructor(io: Io, options: PrintOptions) {
    this.#io = io;
    this.#options = options;
  }

  get(result: RangeResult): void {
    for (const kv of result.kvs) this.#kv(kv);
  }

  put(result: PutResult): void {
    this.#line("OK");
    if (result.prevKv !== undefined) this.#kv(result.prevKv);
  }

  del(result: DeleteResult): void {
    this.#line(String(result.deleted));
    for (const kv of result.prevKvs) this.#kv(kv);
  }

  txn(result: TxnResult): void {
    this.#line(result.succeeded ? "SUCCESS" : "FAILURE");
    for (const response of result.responses) {
      this.#line("");
      if (response.kind === "range") this.get(response.result);
      else if (response.kind === "put") this.put(response.result);
      else if (response.kind === "delete") this.del(response.result);
      else this.#line(`unexpected response ${response.kind}`);
    }
  }

  alarm(result: AlarmResult): void {
    for (const each of result.alarms) {
      const member = each.memberID === 0n ? "" : `memberID:${each.memberID} `;
      this.#line(`${member}alarm:${ALARM_NAMES[each.alarm] ?? each.alarm}`);
    }
  }

  memberList(result: MemberListResult): void {
    this.#rows(memberRows(result));
  }

  endpointHealth(list: readonly EndpointHealth[]): void {
    for (const { endpoint, took, error } of list) {
      if (error === "") {
        this.#line(`${endpoint} is healthy: successfully committed proposal: took = ${took}`);
      } else this.#io.err(`${endpoint} is unhealthy: failed to commit proposal: ${error}\n`);
    }
  }

  endpointStatus(list: readonly EndpointStatus[]): void {
    this.#rows(statusRows(list));
  }

  endpointHashKv(list: readonly EndpointHash[]): void {
    this.#rows(hashRows(list));
  }

  #rows({ rows }: Rows): void {
    for (const row of rows) this.#line(row.join(", "));
  }

  #kv(kv: KeyValue): void {
    const show = this.#options.hex ? hexEscaped : (text: string): string => text;
    if (!this.#options.valueOnly) this.#line(show(byteText(kv.key)));
    this.#line(show(byteText(kv.value)));
  }

  #line(text: string): void {
    this.#io.out(`${text}\n`);
  }
}
