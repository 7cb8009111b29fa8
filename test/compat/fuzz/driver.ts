import net from "node:net";
import type { Prng } from "../../../src/base/prng.ts";
import type { Mutant } from "./mutate.ts";

/** How a connection is treated apart from its bytes. */
interface Manner {
  /** Most bytes per write; the pieces leave in turns of the event loop of their own. */
  readonly pieceBytes: number;
  /** `end`: half-close; `destroy`: at once; `wait`: stay a while, then destroy. */
  readonly ending: "end" | "destroy" | "wait";
  readonly reads: boolean;
  readonly lingerMs: number;
}

/** What the server said on a connection, by kind: `GOAWAY 1`, `RST 8`, `HTTP/1 200`, … */
export type Answers = Map<string, number>;

/** The types of RFC 9113 by number. */
export const FRAME_NAMES = [
  "DATA",
  "HEADERS",
  "PRIORITY",
  "RST_STREAM",
  "SETTINGS",
  "PUSH_PROMISE",
  "PING",
  "GOAWAY",
  "WINDOW_UPDATE",
  "CONTINUATION",
] as const;

/** Name of a frame type. */
export function frameName(type: number): string {
  return FRAME_NAMES[type] ?? "unknown";
}

/** Sends a mutant on a connection of its own; resolves when the connection is closed. */
export function shoot(prng: Prng, port: number, mutant: Mutant, answers: Answers): Promise<void> {
  const manner = chooseManner(prng);
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const reader = new AnswerReader(answers, mutant.isHttp2);
    let timer: NodeJS.Timeout | null = null;
    if (manner.reads) socket.on("data", (chunk: Uint8Array) => reader.take(chunk));
    socket.on("error", () => {});
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      if (timer !== null) clearTimeout(timer);
      resolve();
    });
    socket.on("connect", () => {
      sendPieces(socket, mutant.bytes, manner.pieceBytes, () => {
        if (manner.ending === "destroy") socket.destroy();
        else if (manner.ending === "end") socket.end();
        // Whatever happens the connection ends: the server may well wait for more.
        timer = setTimeout(() => socket.destroy(), manner.lingerMs);
      });
    });
  });
}

function chooseManner(prng: Prng): Manner {
  const pieces = [1, 7, 100, 1460, 16_384, 65_536];
  const pieceBytes = prng.chance(0.6) ? 65_536 : pieces[prng.below(pieces.length)]!;
  const draw = prng.below(10);
  const ending = draw < 6 ? "wait" : draw < 8 ? "end" : "destroy";
  return { pieceBytes, ending, reads: prng.chance(0.85), lingerMs: prng.between(5, 120) };
}

/** Single bytes only for the start: a turn for each of many thousands would take seconds. */
const SMALL_PIECES_MAX = 300;

function sendPieces(
  socket: net.Socket,
  bytes: Uint8Array,
  pieceBytes: number,
  sent: () => void,
): void {
  let at = 0;
  let pieces = 0;
  const next = (): void => {
    if (socket.destroyed) return;
    if (at >= bytes.length) return sent();
    const size = pieces++ < SMALL_PIECES_MAX ? pieceBytes : bytes.length;
    const end = Math.min(bytes.length, at + size);
    socket.write(bytes.subarray(at, end));
    at = end;
    setImmediate(next);
  };
  next();
}

/** Counts what a server answers, without trusting it to be well-formed. */
class AnswerReader {
  readonly #answers: Answers;
  readonly #isHttp2: boolean;
  #rest = Buffer.alloc(0);

  constructor(answers: Answers, isHttp2: boolean) {
    this.#answers = answers;
    this.#isHttp2 = isHttp2;
  }

  take(chunk: Uint8Array): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    if (this.#rest.toString("latin1", 0, 5) === "HTTP/") {
      this.#count(`HTTP/1 ${this.#rest.toString("latin1", 9, 12)}`);
      this.#rest = Buffer.alloc(0);
      return;
    }
    if (this.#isHttp2) this.#frames();
  }

  #frames(): void {
    let at = 0;
    while (this.#rest.length - at >= 9) {
      const end = at + 9 + this.#rest.readUIntBE(at, 3);
      if (end > this.#rest.length) break;
      const type = this.#rest[at + 3]!;
      const name = frameName(type);
      if (type === 7) this.#count(`${name} ${this.#rest.readUInt32BE(at + 13)}`);
      else if (type === 3) this.#count(`${name} ${this.#rest.readUInt32BE(at + 9)}`);
      else this.#count(name);
      at = end;
    }
    this.#rest = this.#rest.subarray(at);
  }

  #count(what: string): void {
    this.#answers.set(what, (this.#answers.get(what) ?? 0) + 1);
  }
}
