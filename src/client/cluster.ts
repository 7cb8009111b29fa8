import {
  createResponseHeader,
  decodeMemberListResponse,
  encodeMemberListRequestToBytes,
} from "../proto/gen/etcdserverpb.ts";
import type { CallOptions } from "./transport/channel.ts";
import { METHODS } from "./transport/method.ts";
import type { Rpc } from "./transport/rpc.ts";
import type { MemberListResult } from "./types.ts";

/** Who belongs to the cluster. */
export class Cluster {
  #rpc: Rpc;

  constructor(rpc: Rpc) {
    this.#rpc = rpc;
  }

  /** All members; with `serializable` as the asked member knows them, without asking the leader. */
  async memberList(
    options: { readonly serializable?: boolean } & CallOptions = {},
  ): Promise<MemberListResult> {
    const request = encodeMemberListRequestToBytes({ linearizable: options.serializable !== true });
    const reply = await this.#rpc.unary(METHODS.memberList, request, options);
    const response = decodeMemberListResponse(reply, 0, reply.length);
    response.header ??= createResponseHeader();
    return response as MemberListResult;
  }
}
