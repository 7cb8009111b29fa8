import assert from "node:assert/strict";
import { test } from "node:test";
import { newSpan } from "../../../src/base/span.ts";
import type { WatchResponse } from "../../../src/proto/gen/etcdserverpb.ts";
import { WatchWorld } from "./world.ts";

const SEED = Number(process.env["SEED"] ?? 20_261_122);
const STREAMS = 9;
const ROUNDS = 10;
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Reports of progress to a stream, none of which may be behind the events before it. */
function reportsOf(responses: readonly WatchResponse[]): number {
  let last = 0;
  let reports = 0;
  for (const { created, events, header } of responses) {
    if (created) continue;
    if (events.length > 0) last = Math.max(last, events.at(-1)!.kv!.modRevision);
    else {
      reports += 1;
      assert.ok(header!.revision >= last, `progress ${header!.revision} after event of ${last}`);
      last = header!.revision;
    }
  }
  return reports;
}

test("progress never goes back behind events, whenever it is asked for", () => {
  for (const lookMs of [0.07, 0.1, 0.13, 0.17]) {
    const world = new WatchWorld({ seed: SEED, lookMs });
    const { store } = world.member.core;
    const write = (): void => {
      store.begin();
      store.put(newSpan(utf8("k")), newSpan(utf8("v")), 0n);
      store.end();
    };
    const tokens = Array.from({ length: STREAMS }, () => world.open());
    for (const token of tokens) for (let i = 0; i < 50; i += 1) world.watch(token, "k");
    world.drain(...tokens);
    for (let round = 0; round < ROUNDS; round += 1) {
      write();
      for (const token of tokens) world.say(token, { case: "progressRequest", value: {} });
      write();
      world.drain(...tokens);
    }
    for (const token of tokens) {
      assert.equal(reportsOf(world.responses(token)), ROUNDS, "each is answered");
    }
  }
});
