const text = String.fromCharCode;

/** What `Buffer.prototype.latin1Slice` is; it works on any byte array. */
type Slice = (this: Uint8Array, start: number, end: number) => string;
const latin1Slice = (Buffer.prototype as unknown as { latin1Slice: Slice }).latin1Slice;

/**
 * `bytes[start, end)` as one character per byte. Short ones are made without the call into C++,
 * which costs three times as much as making the string (measured: 91 against 32 ns for 8 bytes).
 */
export function latin1Text(bytes: Uint8Array, start: number, end: number): string {
  const b = bytes;
  const i = start;
  switch (end - start) {
    case 0:
      return "";
    case 1:
      return text(b[i]);
    case 2:
      return text(b[i], b[i + 1]);
    case 3:
      return text(b[i], b[i + 1], b[i + 2]);
    case 4:
      return text(b[i], b[i + 1], b[i + 2], b[i + 3]);
    case 5:
      return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4]);
    case 6:
      return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5]);
    case 7:
      return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6]);
    case 8:
      return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7]);
    default:
      return latin1Slice.call(bytes, start, end);
  }
}
