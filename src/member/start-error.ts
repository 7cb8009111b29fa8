/** Why a member could not start, with what the operator can do. */
export class StartError extends Error {
  override readonly name = "StartError";
  /** One sentence for the operator. */
  readonly remedy: string;

  constructor(message: string, remedy: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.remedy = remedy;
  }
}
