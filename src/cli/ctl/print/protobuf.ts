import { encodeResult } from "../../../client/index.ts";
import type {
  AlarmResult,
  DeleteResult,
  MemberListResult,
  PutResult,
  RangeResult,
  TxnResult,
} from "../../../client/index.ts";
import type { Io } from "../io.ts";
import { unsupported } from "./printer.ts";
import type { Printer } from "./printer.ts";
import { byteText } from "./simple.ts";

/** The answer as it was on the wire, without a newline. */
export class ProtobufPrinter implements Printer {
  #io: Io;

  constructor(io: Io) {
    this.#io = io;
  }

  get(result: RangeResult): void {
    this.#io.out(byteText(encodeResult.range(result)));
  }

  put(result: PutResult): void {
    this.#io.out(byteText(encodeResult.put(result)));
  }

  del(result: DeleteResult): void {
    this.#io.out(byteText(encodeResult.delete(result)));
  }

  txn(result: TxnResult): void {
    this.#io.out(byteText(encodeResult.txn(result)));
  }

  alarm(result: AlarmResult): void {
    this.#io.out(byteText(encodeResult.alarm(result)));
  }

  memberList(result: MemberListResult): void {
    this.#io.out(byteText(encodeResult.memberList(result)));
  }

  endpointHealth(): never {
    unsupported("protobuf");
  }

  endpointStatus(): never {
    unsupported("protobuf");
  }

  endpointHashKv(): never {
    unsupported("protobuf");
  }
}
