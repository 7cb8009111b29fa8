/**
 * Levels of arrays and objects a text may nest. Go's limit is 10,000 messages; this keeps the
 * machine stack small, and no request that the service accepts nests so deep.
 */
export const JSON_DEPTH_MAX = 1_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;

/** A JSON text that cannot be read or does not fit the message: answer 400, code 3. */
export class JsonError extends Error {
  override readonly name = "JsonError";
}

/** A number as it was written, as 64 bits do not fit a double. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** An object as it was written: names may occur twice, which is for the reader to refuse. */
export class JsonObject {
  readonly members: [string, JsonValue][] = [];
}

/** A JSON value as the mapping reads it. */
export type JsonValue = null | boolean | string | JsonNumber | JsonObject | JsonValue[];

/** Reads JSON values one after the other from a text, as a stream of requests has them. */
export class JsonReader {
  readonly #text: string;
  readonly #number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** True when nothing but white space is left. */
  atEnd(): boolean {
    this.#skipSpace();
    return this.#at >= this.#text.length;
  }

  /** The next value. @throws JsonError when there is none. */
  next(): JsonValue {
    this.#skipSpace();
    switch (this.#text[this.#at]) {
      case "{":
        return this.#nested(() => this.#object());
      case "[":
        return this.#nested(() => this.#array());
      case '"':
        return this.#string();
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "n":
        return this.#word("null", null);
      default:
        return this.#numeral();
    }
  }

  #numeral(): JsonNumber {
    this.#number.lastIndex = this.#at;
    const text = this.#number.exec(this.#text)?.[0] ?? this.#fail();
    this.#at += text.length;
    return new JsonNumber(text);
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > JSON_DEPTH_MAX) throw new JsonError("exceeded maximum recursion depth");
    this.#at += 1;
    const made = read();
    this.#depth -= 1;
    return made;
  }

  #object(): JsonObject {
    const made = new JsonObject();
    if (this.#skip("}")) return made;
    for (;;) {
      this.#skipSpace();
      const name = this.#string();
      if (!this.#skip(":")) this.#fail();
      made.members.push([name, this.next()]);
      if (this.#skip("}")) return made;
      if (!this.#skip(",")) this.#fail();
    }
  }

  #array(): JsonValue[] {
    const made: JsonValue[] = [];
    if (this.#skip("]")) return made;
    for (;;) {
      made.push(this.next());
      if (this.#skip("]")) return made;
      if (!this.#skip(",")) this.#fail();
    }
  }

  #string(): string {
    const start = this.#at;
    if (this.#text[start] !== '"') this.#fail();
    let escaped = false;
    for (let at = start + 1; at < this.#text.length; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === QUOTE) {
        this.#at = at + 1;
        return escaped ? this.#unescape(start) : this.#text.slice(start + 1, at);
      }
      if (code < SPACE) this.#fail();
      if (code !== BACKSLASH) continue;
      escaped = true;
      at += 1;
    }
    return this.#fail();
  }

  /** The string that ends here; Go refuses halves of surrogate pairs, too. */
  #unescape(start: number): string {
    let text: string;
    try {
      text = JSON.parse(this.#text.slice(start, this.#at)) as string;
    } catch {
      return this.#fail();
    }
    return text.isWellFormed() ? text : this.#fail();
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#fail();
    this.#at += word.length;
    return value;
  }

  #skip(mark: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== mark) return false;
    this.#at += 1;
    return true;
  }

  #skipSpace(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== SPACE && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    }
  }

  #fail(): never {
    throw new JsonError(`syntax error at offset ${this.#at}`);
  }
}
