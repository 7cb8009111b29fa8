import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { Prng } from "../../../src/base/prng.ts";
import { ServerProcess } from "../server-process.ts";
import { killAgainAndAgain } from "./rounds.ts";

const ROUNDS = { ci: 20, full: 300 } as const;

/** The program under load, killed again and again. */
export async function run({ seed, size }: LongOptions): Promise<LongResult> {
  const rounds = ROUNDS[size];
  const start = (dataDir: string, port: number): Promise<ServerProcess> =>
    ServerProcess.start(dataDir, port);
  const options = { rounds, start, acksMin: 1000, acksMoreMax: 500, inspect: () => null };
  const { passed, acknowledged } = await killAgainAndAgain(new Prng(seed), options);
  process.stdout.write(
    `kill: ${passed} of ${rounds} rounds, ${acknowledged} acknowledged writes verified\n`,
  );
  return { passed, failed: rounds - passed };
}
