/** Reads the v2 tree that etcd 3.0 to 3.7 and we (v2-tree.ts) put into `.snap` files. */
import { SnapError } from "./snap-error.ts";
import { CLUSTER_VERSION } from "./v2-tree.ts";
import type { V2Member, V2Membership } from "./v2-tree.ts";

/**
 * Largest tree that is read. With its history of 1000 events one without v2 keys has below 2 MiB;
 * the most hostile text of this size costs about a second and a gigabyte to take apart.
 */
export const V2_TREE_BYTES_MAX = 16 * 1024 * 1024;

/** A tree taken apart. */
export interface DecodedV2Tree extends V2Membership {
  /** By id, ascending; so is `removed`. */
  readonly members: readonly V2Member[];
  /** There are nodes besides the membership, empty directories included; they were ignored. */
  readonly hasOtherContent: boolean;
  /** etcd 3.6 refuses to start because of some of them; empty v2-auth directories are no reason. */
  readonly hasV2Data: boolean;
}

/**
 * The membership in a `.snap` file's data. Event history, statistics and indexes are not looked at.
 * Ids come from path names, where they are exact. `file` is for messages.
 * @throws SnapError, nothing else, whatever the bytes are.
 */
export function decodeV2Tree(bytes: Uint8Array, file = ""): DecodedV2Tree {
  return new TreeReader(file).read(bytes);
}

type Json = null | boolean | number | string | JsonObject | Json[];
interface JsonObject {
  readonly [name: string]: Json;
}
type Children = ReadonlyMap<string, JsonObject>;

const NO_CHILDREN: ReadonlyMap<string, JsonObject> = new Map();
const EMPTY_DIRECTORIES: ReadonlySet<string> = new Set(["1"]);
const OWN: ReadonlySet<string> = new Set(["members", "removed_members", "version"]);
const LEAVES: ReadonlySet<string> = new Set(["attributes", "raftAttributes"]);
/** What v2 authentication leaves behind when it is off: directories without users and roles. */
const AUTH = "2";
const ID = /^[0-9a-fA-F]{1,16}$/;

class TreeReader {
  readonly #file: string;
  #hasOtherContent = false;
  #hasV2Data = false;

  constructor(file: string) {
    this.#file = file;
  }

  read(bytes: Uint8Array): DecodedV2Tree {
    const tree = this.#object(this.#text(bytes), "tree");
    const top = this.#children(this.#object(field(tree, "Root"), "Root"), "/");
    const own = this.#children(top.get("0") ?? this.#refuse("there is no /0"), "/0");
    this.#others(top, own);
    const members = this.#byId(own, "members").map(([id, node]) => this.#member(id, node));
    const removed = this.#byId(own, "removed_members").map(([id]) => id);
    const clusterVersion = this.#version(own.get("version"));
    const hasOtherContent = this.#hasOtherContent;
    return { members, removed, clusterVersion, hasOtherContent, hasV2Data: this.#hasV2Data };
  }

  #refuse(message: string): never {
    throw new SnapError({ code: "parse", message: `v2 tree: ${message}`, file: this.#file });
  }

  #text(bytes: Uint8Array): Json {
    if (bytes.length > V2_TREE_BYTES_MAX) {
      const message = `a v2 tree of ${bytes.length} bytes; ${V2_TREE_BYTES_MAX} are read`;
      const remedy = "Remove the v2 keys with the etcd that wrote it and take a new snapshot.";
      throw new SnapError({ code: "too-large", message, file: this.#file, remedy });
    }
    return this.#json(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), "tree");
  }

  #json(text: string, what: string): Json {
    try {
      return JSON.parse(text) as Json;
    } catch {
      return this.#refuse(`${what}: not JSON`);
    }
  }

  #object(value: Json, what: string): JsonObject {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
    return this.#refuse(`${what}: not an object`);
  }

  /** A node's children by name; none for a leaf. */
  #children(node: JsonObject, path: string): Children {
    const value = field(node, "Children");
    if (value === null) return NO_CHILDREN;
    const children = new Map<string, JsonObject>();
    for (const [name, child] of Object.entries(this.#object(value, `children of ${path}`))) {
      children.set(name, this.#object(child, name));
    }
    return children;
  }

  #value(node: JsonObject, path: string): string {
    const value = field(node, "Value") ?? "";
    return typeof value === "string" ? value : this.#refuse(`${path}: its value is not a string`);
  }

  /** Notes what is ignored. */
  #others(top: Children, own: Children): void {
    for (const [name, node] of top) {
      if (name === "0") continue;
      const children = this.#children(node, `/${name}`);
      const isUsed = name === AUTH ? this.#hasGrandchildren(children) : children.size > 0;
      if (isUsed) this.#hasV2Data = true;
      if (isUsed || !EMPTY_DIRECTORIES.has(name)) this.#hasOtherContent = true;
    }
    for (const name of own.keys()) if (!OWN.has(name)) this.#hasOtherContent = true;
  }

