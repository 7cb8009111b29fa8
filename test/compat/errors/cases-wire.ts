import { message } from "./proto-writer.ts";
import { frame } from "./raw-client.ts";
import type { RawCall } from "./raw-client.ts";
import { put, range } from "./requests.ts";
import { BASE_SETUP } from "./cases-kv.ts";
import { calls, FAIL, ok, row } from "./table.ts";
import type { Group } from "./table.ts";

const PUT = "/etcdserverpb.KV/Put";
const RANGE = "/etcdserverpb.KV/Range";
const STREAM = "/etcdserverpb.KV/RangeStream";
const READ_A = frame(range({ key: "a" }));

/** Room of the wrapper around a large put: header, tag and length. */
const WRAPPER_BYTES = 100;
const REQUEST_MAX_BYTES = 1_572_864;
const RECEIVE_MAX_BYTES = 2_097_152;

function tooLarge(messageBytes: number): string {
  return `grpc: received message larger than max (${messageBytes} vs. ${RECEIVE_MAX_BYTES})`;
}

function raw(path: string, body: Uint8Array, headers?: RawCall["headers"]): RawCall {
  return headers === undefined ? { path, body } : { path, body, headers };
}

function putOf(valueBytes: number): RawCall {
  return calls.put({ key: "key", value: new Uint8Array(valueBytes).fill(0x78) });
}

/** A put whose encoding has exactly this many bytes. */
function putOfMessage(messageBytes: number): RawCall {
  const empty = put({ key: "k", value: new Uint8Array(messageBytes - 100) }).length;
  return calls.put({
    key: "k",
    value: new Uint8Array(messageBytes - 100 + (messageBytes - empty)).fill(0x78),
  });
}

const NO_MESSAGE = {
  code: 13,
  message: "cardinality violation: received no request message from non-client-streaming RPC",
};
const DEADLINE = { code: 4, message: "context deadline exceeded" };

/** Values of `grpc-timeout` that gRPC does not take, and why. */
const BAD_TIMEOUTS: readonly (readonly [string, string])[] = [
  ["1x", 'transport: timeout unit is not recognized: "1x"'],
  ["-1S", 'strconv.ParseUint: parsing "-1": invalid syntax'],
  ["123456789S", 'transport: timeout string is too long: "123456789S"'],
  ["", 'transport: timeout string is too short: ""'],
];

const UNMARSHAL = { code: 13, prefix: "grpc: error unmarshalling request: " };

