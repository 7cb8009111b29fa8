const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** A signal that asks the program to stop. */
export type StopSignal = (typeof STOP_SIGNALS)[number];

/**
 * Resolves with the first signal that asks to stop. A second one finds no handler: the program ends
 * at once, as an impatient operator wants.
 */
export function nextStopSignal(): Promise<StopSignal> {
  return new Promise((resolve) => {
    const stop = (signal: NodeJS.Signals): void => {
      for (const each of STOP_SIGNALS) process.removeListener(each, stop);
      resolve(signal as StopSignal);
    };
    for (const each of STOP_SIGNALS) process.on(each, stop);
  });
}

/**
 * Ends the process the way `signal` would have: a shell sees 130 or 143. Process 1 has no default
 * for signals, so it exits with 0. Source: etcd's interrupt handler.
 */
export function dieBy(signal: StopSignal): void {
  if (process.pid === 1) process.exit(0);
  process.kill(process.pid, signal);
}
