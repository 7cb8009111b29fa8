/** Exit codes; scripts rely on them. */
export const Exit = {
  ok: 0,
  error: 1,
  badConnection: 2,
  badInput: 3,
  badFeature: 4,
  badArgs: 128,
} as const;
export type Exit = (typeof Exit)[keyof typeof Exit];

/** Ends the tool with `Error: <message>` on standard error and `exitCode`. */
export class ToolError extends Error {
  override readonly name = "ToolError";
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
