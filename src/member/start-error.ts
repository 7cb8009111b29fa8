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

/** Why nobody can be served at `url`, which `error` (with a POSIX code in its text) says. */
export function listenError(url: string, error: Error): StartError {
  const isTaken = error.message.includes("EADDRINUSE");
  return new StartError(
    isTaken ? `${url} is taken by another process` : `cannot listen on ${url}: ${error.message}`,
    isTaken
      ? "Stop that process, or choose other ports with --listen-client-urls and " +
          "--advertise-client-urls."
      : "Choose an address of this machine with --listen-client-urls.",
    error,
  );
}
