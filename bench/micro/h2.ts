/**
 * `node bench/micro/h2.ts`: CPU per unary request in the HTTP/2 engine alone (no sockets), with the
 * header blocks of a gRPC client in Go: everything indexed, a `grpc-timeout` that changes with each
 * request and so moves the dynamic table.
 */
import { H2Connection } from "../../src/wire/h2/connection.ts";
import { HpackDecoder } from "../../src/wire/h2/hpack/decoder.ts";
import {
  encodeConstantBlock,
  type FieldInput,
  HeaderTemplate,
  HpackEncoder,
} from "../../src/wire/h2/hpack/encoder.ts";
import {
  data,
  headers,
  join,
  preface,
  settings,
  windowUpdate,
} from "../../src/wire/h2/testing/raw-frames.ts";
import type { H2Handler, HeaderList } from "../../src/wire/h2/types.ts";

const requestsPerRound = 200_000;
const rounds = 7;
const putBytes = 300;

/** Lowest of several rounds: what the code costs when nobody disturbs it. */
function measure(name: string, operations: number, run: () => void): void {
  run();
  let bestUs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    run();
    const used = process.cpuUsage(before);
    bestUs = Math.min(bestUs, (used.user + used.system) / operations);
  }
  console.log(`${name.padEnd(52)} ${bestUs.toFixed(3)} µs`);
}

const constantFields: FieldInput[] = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/etcdserverpb.KV/Put"],
  [":authority", "127.0.0.1:2379"],
  ["content-type", "application/grpc"],
  ["user-agent", "grpc-go/1.79.3"],
  ["te", "trailers"],
  ["grpc-accept-encoding", "gzip"],
];

const timeoutField = (i: number): FieldInput => [
  "grpc-timeout",
  `${4_900_000 + (i % 99_000)}u`,
  "index",
];

const goBlocks = (encoder: HpackEncoder, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) =>
    encoder.encode([...constantFields, timeoutField(i)]).slice(),
  );

class EchoHandler implements H2Handler {
  connection!: H2Connection;
  readonly reply = {
    headerBlock: encodeConstantBlock([
      [":status", "200"],
      ["content-type", "application/grpc"],
    ]),
    trailerBlock: encodeConstantBlock([
      ["grpc-status", "0"],
      ["grpc-message", ""],
    ]),
    prefix: new Uint8Array(5),
    bytes: new Uint8Array(30),
    start: 0,
    end: 30,
  };
  heard = 0;

  onHeaders(_streamId: number, fields: HeaderList): void {
    for (let i = 0; i < fields.count; i++) {
      const field = fields.fields[i];
      if (field.tag === 0) field.tag = field.name === ":path" ? 7 : 1;
      else this.heard += field.tag;
    }
  }
  onData(streamId: number, _bytes: Uint8Array, _start: number, _end: number, last: boolean): void {
    if (last) this.connection.sendReply(streamId, this.reply);
  }
  onTrailers(): void {}
  onReset(): void {}
  onWritable(): void {}
  onSourceFailed(): void {}
  onGoaway(): void {}
  onPingAck(): void {}
  onSettings(): void {}
  onDrained(): void {}
  onConnectionError(_code: number, text: string): void {
    throw new Error(text);
  }
}

function measureHpack(): void {
  const blocks = goBlocks(new HpackEncoder(4096), requestsPerRound);
  measure("HPACK decode, Go client, timeout moves the table", requestsPerRound, () => {
    const decoder = new HpackDecoder(1 << 24);
    for (const block of blocks) {
      if (!decoder.decode(block, 0, block.length)) throw new Error("bad block");
    }
  });
  measure("HPACK encode, all fields", requestsPerRound, () => {
    const encoder = new HpackEncoder(4096);
    for (let i = 0; i < requestsPerRound; i++) encoder.encode([...constantFields, timeoutField(i)]);
  });
  measure("HPACK encode, template and a literal timeout", requestsPerRound, () => {
    const encoder = new HpackEncoder(4096);
    const template = new HeaderTemplate(constantFields);
    for (let i = 0; i < requestsPerRound; i++) {
      const [name, value] = timeoutField(i);
      encoder.encodeTemplate(template, [[name, value, "literal"]]);
    }
  });
}

/** What a client sends, cut as a socket would give it: `together` requests at a time. */
function clientChunks(together: number): Uint8Array[] {
  const blocks = goBlocks(new HpackEncoder(4096), requestsPerRound);
  const body = new Uint8Array(putBytes);
  const chunks = [join([preface, settings(), windowUpdate(0, 2 ** 30)])];
  for (let i = 0; i < requestsPerRound; i += together) {
    const pieces: Uint8Array[] = [];
    for (let j = i; j < i + together && j < requestsPerRound; j++) {
      pieces.push(headers(2 * j + 1, blocks[j], false), data(2 * j + 1, body, true));
    }
    chunks.push(Buffer.concat(pieces));
  }
  return chunks;
}

function measureServer(): void {
  for (const together of [1, 8, 64]) {
    const chunks = clientChunks(together);
    measure(`request + reply, ${together} in a read, window open`, requestsPerRound, () => {
      const handler = new EchoHandler();
      const connection = new H2Connection("server", {}, handler);
      handler.connection = connection;
      for (const chunk of chunks) {
        connection.receive(chunk);
        connection.takeOutput();
        connection.recycleOutput();
      }
    });
  }
}

measureHpack();
measureServer();
