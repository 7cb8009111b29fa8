/** Random messages of any model, as fast-check arbitraries. */
import fc from "fast-check";
import { blank, type Field, type Message, type Plain } from "./model.ts";

/** Levels of nested messages that are made. */
const LEVELS_MAX = 3;

const around = (n: bigint): bigint[] => [n - 1n, n, n + 1n];
const powers = [7n, 14n, 21n, 28n, 31n, 32n, 35n, 42n, 49n, 52n].flatMap((p) => around(1n << p));
const unsignedEdges = [0n, 1n, ...powers, (1n << 53n) - 1n, 1n << 53n];
const signedEdges = [...unsignedEdges, ...unsignedEdges.map((n) => -n)];
const exactEdges = [...around(1n << 53n), ...around(1n << 56n), (1n << 63n) - 1n];

const uint = fc.oneof(fc.nat(300).map(BigInt), fc.constantFrom(...unsignedEdges));
const int = fc.oneof(
  fc.integer({ min: -300, max: 300 }).map(BigInt),
  fc.constantFrom(...signedEdges),
);
const uint64 = fc.oneof(
  uint,
  fc.constantFrom(...exactEdges, 1n << 63n, (1n << 64n) - 1n),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
);
const int64 = fc.oneof(
  int,
  fc.constantFrom(...exactEdges, ...exactEdges.map((n) => -n), -(1n << 63n)),
  fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 6 }),
  fc.uint8Array({ minLength: 120, maxLength: 135 }),
);
const text = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ minLength: 28, maxLength: 36 }),
  fc.string({ unit: "binary", minLength: 28, maxLength: 36 }),
);

/** One value of a scalar field, as our codecs have it. */
function scalar(field: Field): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case "bytes":
      return bytes;
    case "string":
      return text;
    case "bool":
      return fc.boolean();
    case "uint":
      return uint.map(Number);
    case "int":
      return int.map(Number);
    case "uint64":
      return uint64;
    case "int64":
      return int64;
    case "uint32":
      return fc.oneof(fc.nat(300), fc.constantFrom(2 ** 31, 2 ** 32 - 1));
    default:
      return fc.oneof(fc.nat(5), fc.constantFrom(-1, 127, 128, 2 ** 31 - 1, -(2 ** 31)));
  }
}

function element(field: Field, level: number): fc.Arbitrary<unknown> {
  return field.kind === "message" ? messageOf(field.type as Message, level + 1) : scalar(field);
}

/** Random messages of `model`; a field is absent about as often as not. */
export function messageOf(model: Message, level = 0): fc.Arbitrary<Plain> {
  const slots: Record<string, fc.Arbitrary<unknown>> = {};
  const deep = level >= LEVELS_MAX;
  for (const field of model.fields) {
    if (field.oneof !== undefined || (deep && field.kind === "message")) continue;
    const one = element(field, level);
    slots[field.prop] = field.repeated ? fc.array(one, { maxLength: 3 }) : one;
  }
  for (const oneof of model.oneofs) {
    const members = oneof.fields.filter((f) => !deep || f.kind !== "message");
    if (members.length === 0) continue;
    const cases = members.map((f) => element(f, level).map((value) => ({ case: f.prop, value })));
    slots[oneof.prop] = fc.oneof(...cases);
  }
  return fc.record(slots, { requiredKeys: [] }).map((set) => ({ ...blank(model), ...set }));
}
