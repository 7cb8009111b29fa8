import { H2Connection } from "../connection.ts";
import type { H2Handler, H2Options, HeaderList } from "../types.ts";
import { join, parseFrames, type RawFrame } from "./raw-frames.ts";

/** `name=value` of each field. */
export function fieldsText(list: HeaderList): string {
  const texts: string[] = [];
  for (let i = 0; i < list.count; i++) texts.push(`${list.fields[i].name}=${list.fields[i].value}`);
  return texts.join(",");
}

/** Writes down every call; pieces of one body are joined, as their cut is not promised. */
export class Recorder implements H2Handler {
  readonly events: string[] = [];
  readonly bodies = new Map<number, Uint8Array[]>();
  /** Called behind the record of each call of that name, for tests that react. */
  readonly on: Partial<Record<keyof H2Handler, (streamId: number, ended: boolean) => void>> = {};

  onHeaders(streamId: number, fields: HeaderList, endStream: boolean): void {
    this.#note("onHeaders", streamId, `${fieldsText(fields)}${endStream ? " end" : ""}`, endStream);
  }
  onTrailers(streamId: number, fields: HeaderList): void {
    this.#note("onTrailers", streamId, fieldsText(fields), true);
  }
  onData(
    streamId: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    endStream: boolean,
  ): void {
    const pieces = this.bodies.get(streamId) ?? [];
    this.bodies.set(streamId, pieces);
    // Not `slice`: on a Buffer that would be a view.
    if (end > start) pieces.push(new Uint8Array(bytes.subarray(start, end)));
    if (endStream) this.events.push(`onDataEnd ${streamId}`);
    this.on.onData?.(streamId, endStream);
  }
  onReset(streamId: number, code: number): void {
    this.#note("onReset", streamId, String(code));
  }
  onWritable(streamId: number): void {
    this.#note("onWritable", streamId, "");
  }
  onSourceFailed(streamId: number): void {
    this.#note("onSourceFailed", streamId, "");
  }
  onGoaway(lastStreamId: number, code: number, debug: string): void {
    this.#note("onGoaway", lastStreamId, `${code} ${debug}`);
  }
  onPingAck(payload: number): void {
    this.#note("onPingAck", payload, "");
  }
  onSettings(): void {
    this.on.onSettings?.(0, false);
  }
  onDrained(): void {
    this.#note("onDrained", 0, "");
  }
  onConnectionError(code: number, text: string): void {
    this.#note("onConnectionError", code, text);
  }

  /** The body of a stream so far. */
  body(streamId: number): Uint8Array {
    return join(this.bodies.get(streamId) ?? []);
  }

  #note(name: keyof H2Handler, streamId: number, text: string, ended = false): void {
    this.events.push(`${name} ${streamId} ${text}`.trimEnd());
    this.on[name]?.(streamId, ended);
  }
}

/** A connection with its recorder. */
export interface Rig {
  readonly connection: H2Connection;
  readonly recorder: Recorder;
  /** Takes all output as frames (the client's preface must have been taken before). */
  frames(): RawFrame[];
}

export function newRig(role: "server" | "client", options: H2Options = {}): Rig {
  const recorder = new Recorder();
  const connection = new H2Connection(role, options, recorder);
  return { connection, recorder, frames: () => parseFrames(takeAll(connection)) };
}

/** Everything a connection would send now. */
export function takeAll(connection: H2Connection): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (;;) {
    const piece = connection.takeOutput();
    if (piece === null) return join(pieces);
    pieces.push(piece);
  }
}

/** Lets two connections talk until both are silent; at most `turnsMax` turns. */
export function converse(a: H2Connection, b: H2Connection, turnsMax = 100_000): void {
  for (let turn = 0; turn < turnsMax; turn++) {
    const fromA = a.takeOutput();
    if (fromA !== null) b.receive(fromA);
    const fromB = b.takeOutput();
    if (fromB !== null) a.receive(fromB);
    if (fromA === null && fromB === null) return;
  }
  throw new Error("the connections do not fall silent");
}