  #hasGrandchildren(children: Children): boolean {
    for (const [name, child] of children) {
      if (this.#children(child, `/${AUTH}/${name}`).size > 0) return true;
    }
    return false;
  }

  /** The children of a directory whose names are ids, ascending. */
  #byId(own: Children, directory: string): [bigint, JsonObject][] {
    const nodes = new Map<bigint, JsonObject>();
    const node = own.get(directory);
    const children = node === undefined ? NO_CHILDREN : this.#children(node, `/0/${directory}`);
    for (const [name, child] of children) {
      const id = ID.test(name) ? BigInt(`0x${name}`) : 0n;
      if (id === 0n) this.#refuse(`/0/${directory}/${name.slice(0, 40)}: not a member's id`);
      if (nodes.has(id)) this.#refuse(`/0/${directory}/${name}: twice`);
      nodes.set(id, child);
    }
    return [...nodes].toSorted(([a], [b]) => (a < b ? -1 : 1));
  }

  #member(id: bigint, node: JsonObject): V2Member {
    const path = `/0/members/${id.toString(16)}`;
    const leaves = this.#children(node, path);
    for (const name of leaves.keys()) if (!LEAVES.has(name)) this.#hasOtherContent = true;
    const raftAttributes = leaves.get("raftAttributes");
    if (raftAttributes === undefined) this.#refuse(`${path}: no raftAttributes`);
    const raft = this.#attributes(raftAttributes, `${path}/raftAttributes`);
    const attributes = leaves.get("attributes");
    const own = attributes === undefined ? {} : this.#attributes(attributes, `${path}/attributes`);
    const name = field(own, "name") ?? "";
    const isLearner = field(raft, "isLearner") ?? false;
    if (typeof name !== "string") this.#refuse(`${path}: its name is not a string`);
    if (typeof isLearner !== "boolean") this.#refuse(`${path}: isLearner is not true or false`);
    const peerUrls = this.#urls(field(raft, "peerURLs"), path);
    const clientUrls = this.#urls(field(own, "clientURLs"), path);
    return { id, name, peerUrls, clientUrls, isLearner };
  }

  #attributes(leaf: JsonObject, path: string): JsonObject {
    return this.#object(this.#json(this.#value(leaf, path), path), path);
  }

  #urls(value: Json, path: string): string[] {
    if (value === null) return [];
    if (!Array.isArray(value)) return this.#refuse(`${path}: its URLs are not a list`);
    return value.map((url) =>
      typeof url === "string" ? url : this.#refuse(`${path}: a URL that is not a string`),
    );
  }

  #version(node: JsonObject | undefined): string | null {
    if (node === undefined) return null;
    const version = this.#value(node, "/0/version");
    if (CLUSTER_VERSION.test(version)) return version;
    return this.#refuse(`/0/version: ${JSON.stringify(version.slice(0, 40))} is no version`);
  }
}

/** As Go reads: names of fields in any case, the last one counts; null when there is none. */
function field(object: JsonObject, name: string): Json {
  let found: Json = null;
  const wanted = name.toLowerCase();
  for (const [key, value] of Object.entries(object)) {
    if (key === name || key.toLowerCase() === wanted) found = value;
  }
  return found;
}
