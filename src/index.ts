// The public API of the package `skein`.

// For users: one member inside this process.
export { startMember } from "./member/start.ts";
export type { Member, MemberStatus } from "./member/member.ts";
export type { MemberConfig } from "./member/config.ts";
export { memberConfig } from "./member/config.ts";
export { StartError } from "./member/start-error.ts";

// For builders: the seams, to run a member in a world of your own.
export type { Platform } from "./platform/platform.ts";
