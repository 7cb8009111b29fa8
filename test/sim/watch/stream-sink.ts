import type { ByteSource, ReplySink, Token } from "../../../src/service/rpc.ts";

/** What the edge queues for a stream before it says that there is no room (edge/grpc/limits.ts). */
const HIGH_WATER_BYTES = 64 * 1024;

/** One message on its way: bytes, or where they come from. */
interface Item {
  readonly bytes: Uint8Array;
  readonly source: ByteSource | null;
  taken: number;
}

/** A call's reader: what waits for it, and what it took. */
export class StreamReader {
  readonly messages: Uint8Array[] = [];
  readonly queue: Item[] = [];
  /** Null while the call goes on. */
  end: string | null = null;
  isInputHeld = false;
  wantsWritable = false;
  /** Most bytes that ever waited; what is pulled does not count. */
  queuedBytesMost = 0;

  get queuedBytes(): number {
    let bytes = 0;
    for (const { bytes: all, source, taken } of this.queue) {
      if (source === null) bytes += all.length - taken;
    }
    return bytes;
  }
}

/** A door whose readers take what they are told to, with queues as the real one has them. */
export class StreamSink implements ReplySink {
  readonly readers = new Map<Token, StreamReader>();
  /** As the service has them. */
  writable: (token: Token) => void = () => {};
  cancel: (token: Token) => void = () => {};

  reply(token: Token, bytes: Uint8Array, start: number, end: number): void {
    const reader = this.readers.get(token);
    if (reader === undefined) return;
    reader.messages.push(bytes.slice(start, end));
    reader.end = "ok";
  }

  replyFrom(token: Token, totalBytes: number, source: ByteSource): void {
    const bytes = new Uint8Array(totalBytes);
    for (let at = 0; at < totalBytes;) at += source.read(bytes, at, totalBytes - at);
    source.release();
    this.reply(token, bytes, 0, totalBytes);
  }

  send(token: Token, bytes: Uint8Array, start: number, end: number): boolean {
    const reader = this.readers.get(token)!;
    if (reader.end !== null) return true;
    reader.queue.push({ bytes: bytes.slice(start, end), source: null, taken: 0 });
    const { queuedBytes } = reader;
    reader.queuedBytesMost = Math.max(reader.queuedBytesMost, queuedBytes);
    if (queuedBytes <= HIGH_WATER_BYTES) return true;
    reader.wantsWritable = true;
    return false;
  }

  sendFrom(token: Token, totalBytes: number, source: ByteSource): void {
    const reader = this.readers.get(token)!;
    reader.queue.push({ bytes: new Uint8Array(totalBytes), source, taken: 0 });
    reader.wantsWritable = true;
  }

  holdInput(token: Token, isHeld: boolean): void {
    this.readers.get(token)!.isInputHeld = isHeld;
  }

  finish(token: Token, _code: number, message: string): void {
    const reader = this.readers.get(token);
    if (reader !== undefined) reader.end = message === "" ? "ok" : message;
  }

  metadata(): string | undefined {
    return undefined;
  }

  remoteAddress(): string {
    return "sim";
  }

  /** The reader takes up to `bytesMax` of what waits for it; returns how much it took. */
  take(token: Token, bytesMax: number): number {
    const reader = this.readers.get(token)!;
    let left = bytesMax;
    while (left > 0 && reader.queue.length > 0 && reader.end === null) {
      const item = reader.queue[0]!;
      const count = Math.min(left, item.bytes.length - item.taken);
      const read = item.source?.read(item.bytes, item.taken, count) ?? count;
      if (read < 0) {
        reader.end = item.source?.failure?.message ?? "failed";
        item.source?.release();
        this.cancel(token);
        break;
      }
      // Nothing yet: ask again in a later turn.
      if (read === 0 && count > 0) break;
      item.taken += read;
      left -= read;
      if (item.taken < item.bytes.length) continue;
      item.source?.release();
      reader.queue.shift();
      reader.messages.push(item.bytes);
    }
    this.#tellRoom(token, reader);
    return bytesMax - left;
  }

  #tellRoom(token: Token, reader: StreamReader): void {
    const isSourceLeft = reader.queue.some(({ source }) => source !== null);
    if (!reader.wantsWritable || isSourceLeft) return;
    if (reader.queuedBytes > HIGH_WATER_BYTES / 2) return;
    reader.wantsWritable = false;
    this.writable(token);
  }
}
