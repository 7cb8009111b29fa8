import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpReply, HttpRequest } from "../../platform/http.ts";
import { VirtualClock } from "../../sim/world/clock.ts";
import { HttpTurns, httpTurnMs } from "./turns.ts";

/** A clock that goes on while a request is answered. */
class BusyClock extends VirtualClock {
  spentMs = 0;

  override monotonicMs(): number {
    return super.monotonicMs() + this.spentMs;
  }
}

test("requests beyond the time of a turn wait for the next, in order, none left out", () => {
  const clock = new BusyClock();
  const turns = new HttpTurns(clock);
  const done: string[] = [];
  const reply: HttpReply = { status: 200, headers: [], body: "" };
  const handler = turns.inTurn((request, respond) => {
    clock.spentMs += request.target === "/slow" ? 5 * httpTurnMs : httpTurnMs / 4;
    done.push(request.target);
    respond(reply);
  });
  const ask = (target: string): void => {
    const request: HttpRequest = {
      ...{ method: "GET", target, host: "x", origin: "", acceptEncoding: "", secure: false },
    };
    handler(request, () => {});
  };
  const turn = (): string => {
    done.length = 0;
    clock.step(clock.monotonicMs());
    return done.join(" ");
  };
  for (const target of ["/slow", "/slow", "/a", "/b", "/slow", "/c"]) ask(target);
  assert.equal(done.length, 0, "nothing is answered while sockets are read");
  assert.equal(turn(), "/slow");
  ask("/d");
  assert.equal(turn(), "/slow");
  assert.equal(turn(), "/a /b /slow");
  assert.equal(turn(), "/c /d");
  assert.equal(turn(), "");
});
