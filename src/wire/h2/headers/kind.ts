import type { HeaderField } from "../types.ts";

/**
 * What RFC 9113 §8 cares about in a single field, found once when the field is decoded and kept
 * with it, so that a field that comes from the dynamic table again costs one look at a number.
 */
export const HeaderKind = {
  /** Nothing special, well-formed. */
  plain: 0,
  /** Name is empty or has a character outside lower-case token characters (§8.2.1). */
  badName: 1,
  /**
   * Value has NUL, CR or LF, or is not allowed for its pseudo name. Blanks around it are taken
   * though §8.2.1 forbids them: etcd does, and metadata with a blank behind it must not fail here.
   */
  badValue: 2,
  /** Connection-specific (§8.2.2), `te` with something else than `trailers` included. */
  connectionSpecific: 4,
  contentLength: 8,
  pseudo: 16,
  method: 32,
  scheme: 64,
  authority: 128,
  path: 256,
  status: 512,
  /** A pseudo field that nobody defined, or of an extension we did not offer. */
  unknownPseudo: 1024,
  /** `:method: CONNECT`. */
  connect: 2048,
  /** `:status` of an interim response. */
  informational: 4096,
} as const;

/** What a field costs beyond its characters (RFC 7541 §4.1, RFC 9113 §6.5.2). */
export const entryOverheadBytes = 32;

/** A decoded field; the one class of them keeps property reads fast. */
export class DecodedField implements HeaderField {
  readonly name: string;
  readonly value: string;
  readonly kind: number;
  /** What it counts for in tables and list limits (RFC 7541 §4.1), bytes. */
  readonly sizeBytes: number;
  tag = 0;

  constructor(name: string, value: string, kind: number) {
    this.name = name;
    this.value = value;
    this.kind = kind;
    this.sizeBytes = name.length + value.length + entryOverheadBytes;
  }
}

/** 1 for the characters that RFC 9110 §5.6.2 allows in a token, upper-case letters excluded. */
const NAME_CHARACTERS = new Uint8Array(256);
for (const c of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") {
  NAME_CHARACTERS[c.charCodeAt(0)] = 1;
}

const specialNames: ReadonlyMap<string, number> = new Map([
  ["connection", HeaderKind.connectionSpecific],
  ["keep-alive", HeaderKind.connectionSpecific],
  ["proxy-connection", HeaderKind.connectionSpecific],
  ["transfer-encoding", HeaderKind.connectionSpecific],
  ["upgrade", HeaderKind.connectionSpecific],
  ["content-length", HeaderKind.contentLength],
  [":method", HeaderKind.pseudo | HeaderKind.method],
  [":scheme", HeaderKind.pseudo | HeaderKind.scheme],
  [":authority", HeaderKind.pseudo | HeaderKind.authority],
  [":path", HeaderKind.pseudo | HeaderKind.path],
  [":status", HeaderKind.pseudo | HeaderKind.status],
]);

function isGoodName(name: string): boolean {
  if (name.length === 0) return false;
  for (let i = 0; i < name.length; i++) {
    if (NAME_CHARACTERS[name.charCodeAt(i) & 0xff] === 0) return false;
  }
  return true;
}

function isGoodValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code <= 13 && (code === 0 || code === 10 || code === 13)) return false;
  }
  return true;
}

/** Kind of `:path` and the like beyond their name. */
function classifyPseudoValue(kind: number, value: string): number {
  switch (kind & ~HeaderKind.pseudo) {
    case HeaderKind.method:
      if (value === "") return HeaderKind.badValue;
      return value === "CONNECT" ? HeaderKind.connect : 0;
    // §8.3.1 wants an origin-form target or "*"; what is neither the owner refuses in its words.
    case HeaderKind.path:
    case HeaderKind.scheme:
      return value === "" ? HeaderKind.badValue : 0;
    case HeaderKind.status: {
      if (!/^[1-9][0-9][0-9]$/.test(value)) return HeaderKind.badValue;
      return value.charCodeAt(0) === 0x31 ? HeaderKind.informational : 0;
    }
    default:
      return 0;
  }
}

/** Kind of a field, a set of `HeaderKind` bits. */
export function classifyField(name: string, value: string): number {
  let kind = specialNames.get(name) ?? 0;
  if (kind === 0) {
    if (name.charCodeAt(0) === 0x3a) kind = HeaderKind.pseudo | HeaderKind.unknownPseudo;
    else if (name === "te" && value !== "trailers") kind = HeaderKind.connectionSpecific;
    else if (!isGoodName(name)) kind = HeaderKind.badName;
  } else if ((kind & HeaderKind.pseudo) !== 0) {
    kind |= classifyPseudoValue(kind, value);
  } else if (kind === HeaderKind.contentLength && !/^[0-9]{1,15}$/.test(value)) {
    kind |= HeaderKind.badValue;
  }
  return isGoodValue(value) ? kind : kind | HeaderKind.badValue;
}

/**
 * Kind of a field whose name was seen before in a field of kind `sibling`: names that are plain
 * need no second look.
 */
export function classifyValue(name: string, value: string, sibling: number): number {
  if (sibling !== HeaderKind.plain || name === "te") return classifyField(name, value);
  return isGoodValue(value) ? HeaderKind.plain : HeaderKind.badValue;
}
