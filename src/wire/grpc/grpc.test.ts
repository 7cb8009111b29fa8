import assert from "node:assert/strict";
import { test } from "node:test";
import { isGrpcContentType, replyContentType } from "./content-type.ts";
import {
  badBinaryOffset,
  decodeBinaryValue,
  encodeBinaryValue,
  isReservedName,
} from "./metadata.ts";
import { StatusBlocks } from "./reply-blocks.ts";
import { decodeGrpcMessage, encodeGrpcMessage } from "./status.ts";
import { describeBadTimeout, encodeGrpcTimeout, parseGrpcTimeout } from "./timeout.ts";

test("content types", () => {
  for (const good of ["application/grpc", "application/grpc+proto", "application/grpc;x=y"]) {
    assert.equal(isGrpcContentType(good), true, good);
  }
  for (const bad of [
    "",
    "application/grp",
    "application/grpcx",
    "application/json",
    "text/plain",
  ]) {
    assert.equal(isGrpcContentType(bad), false, bad);
  }
  assert.equal(replyContentType("application/grpc"), "application/grpc");
  assert.equal(replyContentType("application/grpc+proto"), "application/grpc+proto");
});

test("grpc-message is percent-encoded UTF-8", () => {
  const rows: [string, string][] = [
    ["etcdserver: key not found", "etcdserver: key not found"],
    ["100%", "100%25"],
    ["a\nb\t!'()*", "a%0Ab%09!'()*"],
    ["Grüße €", "Gr%C3%BC%C3%9Fe %E2%82%AC"],
    ["\u{1f600}", "%F0%9F%98%80"],
    ["\u0000\u007f", "%00%7F"],
  ];
  for (const [text, encoded] of rows) {
    assert.equal(encodeGrpcMessage(text), encoded);
    assert.equal(decodeGrpcMessage(encoded), text);
  }
  assert.equal(encodeGrpcMessage("\ud800"), "%EF%BF%BD");
  assert.equal(decodeGrpcMessage("50% of %ZZ %ff"), "50% of %ZZ %ff");
});

test("grpc-timeout", () => {
  const rows: [string, number][] = [
    ["1H", 3_600_000],
    ["2M", 120_000],
    ["3S", 3000],
    ["4m", 4],
    ["5u", 0.005],
    ["0n", 0],
    ["99999999S", 99_999_999_000],
  ];
  for (const [text, ms] of rows) assert.equal(parseGrpcTimeout(text), ms);
  for (const bad of ["", "S", "1", "1s", "123456789m", "-1S", "1.5S", " 1S", "1 S"]) {
    assert.equal(parseGrpcTimeout(bad), -1, bad);
  }
  assert.match(describeBadTimeout("1"), /too short: "1"/);
  assert.match(describeBadTimeout("1234567890"), /too long/);
  assert.match(describeBadTimeout("1x"), /unit is not recognized: "1x"/);
  for (const ms of [0, 0.5, 1, 999, 123_456_789, 1e12, 1e15]) {
    const text = encodeGrpcTimeout(ms);
    assert.ok(text.length <= 9 && parseGrpcTimeout(text) >= Math.min(ms, 3e11), text);
  }
});

test("-bin values, padded or not", () => {
  for (let length = 0; length < 20; length++) {
    const bytes = String.fromCharCode(...Array.from({ length }, (_, i) => (i * 77 + length) & 255));
    const padded = Buffer.from(bytes, "latin1").toString("base64");
    assert.equal(decodeBinaryValue(padded), bytes);
    assert.equal(decodeBinaryValue(padded.replaceAll("=", "")), bytes);
    assert.equal(encodeBinaryValue(bytes), padded.replaceAll("=", ""));
  }
  for (const bad of ["a", "ab=d", "a===", "ab-_", "ab\u00ff=", "abcde"]) {
    assert.equal(decodeBinaryValue(bad), undefined, bad);
  }
});

test("reserved names", () => {
  for (const name of [":path", "te", "grpc-timeout", "content-type"]) {
    assert.equal(isReservedName(name), true, name);
  }
  for (const name of [":authority", "user-agent", "token", "hasleader"]) {
    assert.equal(isReservedName(name), false, name);
  }
});

test("status blocks are encoded once and the cache is bounded", () => {
  const blocks = new StatusBlocks();
  assert.equal(blocks.trailers(3, "x"), blocks.trailers(3, "x"));
  const abort = blocks.trailersOnly(12, "unknown service x");
  assert.equal(abort, blocks.trailersOnly(12, "unknown service x"));
  for (let i = 0; i < 2000; i++) blocks.trailersOnly(12, `unknown service ${i}`);
  assert.notEqual(abort, blocks.trailersOnly(12, "unknown service x"));
});

test("where a malformed -bin value goes wrong: as Go's decoders say", () => {
  const offsets: readonly [value: string, offset: number][] = [
    ["A", 0],
    ["AA=", 2],
    ["AAAAA", 4],
    ["%%", 0],
    ["====", 0],
    ["A===", 1],
    ["AA=A", 2],
    ["AA==AA==", 4],
    ["AA,AA", 2],
    ["AAAA,AAAA", 4],
    ["A-_A", 1],
    ["AAA=AAAA", 4],
    ["\xff", 0],
  ];
  for (const [value, offset] of offsets) {
    assert.equal(decodeBinaryValue(value), undefined, value);
    assert.equal(badBinaryOffset(value), offset, value);
  }
});
