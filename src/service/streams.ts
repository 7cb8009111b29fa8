import { ProtoError } from "../proto/wire.ts";
import { UNREADABLE_MESSAGE } from "./errors.ts";
import { Code, type ReplySink, type Token } from "./rpc.ts";

/** A method whose calls bring several messages, and may be answered by several. */
export interface StreamMethod {
  open(token: Token): void;
  /**
   * `bytes[start, end)` is one message, valid during the call only.
   * @throws ProtoError when it cannot be decoded: the call is then ended, and `cancel` follows.
   */
  message(token: Token, bytes: Uint8Array, start: number, end: number): void;
  /** The client sends no more. */
  halfClose(token: Token): void;
  /** The call is dead: forget it, send nothing. */
  cancel(token: Token): void;
  /** A `send` that had returned false is through. */
  writable(token: Token): void;
}

/** How a StreamMethod answers. */
export interface StreamReplies {
  /** Sends one message; as `ReplySink.send`. */
  send(token: Token, bytes: Uint8Array, start: number, end: number): boolean;
  /** Ends the call; the method hears no more of it. */
  finish(token: Token, code: Code, message: string): void;
}

/** Live calls of streaming methods: which method each belongs to. */
export class StreamCalls implements StreamReplies {
  readonly #methods = new Map<Token, StreamMethod>();
  readonly #sink: () => ReplySink;

  constructor(sink: () => ReplySink) {
    this.#sink = sink;
  }

  /** A call of `method` began. */
  open(token: Token, method: StreamMethod): void {
    this.#methods.set(token, method);
    method.open(token);
  }

  message(token: Token, bytes: Uint8Array, start: number, end: number): void {
    try {
      this.#methods.get(token)?.message(token, bytes, start, end);
    } catch (error) {
      if (!(error instanceof ProtoError)) throw error;
      this.cancel(token);
      this.#sink().finish(token, Code.internal, `${UNREADABLE_MESSAGE}${error.message}`);
    }
  }

  halfClose(token: Token): void {
    this.#methods.get(token)?.halfClose(token);
  }

  cancel(token: Token): void {
    const method = this.#methods.get(token);
    if (method === undefined) return;
    this.#methods.delete(token);
    method.cancel(token);
  }

  writable(token: Token): void {
    this.#methods.get(token)?.writable(token);
  }

  send(token: Token, bytes: Uint8Array, start: number, end: number): boolean {
    return this.#sink().send(token, bytes, start, end);
  }

  finish(token: Token, code: Code, message: string): void {
    if (this.#methods.delete(token)) this.#sink().finish(token, code, message);
  }

  /** Ends all calls: the member stops. */
  stop(code: Code, message: string): void {
    for (const token of [...this.#methods.keys()]) {
      this.cancel(token);
      this.#sink().finish(token, code, message);
    }
  }
}
