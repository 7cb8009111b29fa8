const decoder = new TextDecoder("utf-8");

/** Header text (one latin1 character a byte) read as UTF-8; what is none is replaced, as in Go. */
export function headerToText(latin1: string): string {
  return isAscii(latin1) ? latin1 : decoder.decode(toBytes(latin1));
}

/** Header text in double quotes as Go's `%q` writes it: bytes that are no UTF-8 as `\xNN`. */
export function quoteHeader(latin1: string): string {
  const text = headerToText(latin1);
  if (!text.includes("\ufffd")) return JSON.stringify(text);
  return JSON.stringify(latin1).replace(
    /[\u0080-\u00ff]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16)}`,
  );
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}

function toBytes(latin1: string): Uint8Array {
  return Uint8Array.from(latin1, (c) => c.charCodeAt(0));
}
