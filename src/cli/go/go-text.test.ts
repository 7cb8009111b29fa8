import assert from "node:assert/strict";
import { test } from "node:test";
import { parseBool, parseDurationMs, parseInt64, parseUint64 } from "./go-number.ts";
import { humanBytes } from "../../base/units.ts";
import {
  fromByteString,
  goDuration,
  goJsonString,
  goQuote,
  goUnquote,
  hexEscaped,
  toByteString,
} from "./go-text.ts";

test("quoting as Go's %q", () => {
  const cases: [string, string][] = [
    ["", '""'],
    ["foo bar", '"foo bar"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ["\x07\b\f\n\r\t\v", '"\\a\\b\\f\\n\\r\\t\\v"'],
    ["\x00\x1f\x7f", '"\\x00\\x1f\\x7f"'],
    ["\xff\xc3", '"\\xff\\xc3"'],
    [toByteString("é☃🙂"), toByteString('"é☃🙂"')],
    [toByteString("\u00a0\u2028\ufeff"), '"\\u00a0\\u2028\\ufeff"'],
    [toByteString("\u{e0001}"), '"\\U000e0001"'],
    ["\xed\xa0\x80", '"\\xed\\xa0\\x80"'],
    ["\xc0\x80", '"\\xc0\\x80"'],
    [toByteString("\ufffd"), toByteString('"\ufffd"')],
  ];
  for (const [bytes, wanted] of cases) assert.equal(goQuote(bytes), wanted);
});

test("unquoting undoes quoting, for all bytes", () => {
  const all = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte));
  assert.equal(goUnquote(goQuote(all)), all);
  const text = toByteString("ключ ☃ 🙂 \u2028");
  assert.equal(goUnquote(goQuote(text)), text);
});

test("what is no Go string is refused", () => {
  for (const literal of [
    "",
    '"',
    "'a'",
    '"a',
    '"\\q"',
    '"\\x4"',
    '"\\u12"',
    '"\\ud800"',
    '"\\400"',
    '"\\\'"',
    '"a\nb"',
    '"a"b"',
    '"\\U00110000"',
  ]) {
    assert.equal(goUnquote(literal), null, literal);
  }
  assert.equal(goUnquote('"\\101\\x41\\u0041\\U00000041"'), "AAAA");
});

test("JSON strings as Go's", () => {
  assert.equal(
    goJsonString('<a&b>"\\\n\x01\x7f'),
    '"\\u003ca\\u0026b\\u003e\\"\\\\\\n\\u0001\x7f"',
  );
  assert.equal(goJsonString("\xff"), '"\\ufffd"');
  assert.equal(goJsonString(toByteString("☃\u2028")), `"${toByteString("☃")}\\u2028"`);
});

test("byte strings keep any bytes", () => {
  assert.equal(fromByteString(toByteString("ключ")), "ключ");
  assert.equal(hexEscaped("foo\xff"), "\\x66\\x6f\\x6f\\xff");
});

test("durations as Go prints them", () => {
  const cases: [number, string][] = [
    [0, "0s"],
    [1e-6, "1ns"],
    [0.0015, "1.5\xc2\xb5s"],
    [1, "1ms"],
    [1.25, "1.25ms"],
    [29.979633, "29.979633ms"],
    [1000, "1s"],
    [1500, "1.5s"],
    [60_000, "1m0s"],
    [3_661_001, "1h1m1.001s"],
    [-5, "-5ms"],
  ];
  for (const [ms, wanted] of cases) assert.equal(goDuration(ms), wanted);
});

test("sizes for people", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [9, "9 B"],
    [10, "10 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [16_384, "16 kB"],
    [20_480, "20 kB"],
    [21_500, "22 kB"],
    [25_000, "25 kB"],
    [2_147_483_648, "2.1 GB"],
    [9_949, "9.9 kB"],
    [9_999, "10 kB"],
    [99_999, "100 kB"],
  ];
  for (const [sizeBytes, wanted] of cases) assert.equal(humanBytes(sizeBytes), wanted);
});

test("numbers as Go reads them", () => {
  const cases: [string, number, bigint | string][] = [
    ["10", 10, 10n],
    ["-5", 0, -5n],
    ["+5", 0, 5n],
    ["0x1f", 0, 31n],
    ["017", 0, 15n],
    ["0b11", 0, 3n],
    ["1_000", 0, 1000n],
    ["ff", 16, 255n],
    ["9223372036854775807", 10, 2n ** 63n - 1n],
    ["-8000000000000000", 16, -(2n ** 63n)],
    ["9223372036854775808", 10, "value out of range"],
    ["", 10, "invalid syntax"],
    ["1_000", 10, "invalid syntax"],
    ["0x", 0, "invalid syntax"],
    ["x", 10, "invalid syntax"],
    ["--5", 10, "invalid syntax"],
  ];
  for (const [text, base, wanted] of cases) {
    const parsed = parseInt64(text, base, `"${text}"`);
    if (typeof wanted === "bigint") assert.deepEqual(parsed, { value: wanted }, text);
    else assert.deepEqual(parsed, { error: `strconv.ParseInt: parsing "${text}": ${wanted}` });
  }
  assert.deepEqual(parseUint64("8e9e05c52164694d", 16, ""), { value: 10276657743932975437n });
  assert.ok("error" in parseUint64("-1", 16, '"-1"'));
  assert.deepEqual(parseBool("T", ""), { value: true });
  assert.ok("error" in parseBool("yes", '"yes"'));
});

test("durations as Go reads them", () => {
  const cases: [string, number | string][] = [
    ["5s", 5000],
    ["1m30s", 90_000],
    ["1.5h", 5_400_000],
    ["300ms", 300],
    ["0", 0],
    ["-2s", -2000],
    ["100us", 0.1],
    [".5s", 500],
    ["5", "missing unit in duration"],
    ["x", "invalid duration"],
    ["", "invalid duration"],
    ["5d", 'unknown unit "d" in duration'],
  ];
  for (const [text, wanted] of cases) {
    const parsed = parseDurationMs(text, `"${text}"`);
    if (typeof wanted === "number") assert.deepEqual(parsed, { value: wanted }, text);
    else assert.deepEqual(parsed, { error: `time: ${wanted} "${text}"` });
  }
});
