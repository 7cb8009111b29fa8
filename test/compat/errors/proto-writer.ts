/**
 * Protobuf by hand, independent of the codecs under test: any field number, any 64-bit number, any
 * wire type, so that requests no proper encoder would make can be made.
 */

/** What a field may hold; text is UTF-8, numbers are varints modulo 2^64. */
export type Value = number | bigint | boolean | string | Uint8Array;

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
}

/** One field. Unlike a proper encoder it writes zero values too. */
export function field(number: number, value: Value): Uint8Array {
  if (typeof value === "string") return field(number, new TextEncoder().encode(value));
  if (value instanceof Uint8Array) {
    const head = [...varint(BigInt(number * 8 + 2)), ...varint(BigInt(value.length))];
    return Buffer.concat([Uint8Array.from(head), value]);
  }
  return Uint8Array.from([...varint(BigInt(number * 8)), ...varint(BigInt(value))]);
}

/** A message of the fields that are given; `undefined` ones are left out. */
export function message(...fields: readonly (readonly [number, Value | undefined])[]): Uint8Array {
  return Buffer.concat(
    fields.flatMap(([number, value]) => (value === undefined ? [] : [field(number, value)])),
  );
}

/** Length of the fixed wire types. */
const FIXED_BYTES = new Map([
  [1, 8n],
  [5, 4n],
]);

/**
 * Top-level fields of a message: varints as bigint, all others as bytes.
 * @throws RangeError when it ends in the middle of one.
 */
export function parse(bytes: Uint8Array): Map<number, (bigint | Uint8Array)[]> {
  const fields = new Map<number, (bigint | Uint8Array)[]>();
  let at = 0;
  const next = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError("the message ends in the middle of a number");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(next());
    let value: bigint | Uint8Array;
    if (tag % 8 === 0) value = next();
    else {
      const length = Number(FIXED_BYTES.get(tag % 8) ?? next());
      const end = at + length;
      if (end > bytes.length) throw new RangeError("the message ends in the middle of a field");
      value = bytes.subarray(at, end);
      at = end;
    }
    const number = Math.floor(tag / 8);
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}
