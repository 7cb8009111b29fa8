import { Prng } from "../../../src/base/prng.ts";
import type { Logger } from "../../../src/platform/logger.ts";
import { VirtualClock } from "../../../src/sim/world/clock.ts";
import { VirtualDisk } from "../../../src/sim/world/disk.ts";
import { Clients } from "../crash/clients.ts";
import { Ledger } from "../crash/ledger.ts";
import { SimMember } from "../sim-member.ts";

/** One operation of the disk: a write and its sync take more than the second that etcd warns of. */
const SLOW_MS = { min: 510, max: 560 };
const ANSWERS = 30;
const LIMIT_MS = 3_600_000;

/** A disk whose every sync takes longer than a second: the member serves, warns, and counts. */
export function slowSyncProblems(seed: number): string[] {
  const problems: string[] = [];
  const warnings: string[] = [];
  const logger: Logger = {
    enabled: () => true,
    log: (level, message) => void (level === "warn" && warnings.push(message)),
    with: () => logger,
  };
  const prng = new Prng(seed);
  const clock = new VirtualClock();
  const disk = new VirtualDisk({ clock, seed, latencyMs: SLOW_MS });
  const member = new SimMember({ clock, disk, seed, logger });
  const ledger = new Ledger();
  clock.runUntil(() => member.core.isReady, LIMIT_MS);
  const isOver = (): boolean => ledger.acknowledged >= ANSWERS;
  // A commit of the database before a sync of the log: some wait longer than a request may.
  new Clients({ member, ledger, prng, clients: 2, isOver, patient: true, compact: false }).start();
  if (!clock.runUntil(isOver, LIMIT_MS)) problems.push("clients are not answered");
  const counted = /^skein_disk_slow_syncs_total (\d+)$/m.exec(member.metricsText())?.[1];
  const slow = warnings.filter((message) => message === "slow fdatasync").length;
  if (slow === 0) problems.push("no warning");
  if (Number(counted) !== slow) problems.push(`${slow} warnings, ${counted} counted`);
  problems.push(...ledger.check(member.core.store).problems);
  member.die();
  return problems;
}
