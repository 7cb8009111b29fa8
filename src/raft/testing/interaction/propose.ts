import { ConfChangeTransition } from "../../conf-change.ts";
import {
  type EncodedConfChange,
  encodeConfChange,
  encodeConfChangeV2,
} from "../../conf-change-codec.ts";
import { NO_DATA } from "../../types.ts";
import { CommandError, firstId, parseBool } from "../arguments.ts";
import { parseConfChanges } from "../conf-change-text.ts";
import { DataFileError, type Directive } from "../data-file.ts";
import type { Environment } from "./environment.ts";

/** `propose ID DATA` */
export function propose(environment: Environment, directive: Directive): void {
  const { args, line } = directive;
  const data = args[1];
  if (args.length !== 2 || data === undefined || data.values.length > 0) {
    throw new DataFileError(`line ${line}: expected exactly one key with no vals`);
  }
  const { raw } = environment.node(firstId(directive));
  refuseIf(raw.propose(new TextEncoder().encode(data.key)));
}

/** `propose-conf-change ID [v1=BOOL] [transition=auto|implicit|explicit]`, the changes as input. */
export function proposeConfChange(environment: Environment, directive: Directive): void {
  const { raw } = environment.node(firstId(directive));
  refuseIf(raw.proposeConfChange(readChange(directive)));
}

const TRANSITIONS: Readonly<Record<string, ConfChangeTransition>> = {
  auto: ConfChangeTransition.auto,
  implicit: ConfChangeTransition.jointImplicit,
  explicit: ConfChangeTransition.jointExplicit,
};

function readChange({ args, input, line }: Directive): EncodedConfChange {
  let isV1 = false;
  let transition: ConfChangeTransition = ConfChangeTransition.auto;
  for (const { key, values } of args.slice(1)) {
    for (const value of values) {
      if (key === "v1") isV1 = parseBool(value);
      else if (key === "transition") {
        const found = TRANSITIONS[value];
        if (found === undefined) throw new CommandError(`unknown transition ${value}`);
        transition = found;
      } else throw new CommandError(`unknown command ${key}`);
    }
  }
  const changes = parseConfChanges(input);
  if (!isV1) return encodeV2({ transition, changes, context: NO_DATA });
  if (changes.length > 1 || transition !== ConfChangeTransition.auto) {
    throw new CommandError("v1 conf change can only have one operation and no transition");
  }
  const single = changes[0];
  if (single === undefined) throw new DataFileError(`line ${line}: v1 needs an operation`);
  return encodeConfChange({ id: 0n, ...single, context: NO_DATA });
}

/** The library's harness writes the transition also when it is the default: sizes count it. */
function encodeV2(change: Parameters<typeof encodeConfChangeV2>[0]): EncodedConfChange {
  const { type, data } = encodeConfChangeV2(change);
  if (change.transition !== ConfChangeTransition.auto) return { type, data };
  return { type, data: Uint8Array.of(0x08, ConfChangeTransition.auto, ...data) };
}

function refuseIf(error: string | null): void {
  if (error !== null) throw new CommandError(error);
}
