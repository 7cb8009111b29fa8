import type { FeatureGates, MemberUrl } from "../../../member/config.ts";
import { DEFAULT_FEATURE_GATES } from "../../../member/config.ts";
import type { Parsed } from "../../go/go-number.ts";
import { parseBool, parseDurationMs, parseInt64 } from "../../go/go-number.ts";
import type { FlagKind, FlagSpec } from "../flag-table/flag-spec.ts";
import { parseUrls } from "../../common/urls.ts";

/** A parsed value. Numbers saturate at 2^53; durations are milliseconds. */
export type Value =
  | string
  | number
  | boolean
  | readonly string[]
  | readonly MemberUrl[]
  | FeatureGates;

/** Largest value of each unsigned kind; signed ones have 64 bits. */
const UNSIGNED_MAX: Readonly<Partial<Record<FlagKind, bigint>>> = {
  uint: (1n << 64n) - 1n,
  uint64: (1n << 64n) - 1n,
  uint32: (1n << 32n) - 1n,
};

const GATE_STAGES: Readonly<Record<keyof FeatureGates, "alpha" | "beta">> = {
  CompactHashCheck: "alpha",
  FastLeaseKeepAlive: "beta",
  InitialCorruptCheck: "alpha",
  LeaseCheckpoint: "alpha",
  LeaseCheckpointPersist: "alpha",
  PriorityRequest: "alpha",
  SetMemberLocalAddr: "alpha",
  StopGRPCServiceOnDefrag: "alpha",
  TxnModeWriteWithSharedBuffer: "beta",
};

/** A flag's text as its value, or the cause that Go's flag package would show. */
export function parseValue(flag: FlagSpec, text: string): Parsed<Value> {
  switch (flag.kind) {
    case "string":
      return { value: text };
    case "bool":
      return "value" in parseBool(text, text) ? parseBool(text, text) : { error: "parse error" };
    case "int":
    case "int64":
    case "uint":
    case "uint32":
    case "uint64":
      return parseInteger(flag.kind, text);
    case "duration": {
      const parsed = parseDurationMs(text, text);
      return "value" in parsed ? parsed : { error: "parse error" };
    }
    case "urls":
      return parseUrls(text);
    case "list":
      return { value: splitList(text) };
    case "sortedList":
      return { value: [...new Set(splitList(text))].sort() };
    case "enum":
      if (flag.choices.includes(text)) return { value: text };
      return {
        error: flag.name === "v2-deprecation" ? `invalid value "${text}"` : "invalid value",
      };
    case "gates":
      return parseGates(text);
  }
}

/** The value when nobody sets the flag. */
export function defaultValue(flag: FlagSpec): Value {
  const parsed = parseValue(flag, flag.defaultText);
  if ("error" in parsed) throw new Error(`default of --${flag.name}: ${parsed.error}`);
  return parsed.value;
}

function splitList(text: string): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function parseInteger(kind: FlagKind, text: string): Parsed<number> {
  const max = UNSIGNED_MAX[kind];
  const signed = /^[+-]/.test(text);
  const parsed =
    max !== undefined && signed ? { error: "invalid syntax" } : parseInt64(text, 0, text);
  let cause: string | null = null;
  if ("error" in parsed) cause = /range/.test(parsed.error) ? "range" : "syntax";
  else if (max !== undefined && parsed.value > max) cause = "range";
  if (cause === null && "value" in parsed) return { value: Number(parsed.value) };
  if (kind === "uint32") {
    const what = cause === "range" ? "value out of range" : "invalid syntax";
    return { error: `strconv.ParseUint: parsing "${text}": ${what}` };
  }
  return { error: cause === "range" ? "value out of range" : "parse error" };
}

function parseGates(text: string): Parsed<FeatureGates> {
  const named: Partial<Record<keyof FeatureGates, boolean>> = {};
  const stages: { alpha?: boolean; beta?: boolean } = {};
  for (const part of splitList(text)) {
    const [name, given] = part.split("=", 2).map((word) => word.trim()) as [string, string?];
    const known = name === "AllAlpha" || name === "AllBeta" || name in GATE_STAGES;
    if (given === undefined) return { error: `missing bool value for ${name}` };
    if (!known) return { error: `unrecognized feature gate: ${name}` };
    const parsed = parseBool(given, `"${given}"`);
    if ("error" in parsed) return { error: `invalid value of ${part}, err: ${parsed.error}` };
    if (name === "AllAlpha") stages.alpha = parsed.value;
    else if (name === "AllBeta") stages.beta = parsed.value;
    else named[name as keyof FeatureGates] = parsed.value;
  }
  const gates = { ...DEFAULT_FEATURE_GATES } as Record<keyof FeatureGates, boolean>;
  for (const name of Object.keys(gates) as (keyof FeatureGates)[]) {
    gates[name] = named[name] ?? stages[GATE_STAGES[name]] ?? gates[name];
  }
  return { value: gates };
}
