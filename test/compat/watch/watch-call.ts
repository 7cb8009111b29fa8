import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { message, parse, type Value } from "../errors/proto-writer.ts";
import { frame } from "../errors/raw-client.ts";

/** What a client may ask of a watcher; fields as in the protocol. */
export interface CreateFields {
  readonly key: string;
  readonly rangeEnd?: string;
  readonly startRevision?: number | bigint;
  readonly progressNotify?: boolean;
  readonly filters?: readonly number[];
  readonly prevKv?: boolean;
  readonly watchId?: number | bigint;
  readonly fragment?: boolean;
}

/** WatchRequest with a create_request. */
export function createRequest(fields: CreateFields): Uint8Array {
  const filters = (fields.filters ?? []).map((filter): readonly [number, Value] => [5, filter]);
  const create = message(
    [1, fields.key],
    [2, fields.rangeEnd],
    [3, fields.startRevision],
    [4, fields.progressNotify],
    ...filters,
    [6, fields.prevKv],
    [7, fields.watchId],
    [8, fields.fragment],
  );
  return message([1, create]);
}

/** WatchRequest with a cancel_request. */
export function cancelRequest(watchId: bigint): Uint8Array {
  return message([2, message([1, watchId])]);
}

/** WatchRequest with a progress_request. */
export function progressRequest(): Uint8Array {
  return message([3, new Uint8Array(0)]);
}

/** One response, as far as clients may rely on it. */
export interface Response {
  readonly watchId: bigint;
  /** All but the events, and cluster, member and term. */
  readonly head: string;
  readonly events: readonly string[];
  readonly isFragment: boolean;
  readonly bytes: number;
}

/** One Watch call over Node's own HTTP/2; keeps what it is told. */
export class WatchCall {
  readonly responses: Response[] = [];
  /** Code and text when it has ended. */
  status: string | null = null;
  readonly #stream: ClientHttp2Stream;
  #chunks: Buffer[] = [];
  #buffered = 0;
  #wanted = 5;

  constructor(session: ClientHttp2Session) {
    this.#stream = session.request({
      ":method": "POST",
      ":path": "/etcdserverpb.Watch/Watch",
      "content-type": "application/grpc",
      te: "trailers",
    });
    const end = (headers: IncomingHttpHeaders): void => {
      const { "grpc-status": code, "grpc-message": text } = headers;
      if (code !== undefined) this.status = [code, text].flat().join(" ");
    };
    this.#stream.on("response", end);
    this.#stream.on("trailers", end);
    this.#stream.on("error", (error) => (this.status ??= error.message));
    this.#stream.on("data", (chunk: Buffer) => this.#take(chunk));
  }

  send(request: Uint8Array): void {
    this.#stream.write(frame(request));
  }

  close(): void {
    this.#stream.close();
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    if (this.#buffered < this.#wanted) return;
    let all = Buffer.concat(this.#chunks);
    for (;;) {
      this.#wanted = all.length < 5 ? 5 : 5 + all.readUInt32BE(1);
      if (all.length < this.#wanted) break;
      this.responses.push(readResponse(all.subarray(5, this.#wanted)));
      all = all.subarray(this.#wanted);
    }
    this.#chunks = [all];
    this.#buffered = all.length;
  }
}

function readResponse(bytes: Uint8Array): Response {
  const fields = parse(bytes);
  const header = parse(bytesOf(fields.get(1)?.[0]));
  const watchId = BigInt.asIntN(64, (fields.get(2)?.[0] as bigint) ?? 0n);
  const parts = [`revision ${header.get(3)?.[0] ?? 0n}`];
  if (fields.has(3)) parts.push("created");
  if (fields.has(4)) parts.push("canceled");
  if (fields.has(5)) parts.push(`compacted at ${fields.get(5)![0]}`);
  if (fields.has(6)) parts.push(`because ${textOf(fields.get(6)![0])}`);
  if (fields.has(7)) parts.push("fragment");
  const events = (fields.get(11) ?? []).map((event) => readEvent(bytesOf(event)));
  const head = parts.join(", ");
  return { watchId, head, events, isFragment: fields.has(7), bytes: bytes.length };
}

function readEvent(bytes: Uint8Array): string {
  const fields = parse(bytes);
  const type = fields.get(1)?.[0] === 1n ? "DELETE" : "PUT";
  const prev = fields.has(3) ? ` before: ${readKeyValue(bytesOf(fields.get(3)![0]))}` : "";
  return `${type} ${readKeyValue(bytesOf(fields.get(2)?.[0]))}${prev}`;
}

function readKeyValue(bytes: Uint8Array): string {
  const fields = parse(bytes);
  const number = (at: number): bigint => (fields.get(at)?.[0] as bigint) ?? 0n;
  const value = textOf(fields.get(5)?.[0]);
  const shown = value.length > 40 ? `${value.length} bytes` : value;
  const numbers = `created ${number(2)} mod ${number(3)} version ${number(4)} lease ${number(6)}`;
  return `${textOf(fields.get(1)?.[0])}=${shown} ${numbers}`;
}

function bytesOf(value: bigint | Uint8Array | undefined): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array(0);
}

function textOf(value: bigint | Uint8Array | undefined): string {
  return Buffer.from(bytesOf(value)).toString("latin1");
}
