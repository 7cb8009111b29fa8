import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../base/prng.ts";
import { SnapError } from "./snap-error.ts";
import { decodeV2Tree, V2_TREE_BYTES_MAX } from "./v2-decode.ts";
import { encodeV2Tree } from "./v2-tree.ts";
import type { V2Membership } from "./v2-tree.ts";

const SEED = 20261121;
const A: V2Membership["members"][number] = {
  id: 0xe765e731bd1bb1a3n,
  name: "m1",
  peerUrls: ["http://10.0.0.1:2380"],
  clientUrls: ["http://10.0.0.1:2379"],
  isLearner: false,
};
const ONE: V2Membership = { members: [A], removed: [], clusterVersion: "3.7.0" };

/** The "accepted minimum" of formats-disk.md 7, which etcd loaded. */
const MINIMUM =
  '{"Root":{"Path":"/","CreatedIndex":0,"ModifiedIndex":0,"ExpireTime":"0001-01-01T00:00:00Z",' +
  '"Value":"","Children":{"0":{"Path":"/0","CreatedIndex":0,"ModifiedIndex":0,' +
  '"ExpireTime":"0001-01-01T00:00:00Z","Value":"","Children":{"members":{"Path":"/0/members",' +
  '"CreatedIndex":1,"ModifiedIndex":1,"ExpireTime":"0001-01-01T00:00:00Z","Value":"",' +
  '"Children":{"e765e731bd1bb1a3":{"Path":"/0/members/e765e731bd1bb1a3","CreatedIndex":1,' +
  '"ModifiedIndex":1,"ExpireTime":"0001-01-01T00:00:00Z","Value":"","Children":{"attributes":' +
  '{"Path":"/0/members/e765e731bd1bb1a3/attributes","CreatedIndex":2,"ModifiedIndex":2,' +
  '"ExpireTime":"0001-01-01T00:00:00Z","Value":"{\\"name\\":\\"m1\\",\\"clientURLs\\":' +
  '[\\"http://10.0.0.1:2379\\"]}","Children":null},"raftAttributes":{"Path":' +
  '"/0/members/e765e731bd1bb1a3/raftAttributes","CreatedIndex":1,"ModifiedIndex":1,' +
  '"ExpireTime":"0001-01-01T00:00:00Z","Value":"{\\"peerURLs\\":[\\"http://10.0.0.1:2380\\"]}",' +
  '"Children":null}}}}},"version":{"Path":"/0/version","CreatedIndex":3,"ModifiedIndex":3,' +
  '"ExpireTime":"0001-01-01T00:00:00Z","Value":"3.7.0","Children":null}}},"1":{"Path":"/1",' +
  '"CreatedIndex":0,"ModifiedIndex":0,"ExpireTime":"0001-01-01T00:00:00Z","Value":"",' +
  '"Children":{}}}},"CurrentIndex":3,"CurrentVersion":2}';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function membershipOf(bytes: Uint8Array): V2Membership {
  const { members, removed, clusterVersion, hasOtherContent, hasV2Data } = decodeV2Tree(bytes);
  assert.deepEqual([hasOtherContent, hasV2Data], [false, false]);
  return { members, removed, clusterVersion };
}

test("one member gives the accepted minimum byte for byte", () => {
  assert.equal(text(encodeV2Tree(ONE)), MINIMUM);
  assert.deepEqual(membershipOf(utf8(MINIMUM)), ONE);
});

test("everything comes back: learners, removed ids, odd URLs, ids beyond 2^53", () => {
  const rich: V2Membership = {
    members: [
      { ...A, id: 1n, name: "", clientUrls: [], peerUrls: [] },
      { ...A, id: 0x1234n, name: 'quote " < > & \u2028 ü', isLearner: true },
      { ...A, id: 0xe765e731bd1bb1a2n, peerUrls: ["http://a/?x=1&y=<2>", "unix://b"] },
      A,
      { ...A, id: 2n ** 64n - 1n, name: "", isLearner: true },
    ],
    removed: [2n, 10n, 0xffff_ffff_ffff_fffen],
    clusterVersion: null,
  };
  const bytes = encodeV2Tree(rich);
  assert.deepEqual(membershipOf(bytes), rich);
  const shuffled = {
    ...rich,
    members: rich.members.toReversed(),
    removed: rich.removed.toReversed(),
  };
  assert.deepEqual(encodeV2Tree(shuffled), bytes);
  const { members, removed } = { members: [], removed: [] };
  const nobody = { members, removed, clusterVersion: null };
  assert.deepEqual(membershipOf(encodeV2Tree(nobody)), nobody);
});

