import type { DecodedList } from "../hpack/header-list.ts";
import { HeaderKind } from "./kind.ts";

/** Kinds that no block may hold. */
const neverAllowed =
  HeaderKind.badName |
  HeaderKind.badValue |
  HeaderKind.connectionSpecific |
  HeaderKind.unknownPseudo;
const requestPseudo =
  HeaderKind.method | HeaderKind.scheme | HeaderKind.authority | HeaderKind.path;
const requestNeeds = HeaderKind.method | HeaderKind.scheme | HeaderKind.path;

/** The block declares no content length. */
export const noContentLength = -1;
/** The block breaks a rule. */
export const malformed = -2;
/** The block is that of a 1xx response. */
export const interim = -3;

/** Which pseudo fields were seen, and the content length; reused from block to block. */
class BlockScan {
  seen = 0;
  contentLength = noContentLength;

  /** False when the block breaks a rule that holds for every kind of block (§8.2, §8.3). */
  scan(list: DecodedList): boolean {
    let seen = 0;
    let regular = false;
    this.contentLength = noContentLength;
    const { fields, count } = list;
    for (let i = 0; i < count; i++) {
      const { kind } = fields[i];
      if (kind === HeaderKind.plain) {
        regular = true;
        continue;
      }
      if ((kind & neverAllowed) !== 0) return false;
      if ((kind & HeaderKind.pseudo) !== 0) {
        if (regular || (seen & kind & ~HeaderKind.pseudo) !== 0) return false;
        seen |= kind & ~HeaderKind.pseudo;
        continue;
      }
      regular = true;
      const length = Number(fields[i].value);
      if (this.contentLength !== noContentLength && this.contentLength !== length) return false;
      this.contentLength = length;
    }
    this.seen = seen;
    return true;
  }
}

/** Judges header blocks by RFC 9113 §8.2 and §8.3. */
export class HeaderCheck {
  readonly #scan = new BlockScan();

  /** @returns the content length, `noContentLength` or `malformed`. */
  request(list: DecodedList): number {
    const scan = this.#scan;
    if (!scan.scan(list) || (scan.seen & HeaderKind.status) !== 0) return malformed;
    if ((scan.seen & HeaderKind.connect) !== 0) {
      // §8.5: CONNECT names a host and nothing else.
      const target = scan.seen & requestPseudo;
      const right = HeaderKind.method | HeaderKind.authority;
      return target === right ? scan.contentLength : malformed;
    }
    return (scan.seen & requestNeeds) === requestNeeds ? scan.contentLength : malformed;
  }

  /** @returns the content length, `noContentLength`, `interim` (1xx) or `malformed`. */
  response(list: DecodedList): number {
    const scan = this.#scan;
    if (!scan.scan(list) || (scan.seen & requestPseudo) !== 0) return malformed;
    if ((scan.seen & HeaderKind.status) === 0) return malformed;
    return (scan.seen & HeaderKind.informational) !== 0 ? interim : scan.contentLength;
  }

  /** @returns whether the block may be trailers: no pseudo fields at all (§8.1). */
  trailers(list: DecodedList): boolean {
    return this.#scan.scan(list) && this.#scan.seen === 0;
  }
}
