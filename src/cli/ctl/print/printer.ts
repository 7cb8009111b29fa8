import type {
  AlarmResult,
  DeleteResult,
  HashKvResult,
  MemberListResult,
  PutResult,
  RangeResult,
  StatusResult,
  TxnResult,
} from "../../../client/index.ts";
import { ToolError, Exit } from "../../common/exit.ts";

/** What `endpoint health` found out about one endpoint. */
export interface EndpointHealth {
  readonly endpoint: string;
  readonly health: boolean;
  /** As Go prints durations. */
  readonly took: string;
  readonly error: string;
}

/** What one endpoint said of itself. */
export interface EndpointStatus {
  readonly endpoint: string;
  readonly status: StatusResult;
}

/** The hash of one endpoint's history. */
export interface EndpointHash {
  readonly endpoint: string;
  readonly hashKv: HashKvResult;
}

/** One output format. @throws ToolError (exit code 4) for answers it has no form for. */
export interface Printer {
  get(result: RangeResult): void;
  put(result: PutResult): void;
  del(result: DeleteResult): void;
  txn(result: TxnResult): void;
  alarm(result: AlarmResult): void;
  memberList(result: MemberListResult): void;
  endpointHealth(list: readonly EndpointHealth[]): void;
  endpointStatus(list: readonly EndpointStatus[]): void;
  endpointHashKv(list: readonly EndpointHash[]): void;
}

/** How answers are shown. */
export interface PrintOptions {
  readonly hex: boolean;
  /** `get --print-value-only`. */
  readonly valueOnly: boolean;
}

/** @throws ToolError that ends the tool. */
export function unsupported(format: string): never {
  throw new ToolError(Exit.badFeature, `${format} not supported as output format`);
}
