import {
  decodeAuthenticateResponse,
  encodeAuthenticateRequestToBytes,
} from "../../proto/gen/etcdserverpb.ts";
import type { Credentials } from "./channel.ts";
import { EtcdError } from "../errors.ts";
import { METHODS } from "./method.ts";
import type { Rpc } from "./rpc.ts";

/** A token that the user brought: it is used as it is. */
export function fixedToken(token: string): Credentials {
  return { token, ready: true, renewable: false, renew: (done) => done(null) };
}

/** A token got by name and password, before the first call and whenever it was refused. */
export class PasswordCredentials implements Credentials {
  readonly renewable = true;
  ready = false;
  token: string | undefined = undefined;
  #request: Uint8Array;
  #timeoutMs: number;
  /** Calls without credentials: they must not wait for themselves. */
  #rpc: Rpc | null = null;
  #waiting: ((error: EtcdError | null) => void)[] = [];

  constructor(name: string, password: string, timeoutMs: number) {
    this.#request = encodeAuthenticateRequestToBytes({ name, password });
    this.#timeoutMs = timeoutMs;
  }

  /** Must be called once, before the first `renew`. */
  bind(rpc: Rpc): void {
    this.#rpc = rpc;
  }

  /** One request serves all who ask meanwhile. A cluster without authentication needs no token. */
  renew(done: (error: EtcdError | null) => void): void {
    if (this.#waiting.push(done) > 1 || this.#rpc === null) return;
    this.#rpc.unary(METHODS.authenticate, this.#request, { timeoutMs: this.#timeoutMs }).then(
      (reply) => {
        this.token = decodeAuthenticateResponse(reply, 0, reply.length).token;
        this.#tell(null);
      },
      (error: unknown) => {
        const reason = error instanceof EtcdError ? error : new EtcdError(2, String(error));
        this.#tell(reason.code === "AuthNotEnabled" ? null : reason);
      },
    );
  }

  #tell(error: EtcdError | null): void {
    this.ready = error === null;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done(error);
  }
}