test("etcd's rules: /0 and /1, leaves null, isLearner only when true, Go's escapes", () => {
  const members = [{ ...A, isLearner: true, name: "<&>" }];
  const written = text(encodeV2Tree({ ...ONE, members, removed: [0xabcn] }));
  type Node = { Path: string; Children: null | Record<string, Node>; Value: string };
  const { Root } = JSON.parse(written) as { Root: Node };
  assert.deepEqual(Object.keys(Root.Children!), ["0", "1"]);
  assert.deepEqual(Root.Children!["1"]!.Children, {});
  const own = Root.Children!["0"]!.Children!;
  const member = own["members"]!.Children![A.id.toString(16)]!;
  assert.deepEqual(member.Children!["raftAttributes"]!.Children, null);
  const raft = '{"peerURLs":["http://10.0.0.1:2380"],"isLearner":true}';
  assert.equal(member.Children!["raftAttributes"]!.Value, raft);
  assert.match(member.Children!["attributes"]!.Value, /^\{"name":"\\u003c\\u0026\\u003e",/);
  assert.deepEqual(Object.keys(own["removed_members"]!.Children!), ["abc"]);
  assert.equal(own["removed_members"]!.Children!["abc"]!.Children, null);
  assert.ok(!/[<>&]/.test(written));
  const walk = (node: Node, path: string): void => {
    assert.equal(node.Path, path === "" ? "/" : path);
    for (const [name, child] of Object.entries(node.Children ?? {})) walk(child, `${path}/${name}`);
  };
  walk(Root, "");
});

test("programmer errors: ids and versions that are none", () => {
  for (const wrong of [
    { ...ONE, members: [{ ...A, id: 0n }] },
    { ...ONE, members: [{ ...A, id: 2n ** 64n }] },
    { ...ONE, members: [A, A] },
    { ...ONE, removed: [7n, 7n] },
    { ...ONE, clusterVersion: "3.7" },
  ]) {
    assert.throws(() => encodeV2Tree(wrong), { name: "AssertionError" });
  }
});

/** A node of a tree to read; `null` children make a leaf. */
function node(children: Record<string, unknown> | null, value: unknown = ""): object {
  return { Path: "ignored", Value: value, Children: children, CreatedIndex: 2 ** 60 };
}

function treeOf(own: Record<string, unknown>, more: Record<string, unknown> = {}): Uint8Array {
  const Root = node({ "0": node(own), "1": node({}), ...more });
  const Events = Array.from({ length: 1000 }, (_, i) => (i < 3 ? { action: "create" } : null));
  const Queue = { Events, Size: 3, Front: 0, Back: 3, Capacity: 1000 };
  const WatcherHub = { EventHistory: { Queue, StartIndex: 0, LastIndex: 3, DuplicatedIndex: 0 } };
  const Stats = { getsSuccess: 3, watchers: 0 };
  return utf8(JSON.stringify({ Root, WatcherHub, CurrentIndex: 3, Stats, CurrentVersion: 2 }));
}

const RAFT = { raftAttributes: node(null, '{"peerURLs":["http://p"]}') };

test("history, statistics and an id in the attributes are not looked at", () => {
  const attributes = node(null, '{"id":16673987396221252003,"name":"m1"}');
  const tree = treeOf({ members: node({ e765e731bd1bb1a3: node({ ...RAFT, attributes }) }) });
  const { members, clusterVersion, hasOtherContent } = decodeV2Tree(tree);
  const member = { ...A, peerUrls: ["http://p"], clientUrls: [] };
  assert.deepEqual([members, clusterVersion, hasOtherContent], [[member], null, false]);
});

test("names of fields count in any case, as in Go", () => {
  const tree = text(encodeV2Tree(ONE)).replaceAll('"Children"', '"children"');
  const other = tree.replace("Root", "ROOT").replace("peerURLs", "peerurls");
  assert.deepEqual(membershipOf(utf8(other)), ONE);
});

test("other content is ignored and reported", () => {
  const members = node({ a: node(RAFT) });
  const auth = (users: object): object => node({ roles: node({}), users: node({ ...users }) });
  const cases: readonly (readonly [string, Uint8Array, boolean, boolean])[] = [
    ["none", treeOf({ members }), false, false],
    ["a v2 key", treeOf({ members }, { "1": node({ key: node(null, "v") }) }), true, true],
    ["empty v2 auth", treeOf({ members }, { "2": auth({}) }), true, false],
    ["a v2 user", treeOf({ members }, { "2": auth({ root: node(null, "{}") }) }), true, true],
    ["an empty directory", treeOf({ members }, { "3": node({}) }), true, false],
    ["a used directory", treeOf({ members }, { "3": node({ x: node(null) }) }), true, true],
    ["beside the members", treeOf({ members, config: node({}) }), true, false],
    [
      "in a member",
      treeOf({ members: node({ a: node({ ...RAFT, x: node(null) }) }) }),
      true,
      false,
    ],
    ["no /1", utf8(JSON.stringify({ Root: node({ "0": node({ members }) }) })), false, false],
    ["__proto__", utf8(text(treeOf({ members })).replace('"1"', '"__proto__"')), true, false],
  ];
  for (const [what, tree, hasOtherContent, hasV2Data] of cases) {
    const found = decodeV2Tree(tree);
    assert.deepEqual([found.hasOtherContent, found.hasV2Data], [hasOtherContent, hasV2Data], what);
    assert.deepEqual([found.members.length, found.members[0]?.id], [1, 10n], what);
  }
});

const member = (raft: string, attributes = "{}"): Uint8Array =>
  treeOf({
    members: node({
      a: node({ raftAttributes: node(null, raft), attributes: node(null, attributes) }),
    }),
  });

const REFUSED: readonly (readonly [string, Uint8Array])[] = [
  ["no bytes", utf8("")],
  ["not JSON", utf8("{")],
  ["a byte order mark", utf8(`\ufeff${MINIMUM}`)],
  ["no tree", utf8("{}")],
  ["null", utf8("null")],
  ["a list", utf8("[]")],
  ["Root is a list", utf8('{"Root":[]}')],
  ["no /0", utf8('{"Root":{"Children":{"1":{}}}}')],
  ["children are a list", utf8('{"Root":{"Children":[{}]}}')],
  ["a child is null", utf8('{"Root":{"Children":{"0":null}}}')],
  ["no raftAttributes", treeOf({ members: node({ a: node({}) }) })],
  ["an id that is none", treeOf({ members: node({ xyz: node(RAFT) }) })],
  ["an empty id", treeOf({ members: node({ "": node(RAFT) }) })],
  ["id 0", treeOf({ members: node({ "0": node(RAFT) }) })],
  ["an id of 17 digits", treeOf({ members: node({ "10000000000000000": node(RAFT) }) })],
  ["an id twice", treeOf({ members: node({ a: node(RAFT), "0A": node(RAFT) }) })],
  ["a removed id that is none", treeOf({ removed_members: node({ "-1": node(null) }) })],
  ["raftAttributes that are not JSON", member("{")],
  ["raftAttributes that are a number", member("7")],
  ["peerURLs that are a string", member('{"peerURLs":"x"}')],
  ["a peer URL that is a number", member('{"peerURLs":[1]}')],
  ["isLearner that is a string", member('{"isLearner":"true"}')],
  ["a name that is a number", member("{}", '{"name":1}')],
  ["clientURLs that are an object", member("{}", '{"clientURLs":{}}')],
  ["a value that is a number", treeOf({ version: node(null, 3) })],
  ["a version that is none", treeOf({ version: node(null, "three") })],
  ["nesting", utf8("[".repeat(200_000))],
  ["nesting that ends", utf8(`{"Root":${"[".repeat(200_000)}${"]".repeat(200_000)}}`)],
];

test("what is no tree is refused with a SnapError that says so", () => {
  for (const [what, bytes] of REFUSED) {
    assert.throws(
      () => decodeV2Tree(bytes, "/x.snap"),
      (error) => error instanceof SnapError && error.code === "parse" && error.file === "/x.snap",
      what,
    );
  }
});

test("a tree beyond the limit is not taken apart", () => {
  const bytes = new Uint8Array(V2_TREE_BYTES_MAX + 1);
  assert.throws(() => decodeV2Tree(bytes), { name: "SnapError", code: "too-large" });
});

test(`damaged trees give a tree or a SnapError (seed ${SEED})`, () => {
  const prng = new Prng(SEED);
  const whole = encodeV2Tree({ ...ONE, removed: [1n, 2n] });
  for (let round = 0; round < 4000; round += 1) {
    const bytes = whole.slice(0, prng.chance(0.2) ? prng.below(whole.length) : whole.length);
    const flips = 1 + prng.below(3);
    for (let i = 0; i < flips && bytes.length > 0; i += 1) {
      bytes[prng.below(bytes.length)]! ^= 1 << prng.below(8);
    }
    try {
      decodeV2Tree(bytes);
    } catch (error) {
      assert.ok(error instanceof SnapError, String(error));
    }
  }
});
