import type { Clock } from "../../platform/clock.ts";
import type { Digest } from "../../platform/crypto.ts";
import { DiskError } from "../../platform/disk.ts";
import {
  createSnapshotResponse,
  decodeSnapshotRequest,
  encodeSnapshotResponse,
  sizeSnapshotResponse,
} from "../../proto/gen/etcdserverpb.ts";
import { BoltError } from "../../storage/backend/bolt-pages/error.ts";
import type { Job, JobRunner } from "../jobs.ts";
import { Code, type ReplySink, type Token } from "../rpc.ts";

/** Bytes of the image in one message, as by etcd (limits.md 4). */
export const SNAPSHOT_CHUNK_BYTES = 32 * 1024;
/**
 * A reader who takes nothing for so long loses its snapshot: until its end no page of it can be
 * used again, and the file grows.
 */
export const SNAPSHOT_IDLE_MAX_MS = 30_000;

/**
 * Snapshots under way; more wait for one of them to end. Each holds the pages of its moment, and
 * some 70 kB where nobody reads it.
 */
export const SNAPSHOTS_MAX = 64;

/** The database as the bytes of a file, at one moment. */
export interface DatabaseImage {
  readonly totalBytes: number;
  /** Fills `into` as far as there are bytes; returns how many. @throws Error when it is damaged. */
  read(into: Uint8Array): number;
  close(): void;
}

/** What the streams work with. */
export interface SnapshotStreamsOptions {
  readonly clock: Clock;
  readonly jobs: JobRunner;
  readonly sink: () => ReplySink;
  /** Commits and opens an image of that; null: not in this moment, ask again. */
  readonly openImage: () => DatabaseImage | null;
  readonly newSha256: () => Digest;
  /** Of the database, as text; empty when it does not say. */
  readonly storageVersion: () => string;
}

/**
 * Maintenance.Snapshot: the database at one commit, piece by piece as the reader takes it, then
 * the SHA-256 of all pieces in a message of its own (semantics.md M7). Writes go on meanwhile.
 */
export class SnapshotStreams {
  readonly #options: SnapshotStreamsOptions;
  readonly #piece = new Piece();
  readonly #places = new Places();
  readonly #streams = new Map<Token, SnapshotStream>();

  constructor(options: SnapshotStreamsOptions) {
    this.#options = options;
  }

  request(token: Token, bytes: Uint8Array, start: number, end: number): void {
    decodeSnapshotRequest(bytes, start, end);
    const onEnd = (): void => void this.#streams.delete(token);
    const shared = { ...this.#options, piece: this.#piece, places: this.#places };
    const stream = new SnapshotStream(shared, token, onEnd);
    this.#streams.set(token, stream);
    this.#options.jobs.add(stream);
  }

  /** The reader took what waited. */
  writable(token: Token): void {
    this.#streams.get(token)?.resume();
  }

  /** The call is dead. */
  cancel(token: Token): void {
    this.#streams.get(token)?.end();
  }

  /** To be called now and then: ends those that are not read. */
  expire(nowMs: number): void {
    for (const stream of this.#streams.values()) {
      if (stream.hasBegun && nowMs - stream.usedAtMs > SNAPSHOT_IDLE_MAX_MS) {
        stream.fail(Code.aborted, "skein: the snapshot was given up, nobody read it for 30 s");
      }
    }
  }

  /** Ends all: the database is about to be closed. */
  stop(): void {
    for (const stream of this.#streams.values()) {
      stream.fail(Code.unavailable, "etcdserver: server stopped");
    }
  }
}

/** Memory for one piece at a time, whoever's turn it is: thousands may be open and unread. */
class Piece {
  readonly blob = new Uint8Array(SNAPSHOT_CHUNK_BYTES);
  readonly message = createSnapshotResponse();
  encoded = new Uint8Array(0);
}

/** Who of the streams may have an image: the first SNAPSHOTS_MAX, then who came next. */
class Places {
  #taken = 0;
  readonly #waiting = new Set<SnapshotStream>();

