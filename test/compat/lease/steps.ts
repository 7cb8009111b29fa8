import { frame, type RawAnswer, type RawClient } from "../errors/raw-client.ts";
import { message, parse } from "../errors/proto-writer.ts";

/** A lease id, or the one that the server chose last. */
export type LeaseRef = bigint | "chosen";

/** One call of a program. */
export type Step =
  | { readonly do: "grant"; readonly id: bigint; readonly ttl: bigint }
  | { readonly do: "revoke"; readonly id: LeaseRef }
  | { readonly do: "timeToLive"; readonly id: LeaseRef; readonly keys: boolean }
  | { readonly do: "keepAlive"; readonly ids: readonly LeaseRef[] }
  | { readonly do: "leases" }
  | { readonly do: "put"; readonly put: Put }
  | { readonly do: "delete"; readonly key: string; readonly end: string }
  | { readonly do: "txn"; readonly puts: readonly Put[]; readonly deletes: readonly string[] }
  | { readonly do: "everything" }
  | { readonly do: "hash" }
  | { readonly do: "raw"; readonly path: string; readonly bytes: Uint8Array };

/** A put with what concerns leases. */
export interface Put {
  readonly key: string;
  readonly lease: LeaseRef;
  readonly ignoreLease?: boolean;
  readonly ignoreValue?: boolean;
}

/** What a server said: text that must be the same, and a time left that may differ a little. */
export interface Said {
  readonly text: string;
  readonly remaining: bigint | null;
}

/** One of two servers that are asked the same. */
export class Speaker {
  readonly #client: RawClient;
  #chosen = 0n;

  constructor(client: RawClient) {
    this.#client = client;
  }