/** What gRPC itself answers, before etcd sees the request. */
export const WIRE_GROUP: Group = {
  name: "wire",
  setup: BASE_SETUP,
  rows: [
    row("put just under the limit", putOf(REQUEST_MAX_BYTES - 50), ok("prev=0")),
    row("put just over the limit", putOf(REQUEST_MAX_BYTES + WRAPPER_BYTES), FAIL.requestTooLarge),
    row("message of the most gRPC takes", putOfMessage(RECEIVE_MAX_BYTES), FAIL.requestTooLarge),
    row("message of one byte more", putOfMessage(RECEIVE_MAX_BYTES + 1), {
      code: 8,
      message: tooLarge(RECEIVE_MAX_BYTES + 1),
    }),
    row("declared size of 4 GiB", raw(PUT, Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff)), {
      code: 8,
      message: tooLarge(4_294_967_295),
    }),
    row("cut-off varint", raw(PUT, frame(Uint8Array.of(0x08, 0x80))), UNMARSHAL),
    row("length beyond the end", raw(PUT, frame(Uint8Array.of(0x0a, 0x05, 0x61))), UNMARSHAL),
    row("field number 0", raw(PUT, frame(Uint8Array.of(0x02, 0x00))), UNMARSHAL),
    row("wire type 7", raw(PUT, frame(Uint8Array.of(0x0f))), UNMARSHAL),
    row("end of a group that never began", raw(RANGE, frame(Uint8Array.of(0x0c))), UNMARSHAL),
    row(
      "varint of eleven bytes",
      raw(RANGE, frame(Uint8Array.of(0x18, ...new Uint8Array(10).fill(0xff), 1))),
      UNMARSHAL,
    ),
    row(
      "undecodable comes before metadata",
      raw(PUT, frame(Uint8Array.of(0x0a)), { "client-api-version": "\xff" }),
      UNMARSHAL,
    ),
    row(
      "unknown fields are skipped",
      raw(RANGE, frame(Buffer.concat([range({ key: "a" }), message([999, 1], [1000, "x"])]))),
      ok("kvs=1 more=0 count=1"),
    ),
    row(
      "a known field of another wire type is skipped",
      raw(RANGE, frame(Buffer.concat([range({ key: "a" }), message([3, "text"])]))),
      ok("kvs=1 more=0 count=1"),
    ),
    row(
      "the last of two values counts",
      raw(RANGE, frame(message([1, "zz"], [1, "a"]))),
      ok("kvs=1 more=0 count=1"),
    ),
    row("unknown method", raw("/etcdserverpb.KV/Nope", READ_A), {
      code: 12,
      message: "unknown method Nope for service etcdserverpb.KV",
    }),
    row("unknown service", raw("/nope.Nope/Range", READ_A), {
      code: 12,
      message: "unknown service nope.Nope",
    }),
    row("path without method", raw("/nope", READ_A), {
      code: 12,
      message: 'malformed method name: "/nope"',
    }),
    row("path without slash", raw("nope", READ_A), { code: 12, prefix: "malformed method name" }),
    row("empty method", raw("/etcdserverpb.KV/", READ_A), {
      code: 12,
      message: "unknown method  for service etcdserverpb.KV",
    }),
    row(
      "any subtype",
      raw(RANGE, READ_A, { "content-type": "application/grpc+json" }),
      ok("kvs=1 more=0 count=1"),
    ),
    row(
      "subtype by semicolon",
      raw(RANGE, READ_A, { "content-type": "application/grpc;x" }),
      ok("kvs=1 more=0 count=1"),
    ),
    row(
      "unknown compression",
      raw(RANGE, frame(range({ key: "a" }), 1), { "grpc-encoding": "snappy" }),
      { code: 12, prefix: 'grpc: Decompressor is not installed for grpc-encoding "snappy"' },
    ),
    row("compressed without saying how", raw(RANGE, frame(range({ key: "a" }), 1)), {
      code: 13,
      prefix: "grpc: compressed flag set with identity or empty encoding",
    }),
    row(
      "client api version not UTF-8",
      raw(RANGE, READ_A, { "client-api-version": "\xff\xfe" }),
      FAIL.apiVersion,
    ),
    row(
      "client api version before key",
      raw(RANGE, frame(range({})), { "client-api-version": "\xff" }),
      FAIL.apiVersion,
    ),
    row(
      "client api version for a stream",
      raw("/etcdserverpb.KV/RangeStream", READ_A, { "client-api-version": "\xff" }),
      FAIL.apiVersion,
    ),
    row(
      "any client api version",
      raw(RANGE, READ_A, { "client-api-version": "9.9" }),
      ok("kvs=1 more=0 count=1"),
    ),
    row("hasleader", raw(RANGE, READ_A, { hasleader: "true" }), ok("kvs=1 more=0 count=1")),
    row(
      "token while auth is off",
      raw(RANGE, READ_A, { token: "nope" }),
      ok("kvs=1 more=0 count=1"),
    ),
    row("deadline already over", raw(RANGE, READ_A, { "grpc-timeout": "1n" }), DEADLINE),
    row("deadline of nothing", raw(RANGE, READ_A, { "grpc-timeout": "0S" }), DEADLINE),
    row(
      "longest deadline",
      raw(RANGE, READ_A, { "grpc-timeout": "99999999H" }),
      ok("kvs=1 more=0 count=1"),
    ),
    ...BAD_TIMEOUTS.map(([text, why]) =>
      row(`timeout "${text}"`, raw(RANGE, READ_A, { "grpc-timeout": text }), {
        code: 13,
        message: `malformed grpc-timeout: ${why}`,
        http: 400,
      }),
    ),
    row("method GET", raw(RANGE, READ_A, { ":method": "GET" }), {
      code: 13,
      message: 'Received a HEADERS frame with :method "GET" which should be POST',
      http: 405,
    }),
    row("another content type", raw(RANGE, READ_A, { "content-type": "text/plain" }), {
      code: 3,
      message: 'invalid gRPC request content-type "text/plain"',
      http: 415,
    }),
    row("no content type", raw(RANGE, READ_A, { "content-type": undefined }), {
      code: 3,
      message: 'invalid gRPC request content-type ""',
      http: 415,
    }),
    row("no te", raw(RANGE, READ_A, { te: undefined }), ok("kvs=1 more=0 count=1")),
    row(
      "gzip announced, not used",
      raw(RANGE, READ_A, { "grpc-encoding": "gzip" }),
      ok("kvs=1 more=0 count=1"),
    ),
    row(
      "identity announced",
      raw(RANGE, READ_A, { "grpc-encoding": "identity" }),
      ok("kvs=1 more=0 count=1"),
    ),
    row("no message", raw(RANGE, new Uint8Array(0)), { code: 2, message: "EOF" }),
    row("no message on a stream", raw(STREAM, new Uint8Array(0)), NO_MESSAGE),
    row("two messages", raw(RANGE, Buffer.concat([READ_A, READ_A])), ok("kvs=1 more=0 count=1")),
    row("a message cut off", raw(RANGE, READ_A.subarray(0, READ_A.length - 1)), {
      code: 2,
      message: "unexpected EOF",
    }),
    row("a prefix cut off", raw(RANGE, READ_A.subarray(0, 3)), {
      code: 2,
      message: "EOF",
    }),
    row("a prefix cut off on a stream", raw(STREAM, READ_A.subarray(0, 3)), NO_MESSAGE),
    row("a prefix and nothing else", raw(RANGE, READ_A.subarray(0, 5)), {
      code: 2,
      message: "unexpected EOF",
    }),
    row("a stream's message cut off", raw(STREAM, READ_A.subarray(0, 6)), {
      code: 13,
      message: "unexpected EOF",
    }),
    row(
      "a prefix cut off behind the message",
      raw(RANGE, Buffer.concat([READ_A, READ_A.subarray(0, 3)])),
      ok("kvs=1 more=0 count=1"),
    ),
    row(
      "the same on a stream",
      raw(STREAM, Buffer.concat([READ_A, READ_A.subarray(0, 3)])),
      ok("kvs=1 more=0 count=1"),
    ),
    row(
      "no message comes before metadata",
      raw(RANGE, new Uint8Array(0), { "client-api-version": "\xff" }),
      { code: 2, message: "EOF" },
    ),
    row(
      "metadata of a stream comes before no message",
      raw(STREAM, new Uint8Array(0), { "client-api-version": "\xff" }),
      FAIL.apiVersion,
    ),
    row(
      "unknown compression comes before metadata",
      raw(RANGE, READ_A, { "grpc-encoding": "snappy", "client-api-version": "\xff" }),
      { code: 12, prefix: 'grpc: Decompressor is not installed for grpc-encoding "snappy"' },
    ),
    row("empty message", raw(RANGE, frame(new Uint8Array(0))), FAIL.emptyKey),
  ],
};
