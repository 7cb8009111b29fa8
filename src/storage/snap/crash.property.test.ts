import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../base/prng.ts";
import { VirtualClock } from "../../sim/world/clock.ts";
import { VirtualDisk } from "../../sim/world/disk.ts";
import { SnapDirectory } from "./snap-directory.ts";
import type { SnapFile } from "./snap-file.ts";

/**
 * Snapshots are saved and purged while crashes fall at any moment. Whatever survives under a
 * snapshot's name is one that was saved, whole; what was acknowledged and not purged is there.
 * Set SEED to replay one seed, ROUNDS for more of them.
 */
const ROUNDS = Number(process.env["ROUNDS"] ?? 150);
const CRASHES = 5;
const DIR = "/data/member/snap";

class Rig {
  readonly clock = new VirtualClock();
  readonly prng: Prng;
  disk: VirtualDisk;
  snaps: SnapDirectory;
  index = 0;
  /** Everything ever begun, by index: terms are 1 here, so an index names a file. */
  readonly begun = new Map<number, string[]>();
  /** Of the newest snapshot that was acknowledged. */
  acknowledged = 0;

  constructor(seed: number) {
    this.prng = new Prng(seed);
    const latencyMs = { min: 0, max: 3 };
    this.disk = new VirtualDisk({ clock: this.clock, seed, latencyMs, writeBackChance: 0.5 });
    this.disk.mkdirSync(DIR);
    for (const dir of ["/", "/data", "/data/member"]) this.disk.syncDirSync(dir);
    this.snaps = new SnapDirectory(this.disk, DIR);
  }

  save(): void {
    // Now and then again at the place of the last one, as after a crash before the log's record.
    if (this.index === 0 || !this.prng.chance(0.3)) this.index += 1 + this.prng.below(3);
    const { index } = this;
    const data = new Uint8Array(1 + this.prng.below(3000));
    this.prng.fill(data);
    this.begun.set(index, [...(this.begun.get(index) ?? []), hex(data)]);
    this.snaps.save({ term: 1, index, confState: CONF_STATE, data }, (error) => {
      assert.equal(error, null);
      this.acknowledged = Math.max(this.acknowledged, index);
    });
  }

  purge(): void {
    const { acknowledged } = this;
    const inUse = acknowledged === 0 ? null : { term: 1, index: acknowledged };
    this.disk.submit(this.snaps.purgeOps(inUse), () => {});
  }

  crash(): void {
    this.disk = this.disk.crash(this.prng.chance(0.8) ? "power" : "kill");
    this.snaps = new SnapDirectory(this.disk, DIR);
  }

  check(): void {
    const found: SnapFile[] = [];
    const { broken } = this.snaps.loadNewest((index, term) => {
      const { snapshot } = this.snaps.loadNewest((i, t) => i === index && t === term);
      found.push(snapshot!);
      return false;
    });
    assert.deepEqual(broken, [], "a torn file under a snapshot's name");
    for (const { index, data } of found) {
      assert.ok(
        this.begun.get(index)?.includes(hex(data)),
        `index ${index} holds what nobody saved`,
      );
    }
    const newest = found[0]?.index ?? 0;
    assert.ok(newest >= this.acknowledged, `${this.acknowledged} is lost, ${newest} is there`);
    this.snaps.removeTemporaries();
    assert.equal(this.disk.listSync(DIR).length, found.length, "leftovers");
  }
}

const CONF_STATE: SnapFile["confState"] = {
  voters: [1n],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function runSeed(seed: number): void {
  const rig = new Rig(seed);
  for (let crash = 0; crash < CRASHES; crash += 1) {
    const steps = rig.prng.below(12);
    for (let i = 0; i < steps; i += 1) {
      if (rig.prng.chance(0.7)) rig.save();
      else rig.purge();
      rig.clock.runFor(rig.prng.below(12));
    }
    rig.crash();
    rig.check();
  }
}

test("after any crash: whole snapshots only, and all that were acknowledged", () => {
  const one = process.env["SEED"];
  if (one !== undefined) return runSeed(Number(one));
  for (let seed = 1; seed <= ROUNDS; seed += 1) {
    try {
      runSeed(seed);
    } catch (error) {
      throw new Error(`seed ${seed} (replay: SEED=${seed} node --test ${import.meta.filename})`, {
        cause: error,
      });
    }
  }
});