  async say(step: Step): Promise<Said> {
    const { path, body } = this.#request(step);
    const answer = await this.#client.call({ path, body });
    if (step.do === "timeToLive") return this.#timeToLive(answer);
    return { text: this.#text(step, answer), remaining: null };
  }

  #request(step: Step): { path: string; body: Uint8Array } {
    const lease = (name: string, body: Uint8Array): { path: string; body: Uint8Array } => ({
      path: `/etcdserverpb.Lease/Lease${name}`,
      body,
    });
    const kv = (name: string, bytes: Uint8Array): { path: string; body: Uint8Array } => ({
      path: `/etcdserverpb.KV/${name}`,
      body: frame(bytes),
    });
    switch (step.do) {
      case "grant":
        return lease("Grant", frame(message([1, step.ttl], [2, step.id])));
      case "revoke":
        return lease("Revoke", frame(message([1, this.#id(step.id)])));
      case "timeToLive":
        return lease("TimeToLive", frame(message([1, this.#id(step.id)], [2, step.keys])));
      case "keepAlive": {
        const frames = step.ids.map((id) => frame(message([1, this.#id(id)])));
        return lease("KeepAlive", Buffer.concat(frames));
      }
      case "leases":
        return lease("Leases", frame(new Uint8Array(0)));
      case "put":
        return kv("Put", this.#put(step.put));
      case "delete":
        return kv("DeleteRange", message([1, step.key], [2, step.end], [3, true]));
      case "txn": {
        const puts = step.puts.map((put) => message([2, this.#put(put)]));
        const deletes = step.deletes.map((key) => message([3, message([1, key])]));
        const ops = [...puts, ...deletes].map((op) => [2, op] as const);
        return kv("Txn", message(...ops));
      }
      case "everything":
        return kv("Range", message([1, "\0"], [2, "\0"]));
      case "hash":
        return { path: "/etcdserverpb.Maintenance/HashKV", body: frame(new Uint8Array(0)) };
      case "raw":
        return { path: step.path, body: step.bytes };
    }
  }

  #put({ key, lease, ignoreLease, ignoreValue }: Put): Uint8Array {
    return message(
      [1, key],
      [2, ignoreValue === true ? undefined : `value of ${key}`],
      [3, ignoreLease === true ? undefined : this.#id(lease)],
      [4, true],
      [5, ignoreValue],
      [6, ignoreLease],
    );
  }

  #id(ref: LeaseRef): bigint {
    return ref === "chosen" ? this.#chosen : ref;
  }

  #timeToLive(answer: RawAnswer): Said {
    const [bytes] = answer.messages;
    if (answer.code !== 0 || bytes === undefined)
      return { text: statusOf(answer), remaining: null };
    const fields = parse(bytes);
    const keys = (fields.get(5) ?? []).map((key) => textOf(key as Uint8Array)).sort(byCode);
    const granted = numberOf(fields, 4);
    const remaining = numberOf(fields, 3);
    const known = granted === 0n ? `ttl ${remaining}` : "known";
    const id = this.#name(numberOf(fields, 2));
    const text = `${headerOf(fields)} lease ${id} ${known} of ${granted}, keys ${keys.join()}`;
    return { text, remaining: granted === 0n ? null : remaining };
  }

  #text(step: Step, answer: RawAnswer): string {
    const said = answer.messages.map((bytes) => {
      const fields = parse(bytes);
      const header = headerOf(fields);
      switch (step.do) {
        case "grant": {
          const id = numberOf(fields, 2);
          if (step.id === 0n) this.#chosen = id;
          const name = step.id === 0n ? `chosen, ${id > 0n ? "positive" : "negative"}` : id;
          return `${header} lease ${name} ttl ${numberOf(fields, 3)}`;
        }
        case "keepAlive":
          return `${header} lease ${this.#name(numberOf(fields, 2))} ttl ${numberOf(fields, 3)}`;
        case "leases":
          return `${header} leases ${this.#leases(fields).join()}`;
        case "hash":
          return `${header} ${numberOf(fields, 2)} ${numberOf(fields, 4)}`;
        case "everything":
          return `${header} ${this.#keyValues(fields).join(" ")}`;
        default:
          fields.delete(1);
          return `${header} ${restOf(fields)}`;
      }
    });
    return [...said, statusOf(answer)].join("; ");
  }

  /** In the order of the answer. */
  #leases(fields: ReturnType<typeof parse>): (bigint | string)[] {
    return (fields.get(2) ?? []).map((status) =>
      this.#name(numberOf(parse(status as Uint8Array), 1)),
    );
  }

  #keyValues(fields: ReturnType<typeof parse>): string[] {
    return (fields.get(2) ?? []).map((bytes) => {
      const kv = parse(bytes as Uint8Array);
      const lease = this.#name(numberOf(kv, 6));
      kv.delete(6);
      return `{${restOf(kv)} lease ${lease}}`;
    });
  }

  #name(id: bigint): bigint | string {
    return id !== 0n && id === this.#chosen ? "chosen" : id;
  }
}

function statusOf({ code, message: text }: RawAnswer): string {
  return code === 0 ? "OK" : `code ${code}: ${text}`;
}

function headerOf(fields: ReturnType<typeof parse>): string {
  const [bytes] = fields.get(1) ?? [];
  if (bytes === undefined) return "no header";
  const header = parse(bytes as Uint8Array);
  const isWhole = [1, 2, 4].every((number) => header.has(number));
  return `${isWhole ? "" : "part of a header "}at ${numberOf(header, 3)}`;
}

function numberOf(fields: ReturnType<typeof parse>, number: number): bigint {
  const value = fields.get(number)?.at(-1);
  return typeof value === "bigint" ? BigInt.asIntN(64, value) : 0n;
}

function restOf(fields: ReturnType<typeof parse>): string {
  return [...fields]
    .map(([number, values]) => `${number}: ${values.map((value) => print(value)).join()}`)
    .join(" ");
}

function print(value: bigint | Uint8Array): string {
  return typeof value === "bigint" ? String(value) : Buffer.from(value).toString("hex");
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

function byCode(a: string, b: string): number {
  return a < b ? -1 : 1;
}
