import { H2Stream } from "./stream.ts";

/** How a stream came to its end; decides what late frames on it mean (RFC 9113 §5.1, closed). */
export const ClosedHow = { unknown: 0, ended: 1, resetByPeer: 2, resetByUs: 3 } as const;

/** Places at first: also how many closed streams are remembered at least, for late frames. */
const placesLeast = 128;
/** Places at most; more live streams than that go through a map. */
const placesMost = 4096;
/** Records kept for reuse. */
const spareMax = 256;

/**
 * The live streams of a connection by id, and how recent ones ended.
 *
 * Ids only ever rise, by two, so the place of a stream is just some bits of its id: a look-up is
 * one array read. A stream that lives on while ids wrap around the array moves to a map.
 */
export class StreamTable {
  live = 0;
  #places: (H2Stream | undefined)[] = new Array(placesLeast).fill(undefined);
  #mask = placesLeast - 1;
  #closedIds = new Int32Array(placesLeast);
  #closedHow = new Uint8Array(placesLeast);
  readonly #elsewhere = new Map<number, H2Stream>();
  readonly #spare: H2Stream[] = [];

  get(id: number): H2Stream | undefined {
    const stream = this.#places[(id >>> 1) & this.#mask];
    if (stream !== undefined && stream.id === id) return stream;
    return this.#elsewhere.size === 0 ? undefined : this.#elsewhere.get(id);
  }

  /** Adds a stream; its id must not be in the table. */
  open(id: number, sendWindow: number, receiveWindow: number): H2Stream {
    const stream = this.#spare.pop() ?? new H2Stream();
    stream.begin(id, sendWindow, receiveWindow);
    if (this.live >= this.#mask && this.#mask + 1 < placesMost) this.#grow();
    const place = (id >>> 1) & this.#mask;
    const settled = this.#places[place];
    if (settled !== undefined) this.#elsewhere.set(settled.id, settled);
    this.#places[place] = stream;
    this.live++;
    return stream;
  }

  /** Removes a stream and keeps its record for another: the caller must forget it. */
  close(stream: H2Stream, how: number): void {
    const { id } = stream;
    const place = (id >>> 1) & this.#mask;
    if (this.#places[place] === stream) this.#places[place] = undefined;
    else this.#elsewhere.delete(id);
    this.remember(id, how);
    this.live--;
    stream.id = 0;
    if (this.#spare.length < spareMax) this.#spare.push(stream);
  }

  /** Notes how a stream ended that was never opened here (refused, malformed). */
  remember(id: number, how: number): void {
    const place = (id >>> 1) & this.#mask;
    this.#closedIds[place] = id;
    this.#closedHow[place] = how;
  }

  /** How a stream that is not live ended; unknown when that is long ago or never was. */
  closedHow(id: number): number {
    const place = (id >>> 1) & this.#mask;
    return this.#closedIds[place] === id ? this.#closedHow[place] : ClosedHow.unknown;
  }

  /** All live streams, in an array of its own, in no order. */
  all(): H2Stream[] {
    const found: H2Stream[] = [...this.#elsewhere.values()];
    for (const stream of this.#places) if (stream !== undefined) found.push(stream);
    return found;
  }

  /** The same, ids rising: for whatever the owner can see. */
  sorted(): H2Stream[] {
    return this.all().sort((a, b) => a.id - b.id);
  }

  #grow(): void {
    const live = this.sorted();
    const ids = this.#closedIds;
    const how = this.#closedHow;
    const size = 2 * (this.#mask + 1);
    this.#mask = size - 1;
    this.#places = new Array(size).fill(undefined);
    this.#closedIds = new Int32Array(size);
    this.#closedHow = new Uint8Array(size);
    for (let i = 0; i < ids.length; i++) if (ids[i] !== 0) this.remember(ids[i], how[i]);
    this.#elsewhere.clear();
    for (const stream of live) {
      const place = (stream.id >>> 1) & this.#mask;
      const settled = this.#places[place];
      if (settled !== undefined) this.#elsewhere.set(settled.id, settled);
      this.#places[place] = stream;
    }
  }
}
