import { connect } from "node:http2";
import { gunzipSync } from "node:zlib";
import type { ClientHttp2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";

/** One request as it goes on the wire, nothing checked. */
export interface RawCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** The request body whole: use `frame` for a proper gRPC message. */
  readonly body: Uint8Array;
  /** Instead of or in addition to the usual headers; undefined removes one. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/** What came back. */
export interface RawAnswer {
  readonly httpStatus: number;
  /** -1 when there was no grpc-status: the stream was reset or the answer was not gRPC. */
  readonly code: number;
  /** grpc-message decoded; for a reset its description. */
  readonly message: string;
  /** Messages before the status. */
  readonly messages: readonly Uint8Array[];
  readonly contentType: string;
}

/** An answer that takes longer is a failure of the server. */
const ANSWER_TIMEOUT_MS = 15_000;

/** gRPC's 5-byte prefix and the message. */
export function frame(message: Uint8Array, compressed = 0): Uint8Array {
  const head = Buffer.alloc(5);
  head[0] = compressed;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function unframe(body: Buffer): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let at = 0; at + 5 <= body.length;) {
    const length = body.readUInt32BE(at + 1);
    const content = body.subarray(at + 5, at + 5 + length);
    messages.push(body[at] === 1 ? gunzipSync(content) : content);
    at += 5 + length;
  }
  return messages;
}

function decodeMessage(text: string): string {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "%") {
      bytes.push(parseInt(text.slice(at + 1, at + 3), 16));
      at += 2;
    } else bytes.push(text.charCodeAt(at));
  }
  return Buffer.from(bytes).toString("utf8");
}

/** gRPC over Node's own HTTP/2: shares nothing with the code under test. */
export class RawClient {
  #session: ClientHttp2Session;
  #url: string;

  constructor(endpoint: string) {
    this.#url = `http://${endpoint}`;
    this.#session = this.#open();
  }

  #open(): ClientHttp2Session {
    const session = connect(this.#url);
    session.on("error", () => {});
    return session;
  }

  /** Sends and waits for the end, whatever it is. */
  call(call: RawCall): Promise<RawAnswer> {
    if (this.#session.closed || this.#session.destroyed) this.#session = this.#open();
    const headers: OutgoingHttpHeaders = {
      ":method": "POST",
      ":path": call.path,
      "content-type": "application/grpc",
      te: "trailers",
    };
    for (const [name, value] of Object.entries(call.headers ?? {})) {
      if (value === undefined) delete headers[name];
      else headers[name] = value;
    }
    return new Promise((resolve) => {
      const stream = this.#session.request(headers);
      const chunks: Buffer[] = [];
      let first: IncomingHttpHeaders = {};
      let last: IncomingHttpHeaders = {};
      let trouble = "no status";
      const timer = setTimeout(() => {
        trouble = "no answer in time";
        stream.close();
      }, ANSWER_TIMEOUT_MS);
      stream.on("response", (got) => (first = got));
      stream.on("trailers", (got) => (last = got));
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", (error) => (trouble = error.message));
      stream.on("close", () => {
        clearTimeout(timer);
        const status = last["grpc-status"] ?? first["grpc-status"];
        const text = last["grpc-message"] ?? first["grpc-message"] ?? "";
        resolve({
          httpStatus: Number(first[":status"] ?? 0),
          code: status === undefined ? -1 : Number(status),
          message: status === undefined ? trouble : decodeMessage(String(text)),
          messages: unframe(Buffer.concat(chunks)),
          contentType: first["content-type"] ?? "",
        });
      });
      stream.end(call.body);
    });
  }

  close(): void {
    this.#session.destroy();
  }
}
