import {
  createDefragmentResponse,
  decodeDefragmentRequest,
  encodeDefragmentResponseToBytes,
} from "../../proto/gen/etcdserverpb.ts";
import type { ReplySink, Token } from "../rpc.ts";

/** What the calls work with. */
export interface DefragmentCallsOptions {
  /** Makes the database file shorter and calls `done` when that is through. */
  readonly defragment: (done: () => void) => void;
  readonly sink: () => ReplySink;
}

/**
 * Maintenance.Defragment: answered when the work is done, without a header, as by etcd. The member
 * serves meanwhile.
 */
export class DefragmentCalls {
  readonly #options: DefragmentCallsOptions;

  constructor(options: DefragmentCallsOptions) {
    this.#options = options;
  }

  request(token: Token, bytes: Uint8Array, start: number, end: number): void {
    decodeDefragmentRequest(bytes, start, end);
    const { defragment, sink } = this.#options;
    defragment(() => {
      const reply = encodeDefragmentResponseToBytes(createDefragmentResponse());
      // To a caller who has gone meanwhile the sink sends nothing.
      sink().reply(token, reply, 0, reply.length);
    });
  }
}
