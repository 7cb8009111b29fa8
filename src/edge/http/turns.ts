import { Queue } from "../../base/queue.ts";
import type { Clock } from "../../platform/clock.ts";
import type { HttpHandler, HttpReply, HttpRequest } from "../../platform/http.ts";

/**
 * Time for answering HTTP requests in one turn of the event loop, ms: all metrics as text take
 * several, and a hundred connections may ask at once. At least one is answered.
 */
export const httpTurnMs = 1;

interface Waiting {
  readonly handler: HttpHandler;
  readonly request: HttpRequest;
  readonly respond: (reply: HttpReply) => void;
}

/** Lets the requests of all connections share the turns, in the order in which they came. */
export class HttpTurns {
  readonly #clock: Clock;
  readonly #waiting = new Queue<Waiting>();
  #scheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The handler whose requests wait for their turn before `handler` is asked. */
  inTurn(handler: HttpHandler): HttpHandler {
    return (request, respond) => {
      this.#waiting.push({ handler, request, respond });
      this.#schedule();
    };
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.defer(this.#turn);
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    const endMs = this.#clock.monotonicMs() + httpTurnMs;
    do {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      next.handler(next.request, next.respond);
    } while (this.#clock.monotonicMs() < endMs);
    if (this.#waiting.size > 0) this.#schedule();
  };
}
