const binarySuffix = "-bin";

/** Whether values of this key travel in base64. */
export function isBinaryKey(key: string): boolean {
  return key.endsWith(binarySuffix);
}

/**
 * Names that belong to the protocol and are not metadata (grpc-go's list; `:authority` and
 * `user-agent` are readable as metadata all the same).
 */
export function isReservedName(name: string): boolean {
  if (name.charCodeAt(0) === 0x3a) return name !== ":authority";
  switch (name) {
    case "content-type":
    case "grpc-message-type":
    case "grpc-encoding":
    case "grpc-message":
    case "grpc-status":
    case "grpc-timeout":
    case "te":
      return true;
    default:
      return false;
  }
}

const base64Value = new Int8Array(128).fill(-1);
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
for (let i = 0; i < alphabet.length; i++) base64Value[alphabet.charCodeAt(i)] = i;

/**
 * Bytes (one latin1 character each) of a `-bin` value: standard alphabet, padded or not. Undefined
 * when malformed. As in Go, unused bits of the last character may have any value.
 */
export function decodeBinaryValue(value: string): string | undefined {
  let length = value.length;
  if (length > 0 && length % 4 === 0 && value.endsWith("=")) {
    length -= value.endsWith("==") ? 2 : 1;
  }
  if (length % 4 === 1) return undefined;
  let out = "";
  let bits = 0;
  let held = 0;
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i);
    const digit = code < 128 ? (base64Value[code] as number) : -1;
    if (digit < 0) return undefined;
    bits = ((bits << 6) | digit) & 0xffff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += String.fromCharCode((bits >>> held) & 0xff);
    }
  }
  return out;
}

/**
 * Where a malformed `-bin` value goes wrong, in Go's counting: the offset in the message of its
 * `base64.CorruptInputError`. Values whose length is a multiple of four are read with padding.
 */
export function badBinaryOffset(value: string): number {
  const padded = value.length % 4 === 0;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code < 128 && (base64Value[code] as number) >= 0) continue;
    const inQuantum = at % 4;
    if (!padded || code !== 0x3d || inQuantum < 2) return at;
    if (inQuantum === 3) return at + 1;
    return value.charCodeAt(at + 1) === 0x3d ? at + 2 : at;
  }
  return value.length - 1;
}

/** `-bin` value of bytes given as latin1 characters; without padding, as the protocol prefers. */
export function encodeBinaryValue(bytes: string): string {
  let out = "";
  let bits = 0;
  let held = 0;
  for (let i = 0; i < bytes.length; i++) {
    bits = ((bits << 8) | (bytes.charCodeAt(i) & 0xff)) & 0xffff;
    held += 8;
    while (held >= 6) {
      held -= 6;
      out += alphabet.charAt((bits >>> held) & 0x3f);
    }
  }
  return held === 0 ? out : out + alphabet.charAt((bits << (6 - held)) & 0x3f);
}