  /** False: `stream` is told to begin when there is a place. */
  take(stream: SnapshotStream): boolean {
    if (this.#taken >= SNAPSHOTS_MAX) {
      this.#waiting.add(stream);
      return false;
    }
    this.#taken += 1;
    return true;
  }

  leave(stream: SnapshotStream): void {
    this.#waiting.delete(stream);
    if (!stream.hasBegun) return;
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#taken -= 1;
      return;
    }
    this.#waiting.delete(next);
    next.begin();
  }
}

interface SharedByStreams extends SnapshotStreamsOptions {
  readonly piece: Piece;
  readonly places: Places;
}

class SnapshotStream implements Job {
  usedAtMs: number;
  hasBegun = false;
  readonly #options: SharedByStreams;
  readonly #token: Token;
  readonly #onEnd: () => void;
  readonly #digest: Digest;
  readonly #piece: Piece;
  #version = "";
  #image: DatabaseImage | null = null;
  #leftBytes = 0;
  #hasEnded = false;

  constructor(options: SharedByStreams, token: Token, onEnd: () => void) {
    this.#options = options;
    this.#piece = options.piece;
    this.#token = token;
    this.#onEnd = onEnd;
    this.#digest = options.newSha256();
    this.usedAtMs = options.clock.monotonicMs();
  }

  /** Sends one piece; true when the job is over: at the end, or until the reader took more. */
  step(): boolean {
    if (this.#hasEnded) return true;
    this.hasBegun ||= this.#options.places.take(this);
    if (!this.hasBegun) return true;
    try {
      if (this.#image === null && !this.#open()) return false;
      return this.#leftBytes > 0 ? !this.#sendPiece() : this.#sendDigest();
    } catch (error) {
      // What the database says of damage is told; anything else is a bug.
      if (!(error instanceof BoltError || error instanceof DiskError)) throw error;
      this.fail(Code.dataLoss, `skein: ${error.message}`);
      return true;
    }
  }

  /** It was given a place. */
  begin(): void {
    this.hasBegun = true;
    this.usedAtMs = this.#options.clock.monotonicMs();
    this.resume();
  }

  resume(): void {
    if (!this.#hasEnded) this.#options.jobs.add(this);
  }

  fail(code: Code, message: string): void {
    this.#options.sink().finish(this.#token, code, message);
    this.end();
  }

  /** Gives up the image. Idempotent. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#image?.close();
    this.#image = null;
    this.#options.places.leave(this);
    this.#onEnd();
  }

  #open(): boolean {
    const image = this.#options.openImage();
    if (image === null) return false;
    this.#image = image;
    this.#leftBytes = image.totalBytes;
    this.#version = this.#options.storageVersion();
    return true;
  }

  /** False when the reader has to take something first. */
  #sendPiece(): boolean {
    this.usedAtMs = this.#options.clock.monotonicMs();
    const { blob } = this.#piece;
    const bytes = this.#image!.read(blob);
    const piece = blob.subarray(0, bytes);
    this.#digest.update(piece);
    this.#leftBytes -= bytes;
    return this.#send(piece);
  }

  #sendDigest(): boolean {
    this.#send(this.#digest.finish());
    this.#options.sink().finish(this.#token, Code.ok, "");
    this.end();
    return true;
  }

  #send(blob: Uint8Array): boolean {
    const { message } = this.#piece;
    message.version = this.#version;
    message.remainingBytes = this.#leftBytes;
    message.blob = blob;
    const size = sizeSnapshotResponse(message);
    if (this.#piece.encoded.length < size) this.#piece.encoded = new Uint8Array(size);
    const { encoded } = this.#piece;
    encodeSnapshotResponse(message, encoded, 0);
    return this.#options.sink().send(this.#token, encoded, 0, size);
  }
}
