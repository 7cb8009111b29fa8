import assert from "node:assert/strict";
import { test } from "node:test";
import { IdleCollection } from "./idle-collection.ts";

const MIB = 1024 * 1024;

function newWorld() {
  const world = { busy: 0, live: 100 * MIB, garbage: 0, collections: 0 };
  const collection = new IdleCollection({
    busyPart: () => world.busy,
    bytes: () => world.live + world.garbage,
    collect: () => {
      world.collections += 1;
      world.garbage = 0;
    },
  });
  const look = (times: number): void => {
    for (let i = 0; i < times; i += 1) collection.look();
  };
  return { world, look };
}

test("garbage is collected once nobody has asked for anything for five seconds", () => {
  const { world, look } = newWorld();
  world.garbage = 80 * MIB;
  world.busy = 0.2;
  look(20);
  assert.equal(world.collections, 0, "under load");
  world.busy = 0.001;
  look(4);
  world.busy = 0.01;
  look(1);
  world.busy = 0.001;
  look(4);
  assert.equal(world.collections, 0, "somebody asked meanwhile");
  look(1);
  assert.equal(world.collections, 1);
  look(100);
  assert.equal(world.collections, 1, "there is nothing more");
});

test("what is little, or lives, is no reason", () => {
  const { world, look } = newWorld();
  world.garbage = 20 * MIB;
  look(50);
  assert.equal(world.collections, 0);
  // The first look at what lives is by collecting; then it is known.
  world.live += 500 * MIB;
  look(50);
  assert.equal(world.collections, 1);
  world.live -= 300 * MIB;
  look(50);
  world.garbage = 30 * MIB;
  look(50);
  assert.equal(world.collections, 2);
});
