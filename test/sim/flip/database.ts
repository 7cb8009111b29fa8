import { META_PAGES } from "../../../src/storage/backend/bolt-pages/format.ts";
import { PageFile } from "../../../src/storage/backend/bolt-pages/page-file.ts";
import { DB_PATH } from "../crash/bbolt.ts";
import { masksOf } from "./log.ts";
import { type Region, regionsOf } from "./regions.ts";
import type { Tally } from "./tally.ts";
import { bytesOf, copyOf, type Target, truncate, tryStart } from "./target.ts";

const SUMS_PATH = "data/member/db.sums";

/** Pages of the database that hold something. */
function pagesOf(target: Target): { bytes: Uint8Array; pageBytes: number } {
  const { disk } = target;
  const file = disk.openSync(DB_PATH, {});
  const { endPage, pageBytes } = new PageFile(disk, file, DB_PATH);
  disk.closeSync(file);
  return { bytes: bytesOf(disk, DB_PATH).subarray(0, endPage * pageBytes), pageBytes };
}

/**
 * Damages every byte of the database in turn, and cuts it at every length. `hasSums`: as Skein left
 * it; else as etcd would, without checksums of pages.
 */
export function damageDatabase(
  whole: Target,
  tally: Tally,
  { turns, hasSums }: { readonly turns: Iterable<number>; readonly hasSums: boolean },
): void {
  const target = hasSums ? whole : withoutSums(whole);
  const { bytes, pageBytes } = pagesOf(target);
  const regions = regionsOf(bytes);
  for (const at of turns) {
    if (at >= bytes.length) break;
    for (const mask of masksOf(bytes[at]!, at)) {
      const world = copyOf(target);
      world.disk.flip(DB_PATH, at, mask);
      const outcome = tryStart(world, target);
      tally.database(regions[at]!, `byte ${at} mask ${mask}`, outcome, hasSums);
    }
    const cut = copyOf(target);
    truncate(cut.disk, DB_PATH, at);
    const outcome = tryStart(cut, target);
    // Only the free pages at the end may be missing, and those bbolt's meta page counts as well.
    if (outcome.kind !== "refused" && at < bytes.length - pageBytes * META_PAGES) {
      tally.fail(`a database cut at ${at} of ${bytes.length} is ${JSON.stringify(outcome)}`);
    }
  }
}

/** Damages every byte of the checksums: they count or do not, and nothing else changes. */
export function damageSums(target: Target, tally: Tally, turns: Iterable<number>): void {
  const bytes = bytesOf(target.disk, SUMS_PATH);
  for (const at of turns) {
    if (at >= bytes.length) break;
    const world = copyOf(target);
    world.disk.flip(SUMS_PATH, at, 1 << (at % 8));
    tally.sums(`flip at ${at}`, tryStart(world, target));
    const cut = copyOf(target);
    truncate(cut.disk, SUMS_PATH, at);
    tally.sums(`cut at ${at}`, tryStart(cut, target));
  }
}

function withoutSums(target: Target): Target {
  const { disk } = copyOf(target);
  disk.unlinkSync(SUMS_PATH);
  disk.syncDirSync(SUMS_PATH.slice(0, SUMS_PATH.lastIndexOf("/")));
  return { ...target, disk };
}

/** Bytes that bbolt's format protects by nothing: only a checksum beside it sees them change. */
export function isContent(region: Region): boolean {
  return region.startsWith("value of ") || region.startsWith("key of ");
}
