import type { MethodKind, RpcMethod } from "../../service/rpc.ts";
import { headerToText, quoteHeader } from "../../wire/grpc/quote.ts";

/** Finds methods by path and knows grpc-go's words for those that are not there. */
export class MethodTable {
  readonly methods: readonly RpcMethod[];
  /** Kind by method id. */
  readonly kinds: readonly MethodKind[];
  readonly #byPath = new Map<string, number>();
  readonly #services = new Set<string>();

  constructor(methods: readonly RpcMethod[]) {
    this.methods = methods;
    this.kinds = methods.map((method) => method.kind);
    methods.forEach((method, id) => {
      this.#byPath.set(`/${method.service}/${method.name}`, id);
      this.#services.add(method.service);
    });
  }

  /** Method id, or -1. */
  find(path: string): number {
    return this.#byPath.get(path) ?? -1;
  }

  /** The text of `Unimplemented` for a path that `find` did not find. */
  describeUnknown(path: string): string {
    const cut = path.lastIndexOf("/");
    if (!path.startsWith("/") || cut <= 0) return `malformed method name: ${quoteHeader(path)}`;
    const service = path.slice(1, cut);
    if (!this.#services.has(service)) return `unknown service ${headerToText(service)}`;
    return `unknown method ${headerToText(path.slice(cut + 1))} for service ${service}`;
  }
}
