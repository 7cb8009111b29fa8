/** Names of the status numbers 0 to 16 as grpc-go and the metrics of its middleware write them. */
export const codeNames: readonly string[] = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
];

/** How many status numbers there are. */
export const codeCount = 17;

/**
 * Longest `grpc-message` that is sent, UTF-16 units before encoding; fits any client's header list.
 */
const messageMaxUnits = 2048;

const unsafeRun = /[^ -$&-~]+/gu;
const escapedRun = /(?:%[0-9a-fA-F]{2})+/g;

/**
 * Value of `grpc-message`: UTF-8 with every byte outside space to tilde, and the percent sign,
 * percent-encoded in upper case (gRPC over HTTP/2, "Status-Message"). Longer texts are cut.
 */
export function encodeGrpcMessage(message: string): string {
  const text = message.length > messageMaxUnits ? message.slice(0, messageMaxUnits) : message;
  // A run holds only characters that encodeURIComponent escapes: it knows no safe control or
  // percent sign.
  return text.toWellFormed().replace(unsafeRun, encodeURIComponent);
}

/**
 * Reverses `encodeGrpcMessage`; escapes that are no UTF-8 stay as they are (as the protocol asks).
 */
export function decodeGrpcMessage(value: string): string {
  return value.replace(escapedRun, (run) => {
    try {
      return decodeURIComponent(run);
    } catch {
      return run;
    }
  });
}
