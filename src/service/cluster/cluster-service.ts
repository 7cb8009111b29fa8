import type { Membership } from "../../cluster/membership.ts";
import {
  createMemberListResponse,
  decodeMemberListRequest,
  encodeMemberListResponseToBytes,
  type ResponseHeader,
} from "../../proto/gen/etcdserverpb.ts";
import type { Consensus } from "../consensus.ts";
import { WIRE_ERRORS } from "../errors.ts";
import type { PendingReads } from "../reads.ts";
import type { ReplySink, Token } from "../rpc.ts";

/** What the Cluster service answers from. */
export interface ClusterServiceOptions {
  readonly membership: Membership;
  readonly consensus: Consensus;
  readonly reads: PendingReads;
  readonly sink: () => ReplySink;
  readonly header: (revision: number) => ResponseHeader;
}

/** The served part of the Cluster service: who is a member. */
export class ClusterService {
  readonly #options: ClusterServiceOptions;

  constructor(options: ClusterServiceOptions) {
    this.#options = options;
  }

  /** Sorted by id; the header has no revision (M8, HDR). */
  memberList(token: Token, bytes: Uint8Array, start: number, end: number): void {
    const { consensus, reads, sink } = this.#options;
    const { linearizable } = decodeMemberListRequest(bytes, start, end);
    if (!linearizable || consensus.readNow()) {
      this.#reply(token);
      return;
    }
    const { code, message } = WIRE_ERRORS.timeout;
    reads.add(
      () => this.#reply(token),
      () => sink().finish(token, code, message),
      token,
    );
  }

  #reply(token: Token): void {
    const { membership, sink, header } = this.#options;
    const response = createMemberListResponse();
    response.header = header(0);
    response.members = membership.list().map((member) => ({
      id: member.id,
      name: member.name,
      peerURLs: [...member.peerUrls],
      clientURLs: [...member.clientUrls],
      isLearner: member.isLearner,
    }));
    const message = encodeMemberListResponseToBytes(response);
    sink().reply(token, message, 0, message.length);
  }
}
