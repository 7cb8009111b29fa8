const ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x07, "\\a"],
  [0x08, "\\b"],
  [0x0c, "\\f"],
  [0x0a, "\\n"],
  [0x0d, "\\r"],
  [0x09, "\\t"],
  [0x0b, "\\v"],
  [0x22, '\\"'],
  [0x5c, "\\\\"],
]);

/** `bytes` in double quotes as Go's `%q` prints them. */
export function quoteBytes(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const [point, length] = pointAt(bytes, at);
    if (point === -1) text += `\\x${hex(bytes[at]!, 2)}`;
    else text += ESCAPES.get(point) ?? quotePoint(point);
    at += length;
  }
  return `"${text}"`;
}

function quotePoint(point: number): string {
  if (point === 0x20 || isPrintable(point)) return String.fromCodePoint(point);
  if (point < 0x20 || point === 0x7f) return `\\x${hex(point, 2)}`;
  return point > 0xffff ? `\\U${hex(point, 8)}` : `\\u${hex(point, 4)}`;
}

/** Letters, marks, numbers, punctuation and symbols, as Go has it. */
function isPrintable(point: number): boolean {
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(String.fromCodePoint(point));
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** The code point that starts at `at` and its bytes; -1 and 1 where there is none. */
function pointAt(bytes: Uint8Array, at: number): readonly [number, number] {
  const first = bytes[at]!;
  if (first < 0x80) return [first, 1];
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return [decoder.decode(bytes.subarray(at, at + length)).codePointAt(0)!, length];
  } catch {
    return [-1, 1];
  }
}
