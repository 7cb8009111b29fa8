/** Encodes with static table and literals only: usable on any connection, at any time (constant blocks). */
export declare function encodeConstantBlock(
  fields: readonly (readonly [name: string, value: string])[],
): Uint8Array;

/** Stateful encoder of one connection (dynamic table). */
export declare class HpackEncoder {
  /** A fresh block; must be sent before the next one is encoded. */
  encode(fields: readonly (readonly [name: string, value: string])[]): Uint8Array;
}
