import {
  encodeAlarmResponseToBytes,
  encodeDeleteRangeResponseToBytes,
  encodeMemberListResponseToBytes,
  encodePutResponseToBytes,
  encodeRangeResponseToBytes,
  encodeResponseHeaderToBytes,
  encodeTxnResponseToBytes,
} from "../proto/gen/etcdserverpb.ts";
import type {
  AlarmResponse,
  DeleteRangeResponse,
  MemberListResponse,
  PutResponse,
  RangeResponse,
  ResponseOp,
  TxnResponse,
} from "../proto/gen/etcdserverpb.ts";
import type {
  AlarmResult,
  DeleteResult,
  MemberListResult,
  OpResult,
  PutResult,
  RangeResult,
  ResponseHeader,
  TxnResult,
} from "./types.ts";

function responseOp(op: OpResult): ResponseOp {
  switch (op.kind) {
    case "range":
      return { response: { case: "responseRange", value: op.result as RangeResponse } };
    case "put":
      return { response: { case: "responsePut", value: op.result as PutResponse } };
    case "delete":
      return { response: { case: "responseDeleteRange", value: op.result as DeleteRangeResponse } };
    case "txn":
      return { response: { case: "responseTxn", value: txnResponse(op.result) } };
    case "unknown":
      return { response: undefined };
  }
}

function txnResponse(result: TxnResult): TxnResponse {
  const { header, succeeded } = result;
  return { header, succeeded, responses: result.responses.map(responseOp) };
}

/** Results as the protobuf messages they came from, e.g. to store or to pass them on. */
export const encodeResult = {
  range: (result: RangeResult): Uint8Array => encodeRangeResponseToBytes(result as RangeResponse),
  put: (result: PutResult): Uint8Array => encodePutResponseToBytes(result as PutResponse),
  delete: (result: DeleteResult): Uint8Array =>
    encodeDeleteRangeResponseToBytes(result as DeleteRangeResponse),
  txn: (result: TxnResult): Uint8Array => encodeTxnResponseToBytes(txnResponse(result)),
  alarm: (result: AlarmResult): Uint8Array => encodeAlarmResponseToBytes(result as AlarmResponse),
  /** What etcdctl shows of answers that have no message of their own. */
  header: (header: ResponseHeader): Uint8Array => encodeResponseHeaderToBytes(header),
  memberList: (result: MemberListResult): Uint8Array =>
    encodeMemberListResponseToBytes(result as MemberListResponse),
} as const;
