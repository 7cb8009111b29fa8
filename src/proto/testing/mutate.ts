import fc from "fast-check";

/** One damage: a byte flipped in a bit, set, dropped, inserted, or the message cut there. */
export interface Damage {
  readonly at: number;
  readonly kind: "flip" | "set" | "drop" | "insert" | "cut";
  readonly byte: number;
}

export const damage: fc.Arbitrary<Damage> = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom("flip", "set", "drop", "insert", "cut"),
  byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x0b, 0x0c, 0x13, 0x14)),
});

export function damaged(bytes: Uint8Array, { at, kind, byte }: Damage): Uint8Array {
  const place = bytes.length === 0 ? 0 : at % bytes.length;
  const list = [...bytes];
  if (kind === "flip") list[place] = (list[place] ?? 0) ^ (1 << (byte & 7));
  if (kind === "set") list[place] = byte;
  if (kind === "drop") list.splice(place, 1);
  if (kind === "insert") list.splice(place, 0, byte);
  return Uint8Array.from(kind === "cut" ? list.slice(0, place) : list);
}
