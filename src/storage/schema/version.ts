/** A release of etcd as far as formats depend on it: patch levels change none. */
export interface Version {
  readonly major: number;
  readonly minor: number;
}

/** The version that Skein speaks as. */
export const OWN_VERSION: Version = { major: 3, minor: 7 };

/**
 * Three numbers, then perhaps a pre-release and build data. Nine digits are more than any release
 * will have, and stay exact.
 */
const SEMVER =
  /^(\d{1,9})\.(\d{1,9})\.\d{1,9}(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z.-]+)?$/u;

/** Major and minor of a semantic version as `3.7.0`; null when `text` is none. */
export function parseVersion(text: string): Version | null {
  const match = SEMVER.exec(text);
  return match === null ? null : { major: Number(match[1]), minor: Number(match[2]) };
}

/** As etcd stores versions: patch 0 always. */
export function versionText({ major, minor }: Version): string {
  return `${major}.${minor}.0`;
}

/** Negative, 0 or positive as `a` is before, equal to or after `b`. */
export function compareVersions(a: Version, b: Version): number {
  return a.major === b.major ? a.minor - b.minor : a.major - b.major;
}
