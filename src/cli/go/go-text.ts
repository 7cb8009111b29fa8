/**
 * Text as the Go tools write and read it. In this tool a string is a byte string: one character
 * (0 to 255) per byte, so that keys that are not UTF-8 survive from the command line to the output.
 */
import { durationText } from "../../base/units.ts";

const REPLACEMENT = 0xfffd;
const HEX = "0123456789abcdef";
const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
};
const SIMPLE_UNESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
};

/** The UTF-8 bytes of `text` as a byte string. */
export function toByteString(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The text whose UTF-8 bytes are `bytes`; broken sequences become U+FFFD. */
export function fromByteString(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** One character of a byte string. `width` is in bytes; a broken sequence is U+FFFD of width 1. */
interface Rune {
  readonly code: number;
  readonly width: number;
}

/** Lead bytes by sequence length: the mask of their payload and the least code point allowed. */
function leadByte(byte: number): { width: number; bits: number; least: number } | null {
  if (byte >= 0xc2 && byte <= 0xdf) return { width: 2, bits: byte & 0x1f, least: 0x80 };
  if (byte >= 0xe0 && byte <= 0xef) return { width: 3, bits: byte & 0x0f, least: 0x800 };
  if (byte >= 0xf0 && byte <= 0xf4) return { width: 4, bits: byte & 0x07, least: 0x10000 };
  return null;
}

function runeAt(bytes: string, at: number): Rune {
  const first = bytes.charCodeAt(at);
  if (first < 0x80) return { code: first, width: 1 };
  const lead = leadByte(first);
  if (lead === null || at + lead.width > bytes.length) return { code: REPLACEMENT, width: 1 };
  let code = lead.bits;
  for (let i = 1; i < lead.width; i++) {
    const next = bytes.charCodeAt(at + i);
    if ((next & 0xc0) !== 0x80) return { code: REPLACEMENT, width: 1 };
    code = (code << 6) | (next & 0x3f);
  }
  const surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < lead.least || code > 0x10ffff || surrogate) return { code: REPLACEMENT, width: 1 };
  return { code, width: lead.width };
}

function isPrintable(code: number): boolean {
  return code === 0x20 || /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(String.fromCodePoint(code));
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** Go's `%q`: double quotes, escapes for all that is not printable or not UTF-8. */
export function goQuote(bytes: string): string {
  let out = '"';
  for (let at = 0; at < bytes.length;) {
    const { code, width } = runeAt(bytes, at);
    const raw = bytes.slice(at, at + width);
    at += width;
    const simple = SIMPLE_ESCAPES[raw];
    if (simple !== undefined) out += simple;
    else if (code === REPLACEMENT && width === 1) out += `\\x${hex(raw.charCodeAt(0), 2)}`;
    else if (isPrintable(code)) out += raw;
    else if (code < 0x20 || code === 0x7f) out += `\\x${hex(code, 2)}`;
    else if (code < 0x10000) out += `\\u${hex(code, 4)}`;
    else out += `\\U${hex(code, 8)}`;
  }
  return `${out}"`;
}

/** A string as Go's encoding/json writes it, HTML characters escaped. */
export function goJsonString(bytes: string): string {
  let out = '"';
  for (let at = 0; at < bytes.length;) {
    const { code, width } = runeAt(bytes, at);
    const raw = bytes.slice(at, at + width);
    at += width;
    if (code === REPLACEMENT && width === 1) out += "\\ufffd";
    else if (raw === '"' || raw === "\\") out += `\\${raw}`;
    else if ("\b\f\n\r\t".includes(raw)) out += SIMPLE_ESCAPES[raw];
    else if (code < 0x20 || "<>&".includes(raw) || code === 0x2028 || code === 0x2029) {
      out += `\\u${hex(code, 4)}`;
    } else out += raw;
  }
  return `${out}"`;
}

/** One escape sequence that starts behind the backslash at `at`; null when it is none of Go's. */
function unescape(body: string, at: number): { text: string; next: number } | null {
  const kind = body[at];
  if (kind === undefined) return null;
  const simple = SIMPLE_UNESCAPES[kind];
  if (simple !== undefined) return { text: simple, next: at + 1 };
  const digits = { x: 2, u: 4, U: 8 }[kind];
  if (digits === undefined) {
    const octal = body.slice(at, at + 3);
    if (!/^[0-3][0-7]{2}$/.test(octal)) return null;
    return { text: String.fromCharCode(parseInt(octal, 8)), next: at + 3 };
  }
  const number = body.slice(at + 1, at + 1 + digits);
  if (number.length !== digits || !/^[0-9a-fA-F]+$/.test(number)) return null;
  const code = parseInt(number, 16);
  const next = at + 1 + digits;
  if (kind === "x") return { text: String.fromCharCode(code), next };
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return null;
  return { text: toByteString(String.fromCodePoint(code)), next };
}

/** The content of a Go string literal in double quotes; null when it is not one. */
export function goUnquote(literal: string): string | null {
  if (literal.length < 2 || literal[0] !== '"' || literal.at(-1) !== '"') return null;
  const body = literal.slice(1, -1);
  let out = "";
  for (let at = 0; at < body.length;) {
    const char = body[at] as string;
    if (char === '"' || char === "\n") return null;
    if (char !== "\\") {
      out += char;
      at++;
      continue;
    }
    const escape = unescape(body, at + 1);
    if (escape === null) return null;
    out += escape.text;
    at = escape.next;
  }
  return out;
}

/** What etcdctl's `--hex` makes of keys and values: `\x66\x6f\x6f`. */
export function hexEscaped(bytes: string): string {
  let out = "";
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes.charCodeAt(at);
    out += `\\x${HEX[byte >> 4]}${HEX[byte & 15]}`;
  }
  return out;
}

/** A span of time as Go's Duration prints it, one character per byte. */
export function goDuration(ms: number): string {
  return toByteString(durationText(ms));
}
