/** Cuts trailing zeros of a decimal fraction. */
function trimFraction(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** A span of time as Go's Duration prints it; `ms` may be fractional, nanoseconds count. */
export function durationText(ms: number): string {
  const ns = Math.round(ms * 1e6);
  if (ns === 0) return "0s";
  if (ns < 0) return `-${durationText(-ms)}`;
  if (ns < 1000) return `${ns}ns`;
  if (ns < 1e6) return `${trimFraction((ns / 1e3).toFixed(3))}µs`;
  if (ns < 1e9) return `${trimFraction((ns / 1e6).toFixed(6))}ms`;
  const seconds = Math.floor(ns / 1e9);
  const fraction = String(ns % 1e9).padStart(9, "0");
  const rest = trimFraction(`${seconds % 60}.${fraction}`);
  const minutes = Math.floor(seconds / 60) % 60;
  const hours = Math.floor(seconds / 3600);
  if (hours > 0) return `${hours}h${minutes}m${rest}s`;
  return minutes > 0 ? `${minutes}m${rest}s` : `${rest}s`;
}

const SIZE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/** A size in decimal units with at most two digits that matter: `20 kB`, `2.1 GB`. */
export function humanBytes(sizeBytes: number): string {
  if (sizeBytes < 10) return `${sizeBytes} B`;
  const power = Math.min(Math.floor(Math.log(sizeBytes) / Math.log(1000)), SIZE_UNITS.length - 1);
  const value = Math.floor((sizeBytes / 1000 ** power) * 10 + 0.5) / 10;
  return `${value < 10 ? value.toFixed(1) : roundHalfEven(value)} ${SIZE_UNITS[power]}`;
}

/** Go prints 20.5 with no decimals as 20. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
