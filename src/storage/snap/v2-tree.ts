/**
 * The membership as the tree of etcd's old v2 store, in JSON: what a `.snap` file carries for
 * etcd 3.5 and 3.6 (formats-disk.md 7). Reading is in v2-decode.ts.
 */
import { assert } from "../../base/assert.ts";

/** One member as the tree names it. */
export interface V2Member {
  /** In [1, 2^64). */
  readonly id: bigint;
  /** Empty until the member published itself. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  /** Empty until the member published itself. */
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

/** What the tree holds of a cluster. */
export interface V2Membership {
  readonly members: readonly V2Member[];
  /** Ids that left and must not come back. */
  readonly removed: readonly bigint[];
  /** As `3.7.0`; null before it is decided. */
  readonly clusterVersion: string | null;
}

/** Three numbers: etcd's reader ends its process on anything that is not a version. */
export const CLUSTER_VERSION = /^\d{1,9}\.\d{1,9}\.\d{1,9}$/;

/** The store's own version; readers compare it with nothing, writers always say 2. */
const STORE_VERSION = 2;
const NEVER_EXPIRES = "0001-01-01T00:00:00Z";

/**
 * The smallest tree that every etcd to 3.7 loads and goes on writing to, as UTF-8: `/0` with
 * members, removed members and cluster version, and an empty `/1`. Event history and statistics are
 * left out, which readers take for none. Equal memberships give equal bytes, whatever their order.
 * @throws AssertionError for an id out of range or named twice, and for a version that is none.
 */
export function encodeV2Tree(membership: V2Membership): Uint8Array {
  const { clusterVersion } = membership;
  assert(clusterVersion === null || CLUSTER_VERSION.test(clusterVersion), "a cluster version");
  const tree = new TreeText();
  const members = ordered(membership.members, ({ id }) => id).map(([name, member]) =>
    memberNode(tree, name, member),
  );
  const removed = ordered(membership.removed, (id) => id).map(([name]) =>
    tree.leaf(`/0/removed_members/${name}`, ""),
  );
  const own: string[] = [];
  if (members.length > 0) own.push(tree.directory("/0/members", 1, members));
  if (removed.length > 0) {
    own.push(tree.directory("/0/removed_members", tree.index - removed.length + 1, removed));
  }
  if (clusterVersion !== null) own.push(tree.leaf("/0/version", clusterVersion));
  const top = [tree.directory("/0", 0, own), tree.directory("/1", 0, [])];
  // The root is the one node that is nobody's child: its name goes with the wrapper.
  const root = tree.directory("/", 0, top).slice('"":'.length);
  const text = `{"Root":${root},"CurrentIndex":${tree.index},"CurrentVersion":${STORE_VERSION}}`;
  return new TextEncoder().encode(text);
}

function memberNode(tree: TreeText, name: string, member: V2Member): string {
  const path = `/0/members/${name}`;
  const created = tree.index + 1;
  const { peerUrls, isLearner, clientUrls } = member;
  const raftAttributes = isLearner
    ? { peerURLs: peerUrls, isLearner: true }
    : { peerURLs: peerUrls };
  const leaves = [tree.leaf(`${path}/raftAttributes`, goJson(raftAttributes))];
  if (member.name !== "" || clientUrls.length > 0) {
    const attributes = {
      ...(member.name === "" ? {} : { name: member.name }),
      ...(clientUrls.length === 0 ? {} : { clientURLs: clientUrls }),
    };
    leaves.unshift(tree.leaf(`${path}/attributes`, goJson(attributes)));
  }
  return tree.directory(path, created, leaves);
}

/** By id as text, as Go orders the keys of an object. */
function ordered<T>(items: readonly T[], idOf: (item: T) => bigint): [string, T][] {
  const named = new Map<string, T>();
  for (const item of items) {
    const id = idOf(item);
    assert(id > 0n && id < 1n << 64n, `member id ${id}`);
    const name = id.toString(16);
    assert(!named.has(name), `member ${name} twice`);
    named.set(name, item);
  }
  return [...named].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** Nodes as `"name":{…}`. Built as text: object keys of digits would lose their order. */
class TreeText {
  /** Of the last change; each leaf is one. */
  index = 0;

  leaf(path: string, value: string): string {
    this.index += 1;
    return node(path, this.index, value, "null");
  }

  directory(path: string, created: number, children: readonly string[]): string {
    return node(path, created, "", `{${children.join(",")}}`);
  }
}

function node(path: string, created: number, value: string, children: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return (
    `"${name}":{"Path":"${path}","CreatedIndex":${created},"ModifiedIndex":${created},` +
    `"ExpireTime":"${NEVER_EXPIRES}","Value":${goJson(value)},"Children":${children}}`
  );
}

/** Go's encoder also escapes these, and they occur in strings only. */
function goJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/gu,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
