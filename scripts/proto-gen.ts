/**
 * Writes src/proto/gen from proto/. With --check it writes nothing and exits 1 when a file there
 * would change, appear or go.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { descriptorsText } from "./proto-gen/emit-descriptors.ts";
import { emitEncode } from "./proto-gen/emit-encode.ts";
import { emitCreate, emitDecode, emitEnum, emitTypes } from "./proto-gen/emit-message.ts";
import { servicesText } from "./proto-gen/emit-services.ts";
import { FileWriter, fileOf } from "./proto-gen/names.ts";
import { type Package, parseFolder, readSchema } from "./proto-gen/schema.ts";

const root = join(import.meta.dirname, "..");
const target = join(root, "src/proto/gen");

function generate(): Map<string, string> {
  const schema = readSchema(parseFolder(join(root, "proto")));
  const files = new Map<string, string>();
  for (const pkg of schema.packages.values()) files.set(fileOf(pkg.name), packageText(pkg));
  files.set("services.ts", servicesText(schema.methods));
  files.set("descriptors.ts", descriptorsText(schema));
  return files;
}

function packageText(pkg: Package): string {
  const out = new FileWriter(pkg.name);
  const names = new Set<string>();
  for (const { name } of [...pkg.enums, ...pkg.messages]) {
    if (names.has(name)) throw new Error(`${pkg.name}: ${name} is made twice`);
    names.add(name);
  }
  for (const e of pkg.enums) emitEnum(out, e);
  for (const m of pkg.messages) {
    emitTypes(out, m);
    emitCreate(out, m);
    emitDecode(out, m);
    emitEncode(out, m);
  }
  return out.text();
}

/** Names of files that differ from what is on disk. */
function stale(files: ReadonlyMap<string, string>): string[] {
  const found = existsSync(target) ? readdirSync(target) : [];
  const gone = found.filter((f) => f.endsWith(".ts") && !files.has(f));
  const changed = [...files].filter(([name, text]) => {
    const path = join(target, name);
    return !existsSync(path) || readFileSync(path, "utf8") !== text;
  });
  return [...changed.map(([name]) => name), ...gone];
}

const files = generate();
const differing = stale(files);
if (process.argv.includes("--check")) {
  for (const name of differing) console.error(`src/proto/gen/${name} is not up to date`);
  if (differing.length > 0) console.error("run: node scripts/proto-gen.ts");
  process.exitCode = differing.length > 0 ? 1 : 0;
} else {
  mkdirSync(target, { recursive: true });
  for (const name of differing) {
    const text = files.get(name);
    if (text === undefined) rmSync(join(target, name));
    else writeFileSync(join(target, name), text);
    console.log(name);
  }
}
