import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";
import { parseForProtobufjs } from "./testing/model.ts";
import { type MethodEntry, methodEntries } from "./gen/services.ts";

/** The .proto files that an unrelated client carries, of an older etcd. */
function theirs(): protobuf.Root {
  const root = new protobuf.Root();
  for (const name of ["auth.proto", "kv.proto", "rpc.proto"]) {
    const path = fileURLToPath(import.meta.resolve(`etcd3/proto/${name}`));
    protobuf.parse(readFileSync(path, "utf8"), root, { keepCase: true });
  }
  root.resolveAll();
  return root;
}

/** Every type and service below a namespace. */
function all(space: protobuf.NamespaceBase): protobuf.ReflectionObject[] {
  return space.nestedArray.flatMap((o) => [o, ...(o instanceof protobuf.Namespace ? all(o) : [])]);
}

function sameField(ours: protobuf.Field | undefined, field: protobuf.Field): void {
  assert.equal(ours?.name, field.name, field.fullName);
  assert.equal(ours?.repeated, field.repeated, field.fullName);
  assert.equal(ours?.partOf?.name, field.partOf?.name, field.fullName);
  const type = (f: protobuf.Field | undefined): string => f?.resolvedType?.fullName ?? `${f?.type}`;
  assert.equal(type(ours), type(field), field.fullName);
}

test("names, numbers and types are those that another client was made with", () => {
  const root = parseForProtobufjs();
  let fields = 0;
  for (const object of all(theirs())) {
    if (object instanceof protobuf.Enum) {
      // That client spells the names in its own way.
      const plain = (name: string): string => name.replaceAll("_", "").toLowerCase();
      const ours = root.lookupEnum(object.fullName).valuesById;
      for (const [name, number] of Object.entries(object.values)) {
        assert.equal(plain(`${ours[number]}`), plain(name), object.fullName);
      }
    } else if (object instanceof protobuf.Type) {
      const ours = root.lookupType(object.fullName);
      for (const field of object.fieldsArray) {
        sameField(ours.fieldsById[field.id], field);
        fields += 1;
      }
    }
  }
  assert.ok(fields > 150, `${fields} fields compared`);
});

test("services are those that another client was made with", () => {
  let methods = 0;
  for (const service of all(theirs())) {
    if (!(service instanceof protobuf.Service)) continue;
    for (const method of service.methodsArray) {
      const name: string = service.fullName.slice(1);
      const ours: MethodEntry | undefined = methodEntries.find(
        (m) => m.service === name && m.name === method.name,
      );
      assert.equal(ours?.request, method.resolvedRequestType?.fullName.slice(1), method.fullName);
      assert.equal(ours?.response, method.resolvedResponseType?.fullName.slice(1), method.fullName);
      const streams = `${method.requestStream === true} ${method.responseStream === true}`;
      const kinds: Readonly<Record<string, string>> = {
        "false false": "unary",
        "false true": "serverStream",
        "true true": "bidiStream",
      };
      assert.equal(ours?.kind, kinds[streams], method.fullName);
      methods += 1;
    }
  }
  assert.ok(methods > 30, `${methods} methods compared`);
});

test("the method table: 52 methods, gateway paths each once", () => {
  assert.equal(methodEntries.length, 52);
  const paths = methodEntries.flatMap((m) => m.paths);
  assert.equal(new Set(paths).size, paths.length);
  const bare = methodEntries.filter((m) => m.paths.length === 0).map((m) => m.name);
  assert.deepEqual(bare, ["RangeStream", "Check", "List", "Watch"]);
});
