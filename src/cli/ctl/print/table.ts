import type { MemberListResult } from "../../../client/index.ts";
import { toByteString } from "../../go/go-text.ts";
import { renderTable } from "../../common/table.ts";
import type { Io } from "../io.ts";
import { unsupported } from "./printer.ts";
import type { EndpointHash, EndpointHealth, EndpointStatus, Printer } from "./printer.ts";
import { hashRows, healthRows, memberRows, statusRows } from "./rows.ts";
import type { Rows } from "../../common/table.ts";

/** Tables, for what is a list of members or endpoints. */
export class TablePrinter implements Printer {
  #io: Io;

  constructor(io: Io) {
    this.#io = io;
  }

  get(): never {
    unsupported("table");
  }

  put(): never {
    unsupported("table");
  }

  del(): never {
    unsupported("table");
  }

  txn(): never {
    unsupported("table");
  }

  alarm(): never {
    unsupported("table");
  }

  memberList(result: MemberListResult): void {
    this.#table(memberRows(result));
  }

  endpointHealth(list: readonly EndpointHealth[]): void {
    this.#table(healthRows(list));
  }

  endpointStatus(list: readonly EndpointStatus[]): void {
    this.#table(statusRows(list));
  }

  endpointHashKv(list: readonly EndpointHash[]): void {
    this.#table(hashRows(list));
  }

  #table(rows: Rows): void {
    this.#io.out(toByteString(renderTable(rows)));
  }
}
