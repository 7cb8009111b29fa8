import { createHash } from "node:crypto";
import { Prng } from "../../../src/base/prng.ts";
import type { VirtualDisk } from "../../../src/sim/world/disk.ts";
import { PageFile } from "../../../src/storage/backend/bolt-pages/page-file.ts";
import { removeRestored, restore, type Restore } from "../../../src/storage/restore/restore.ts";
import { bytesOf, newDigest, writeFile } from "../../../src/storage/restore/testing/rig.ts";
import { walExists } from "../../../src/storage/wal/wal.ts";
import { DB_PATH } from "./bbolt.ts";
import type { ScenarioOptions } from "./every-step.ts";
import { Ledger } from "./ledger.ts";
import { type Crashed, crashNow, Life, type LifeOptions, newWorld, type World } from "./life.ts";

const DATA = "data";
const WAL = "data/member/wal";
const SNAPSHOT = "/snapshot";
const MEMBER_ID = 5n;
const MEMBER = {
  id: MEMBER_ID,
  name: "default",
  peerUrls: ["http://localhost:2380"],
  clientUrls: [],
  isLearner: false,
};

/** As for a scenario of a member; `look` gets the world after the repair. */
export type RestoreScenario = Omit<ScenarioOptions, "look"> & {
  readonly look: (crash: Crashed, problems: readonly string[]) => Promise<void>;
};

/**
 * A snapshot is restored, and before each step of the disk the copied machine crashes. A directory
 * that is half restored is refused or whole, never served in part; and a second attempt makes it
 * whole.
 */
export async function crashRestoring(options: RestoreScenario): Promise<void> {
  const prng = new Prng(options.seed);
  const { snapshot, ledger } = makeSnapshot(prng, options);
  const crashes: Crashed[] = [];
  let step = -1;
  const world: World = newWorld(prng.uint32(), (name) => {
    if (step < 0) return;
    const mode = step % 3 === 0 ? "kill" : "power";
    const crashed = crashNow(world.disk, { mode, seed: prng.uint32() });
    crashes.push({ ...crashed, ledger, step: `restore step ${step} (${mode}): ${name}` });
    step += 1;
  });
  writeFile(world.disk, SNAPSHOT, snapshot);
  step = 0;
  restore(restoring(world));
  crashes.push({
    ...crashNow(world.disk, { mode: "power", seed: step }),
    ledger,
    step: "restored",
  });
  for (const crash of crashes) {
    const isDone = crash.step === "restored";
    await options.look(crash, judge(crash, isDone, options));
  }
}

/** What a member had when it closed, as a client would have downloaded it. */
function makeSnapshot(prng: Prng, options: RestoreScenario) {
  const world = newWorld(prng.uint32(), () => {});
  const life = new Life(world, new Ledger(), prng.uint32(), options);
  life.verify();
  life.load(prng, options.answers);
  life.close();
  // What was under way when it closed is in the file or not.
  const reopened = new Life(world, life.ledger, prng.uint32(), options);
  reopened.verify();
  reopened.close();
  const { disk } = world;
  const file = disk.openSync(DB_PATH, {});
  const { endPage, pageBytes } = new PageFile(disk, file, DB_PATH);
  disk.closeSync(file);
  const image = bytesOf(disk, DB_PATH).subarray(0, endPage * pageBytes);
  const snapshot = Buffer.concat([image, createHash("sha256").update(image).digest()]);
  return { snapshot, ledger: life.ledger };
}

function restoring({ disk, clock }: World): Restore {
  return {
    ...{ disk, clock, newDigest, source: SNAPSHOT, dataDir: DATA, walDir: WAL },
    cluster: { clusterId: 7n, memberId: MEMBER_ID, members: [MEMBER] },
    ...{ skipDigest: false, bumpRevision: null, onProgress: () => {} },
  };
}

function judge(crash: Crashed, isDone: boolean, options: LifeOptions): readonly string[] {
  const problems: string[] = [];
  const { disk } = crash;
  if (isDone || isBegun(disk)) {
    // On a copy: the second attempt is made on what the crash left.
    const found = serve(crashNow(disk, { mode: "kill", seed: 1 }), crash.ledger, options);
    const isRefused = found !== null && found.startsWith("does not start");
    if (found !== null && (isDone || !isRefused)) problems.push(`half restored: ${found}`);
  }
  if (isDone) return problems;
  removeRestored(restoring(crash));
  restore(restoring(crash));
  const again = serve(crashNow(disk, { mode: "power", seed: 2 }), crash.ledger, options);
  if (again !== null) problems.push(`restored again: ${again}`);
  return problems;
}

/** There is something that a start might take for a member. */
function isBegun(disk: VirtualDisk): boolean {
  return disk.existsSync(DB_PATH) || walExists({ disk, dir: WAL });
}

/** Null when a member serves all of the snapshot. */
function serve(world: World, ledger: Ledger, options: LifeOptions): string | null {
  let life: Life;
  try {
    life = new Life(world, ledger.clone(), 1, options);
  } catch (error) {
    return `does not start: ${String(error)}`;
  }
  life.verify();
  life.member.die();
  return life.problems[0] ?? null;
}
