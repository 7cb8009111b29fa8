import { describeMessage } from "../../describe/message.ts";
import { type MessageType, messageTypeOf } from "../../message.ts";
import { parseUint } from "../arguments.ts";
import { DataFileError, type Directive } from "../data-file.ts";
import type { Environment, Selection } from "./environment.ts";

/** `deliver-msgs [ID…] [drop=(ID,…)] [type=MsgX]` */
export function deliverMessages(environment: Environment, directive: Directive): void {
  const type = readType(directive);
  const selections = readRecipients(directive).map((each) => ({ ...each, type }));
  const delivered = selections
    .map((selection) => deliver(environment, selection))
    .reduce((sum, count) => sum + count, 0);
  if (delivered === 0) environment.output.write("no messages\n");
}

/** Steps or drops the selected messages, each printed before; returns how many there were. */
export function deliver(environment: Environment, selection: Selection): number {
  const { output } = environment;
  const messages = environment.take(selection);
  for (const message of messages) {
    output.write(`${selection.isDropped ? "dropped: " : ""}${describeMessage(message)}\n`);
    if (selection.isDropped) continue;
    const error = environment.node(message.to).raw.step(message);
    if (error !== null) output.write(`${error}\n`);
  }
  return messages.length;
}

/** In the order of the arguments. */
function readRecipients({ args, line }: Directive): readonly Omit<Selection, "type">[] {
  const recipients: Omit<Selection, "type">[] = [];
  for (const { key, values } of args) {
    if (values.length === 0) recipients.push({ to: parseUint(key), isDropped: false });
    if (key !== "drop") continue;
    for (const value of values) {
      const to = parseUint(value);
      if (recipients.some((each) => each.to === to)) {
        throw new DataFileError(`line ${line}: can't both deliver and drop msgs to ${to}`);
      }
      recipients.push({ to, isDropped: true });
    }
  }
  return recipients;
}

function readType({ args, line }: Directive): MessageType | null {
  const name = args.find((arg) => arg.key === "type")?.values.at(-1);
  if (name === undefined) return null;
  const type = messageTypeOf(name);
  if (type === undefined) throw new DataFileError(`line ${line}: unknown message type ${name}`);
  return type;
}
