const base = "application/grpc";

/**
 * Whether a content type is gRPC's: `application/grpc`, alone or followed by `+` or `;` and
 * anything (grpc-go's rule; every subtype is decoded as protobuf).
 */
export function isGrpcContentType(value: string): boolean {
  if (!value.startsWith(base)) return false;
  if (value.length === base.length) return true;
  const next = value.charCodeAt(base.length);
  return next === 0x2b || next === 0x3b;
}

/**
 * The content type of the reply: the request's own `application/grpc+x`, parameters as they came.
 */
export function replyContentType(requested: string): string {
  const subtype = requested.slice(base.length + 1);
  return subtype === "" ? base : `${base}+${subtype}`;
}
