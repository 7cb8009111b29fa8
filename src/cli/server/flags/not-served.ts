import { findFlag } from "../flag-table/flag-table.ts";
import type { Note } from "./note.ts";
import type { Settings } from "./settings.ts";
import { isLoopback } from "../../common/urls.ts";

/** Flags whose URLs decide whether a door is plain or TLS. */
const LISTEN_FLAGS = ["listen-peer-urls", "listen-client-urls"];

/**
 * Why this configuration is not started although etcd would, or null: it asks for protection or for
 * a cluster that Skein does not give yet. Names the flag and what to do.
 */
export function refusal(settings: Settings): string | null {
  for (const name of settings.names()) {
    if (findFlag(name)!.status === "refused" && settings.isChanged(name)) {
      const why = "known but not yet served, and to start without it would be unsafe";
      return `--${name} is ${why}; remove it`;
    }
  }
  for (const name of LISTEN_FLAGS) {
    const tls = settings.urls(name).find(({ scheme }) => scheme === "https" || scheme === "unixs");
    if (tls !== undefined) return `--${name}: TLS is not yet served (${tls.text}); use http`;
  }
  return null;
}

/** A warning for each flag that is set and has no effect yet, and for deprecated ones. */
export function ignoredNotes(settings: Settings): readonly Note[] {
  const notes: Note[] = [];
  for (const name of settings.names()) {
    const flag = findFlag(name)!;
    if (flag.deprecation !== null) {
      notes.push({ level: "warn", message: flag.deprecation, fields: {} });
    }
    if (flag.status !== "ignored" || !settings.isChanged(name)) continue;
    const message = "flag is known but not yet served; it has no effect";
    notes.push({ level: "warn", message, fields: { flag: `--${name}` } });
  }
  return notes;
}

/** A warning when clients beyond this machine could come in unasked. */
export function exposureNotes(settings: Settings): readonly Note[] {
  const open = settings.urls("listen-client-urls").filter((url) => !isLoopback(url));
  if (open.length === 0) return [];
  const risk = "anyone who reaches it can read and write all keys";
  const message = `listening beyond this machine without TLS or authentication: ${risk}`;
  return [{ level: "warn", message, fields: { urls: open.map((url) => url.text) } }];
}
