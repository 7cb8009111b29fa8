import { JsonError, JsonNumber, JsonObject, JsonReader } from "../../proto/json/parse.ts";
import type { JsonValue } from "../../proto/json/parse.ts";
import { textOf } from "./entry.ts";
import { SchemaError } from "./error.ts";
import type { Place } from "./error.ts";

/** The largest id of etcd: 64 bits, unsigned. */
export const ID_MAX = 2n ** 64n - 1n;

/** A non-negative integer without leading zeros; more digits than ID_MAX has cannot be an id. */
const ID_TEXT = /^(?:0|[1-9]\d{0,19})$/u;

/**
 * A text as Go's JSON encoder writes it: as JSON.stringify does, and `<`, `>`, `&`, U+2028 and
 * U+2029 escaped (formats-disk.md 1). Half a surrogate pair, which UTF-8 cannot hold, becomes
 * U+FFFD.
 */
export function goText(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(
    /[<>&\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A list of texts, written as above. */
export function goTexts(texts: readonly string[]): string {
  return `[${texts.map((text) => goText(text)).join(",")}]`;
}

/**
 * A JSON object as Go reads one into a struct: names match whatever their case, names that nobody
 * asks for are ignored, null is as if absent, ids keep all their digits. Unlike Go it refuses a
 * name that is there twice: etcd writes none, and which one counts would be a guess.
 */
export class GoRecord {
  readonly #place: Place;
  readonly #fields = new Map<string, JsonValue>();

  /** @throws SchemaError when `value` is not such an object. */
  constructor(place: Place, value: Uint8Array) {
    this.#place = place;
    for (const [name, field] of this.#parse(textOf(place, value)).members) {
      const folded = name.toLowerCase();
      if (this.#fields.has(folded)) this.#fail(`the field ${goText(name)} is there twice`);
      this.#fields.set(folded, field);
    }
  }

  /** "" when absent. @throws SchemaError when it is something else. */
  text(name: string): string {
    const value = this.#get(name);
    if (value === null) return "";
    return typeof value === "string" ? value : this.#fail(`${name} is not a string`);
  }

  /** Empty when absent. @throws SchemaError when it is something else. */
  texts(name: string): string[] {
    return this.#list(name).map((value) =>
      typeof value === "string" ? value : this.#fail(`${name} holds what is not a string`),
    );
  }

  /** False when absent. @throws SchemaError when it is something else. */
  flag(name: string): boolean {
    const value = this.#get(name) ?? false;
    return typeof value === "boolean" ? value : this.#fail(`${name} is not true or false`);
  }

  /** In [1, ID_MAX]; null when absent. @throws SchemaError when it is something else. */
  id(name: string): bigint | null {
    const value = this.#get(name);
    return value === null ? null : this.#id(name, value);
  }

  /** Each in [1, ID_MAX]; empty when absent. @throws SchemaError when it is something else. */
  ids(name: string): bigint[] {
    return this.#list(name).map((value) => this.#id(name, value));
  }

  #parse(text: string): JsonObject {
    try {
      const reader = new JsonReader(text);
      const value = reader.next();
      if (value instanceof JsonObject && reader.atEnd()) return value;
    } catch (error) {
      if (!(error instanceof JsonError)) throw error;
      this.#fail(`the value is not JSON: ${error.message}`);
    }
    return this.#fail("the value is not one JSON object");
  }

  #get(name: string): JsonValue {
    return this.#fields.get(name.toLowerCase()) ?? null;
  }

  #list(name: string): readonly JsonValue[] {
    const value = this.#get(name) ?? [];
    return Array.isArray(value) ? value : this.#fail(`${name} is not a list`);
  }

  #id(name: string, value: JsonValue): bigint {
    if (value instanceof JsonNumber && ID_TEXT.test(value.text)) {
      const id = BigInt(value.text);
      // 0 is raft's word for nobody.
      if (id > 0n && id <= ID_MAX) return id;
    }
    return this.#fail(`${name} is not an id, which is an integer from 1 to 2^64 - 1`);
  }

  #fail(problem: string): never {
    throw new SchemaError(this.#place, problem);
  }
}
