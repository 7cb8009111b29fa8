/** Gives equal things, told by their text, one small number each: 0, 1, 2 … */
export class Interner<T> {
  readonly #numbers = new Map<string, number>();
  readonly #values: T[] = [];

  get size(): number {
    return this.#values.length;
  }

  /** The number of `text`; `value` is kept when it is new. */
  intern(text: string, value: T): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#values.length;
    this.#numbers.set(text, number);
    this.#values.push(value);
    return number;
  }

  value(number: number): T {
    return this.#values[number]!;
  }
}
