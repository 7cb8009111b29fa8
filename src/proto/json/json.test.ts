import assert from "node:assert/strict";
import { test } from "node:test";
import * as api from "../gen/etcdserverpb.ts";
import * as mvccpb from "../gen/mvccpb.ts";
import { textBytes } from "../testing/hex.ts";
import { fromBase64 } from "./base64.ts";
import { fromJson } from "./from-json.ts";
import { JSON_DEPTH_MAX, JsonError, JsonReader } from "./parse.ts";
import { descriptorOf, toJson } from "./to-json.ts";

const read = (name: string, text: string): object =>
  fromJson(descriptorOf(`etcdserverpb.${name}`), new JsonReader(text).next());
const range = (text: string): Partial<api.RangeRequest> => read("RangeRequest", text);

test("answers as the gateway prints them", () => {
  const header = { clusterId: 14841639068965178418n, memberId: 2n ** 64n - 1n, revision: 5 };
  const event = {
    ...mvccpb.createEvent(),
    kv: { ...mvccpb.createKeyValue(), key: textBytes("a") },
  };
  const watch = {
    ...api.createWatchResponse(),
    header: { ...header, raftTerm: 2 },
    events: [event, { ...event, type: 1 }],
  };
  assert.equal(
    toJson(descriptorOf("etcdserverpb.WatchResponse"), watch),
    '{"header":{"cluster_id":"14841639068965178418","member_id":"18446744073709551615",' +
      '"revision":"5","raft_term":"2"},"events":[{"kv":{"key":"YQ=="}},' +
      '{"type":"DELETE","kv":{"key":"YQ=="}}]}',
  );
  const status = { ...api.createStatusResponse(), downgradeInfo: api.createDowngradeInfo() };
  const json = toJson(descriptorOf("etcdserverpb.StatusResponse"), status);
  assert.equal(json, '{"downgradeInfo":{}}');
  const hash = { ...api.createHashResponse(), hash: 4294967295 };
  assert.equal(toJson(descriptorOf("etcdserverpb.HashResponse"), hash), '{"hash":4294967295}');
  const defragment = api.createDefragmentResponse();
  assert.equal(toJson(descriptorOf("etcdserverpb.DefragmentResponse"), defragment), "{}");
  const compare = { ...api.createCompare(), targetUnion: { case: "version", value: 0 } };
  assert.equal(toJson(descriptorOf("etcdserverpb.Compare"), compare), '{"version":"0"}');
});

test("requests as the gateway reads them", () => {
  const key = textBytes("a?>");
  for (const text of [
    '{"key":"YT8+","range_end":"YQ"}',
    '{"key":"YT8-","rangeEnd":"YQ=="}',
    ' { "key" : "YT8\\u002b" , "rangeEnd" : "YQ", "unknown": [{"a": 1.5e3}, "x"], "limit": null }',
  ]) {
    const expected = { ...api.createRangeRequest(), key, rangeEnd: textBytes("a") };
    assert.deepEqual(range(text), expected, text);
  }
  for (const five of ["5", '"5"', "5.0", "50e-1", "0.5e1", '"5.00"']) {
    assert.equal(range(`{"limit":${five}}`).limit, 5, five);
  }
  assert.equal(range('{"revision":9223372036854775807}').revision, 2 ** 53);
  assert.equal(range('{"sort_order":"DESCEND"}').sortOrder, 2);
  assert.equal(range('{"sort_order":7}').sortOrder, 7);
  assert.equal(range('{"sort_order":"SIDEWAYS"}').sortOrder, 0);
  const grant = read("LeaseGrantRequest", '{"ID":7587869125334252295,"TTL":"60"}');
  assert.deepEqual(grant, { ttl: 60, id: 7587869125334252295n });
  const filters = '{"filters":["NODELETE","NOVEMBER",0]}';
  const create = read("WatchCreateRequest", filters) as api.WatchCreateRequest;
  assert.deepEqual(create.filters, [1, 0]);
  assert.deepEqual(read("WatchRequest", '{"progress_request":{}}'), {
    requestUnion: { case: "progressRequest", value: {} },
  });
});

test("requests that the gateway refuses", () => {
  const refused: [string, string][] = [
    ["RangeRequest", "[]"],
    ["RangeRequest", "null"],
    ["RangeRequest", '{"key":"YQ==","key":"YQ=="}'],
    ["RangeRequest", '{"range_end":"YQ==","rangeEnd":"YQ=="}'],
    ["RangeRequest", '{"limit":null,"limit":1}'],
    ["RangeRequest", '{"key":5}'],
    ["RangeRequest", '{"key":"Y"}'],
    ["RangeRequest", '{"key":"YQ="}'],
    ["RangeRequest", '{"key":"+-=="}'],
    ["RangeRequest", '{"limit":1.5}'],
    ["RangeRequest", '{"limit":" 1"}'],
    ["RangeRequest", '{"limit":""}'],
    ["RangeRequest", '{"limit":"0x1"}'],
    ["RangeRequest", '{"limit":9223372036854775808}'],
    ["RangeRequest", '{"limit":1e400}'],
    ["RangeRequest", '{"limit":true}'],
    ["RangeRequest", '{"serializable":"true"}'],
    ["RangeRequest", '{"sort_order":2147483648}'],
    ["MemberListRequest", '{"linearizable":1}'],
    ["MemberAddRequest", '{"peerURLs":"http://a"}'],
    ["MemberAddRequest", '{"peerURLs":[null]}'],
    ["MemberRemoveRequest", '{"ID":-1}'],
    ["Compare", '{"version":1,"lease":2}'],
    ["TxnRequest", '{"success":[5]}'],
    ["RangeRequest", '{"key":"\\ud800"}'],
    ["RangeRequest", '{"key":"a\n"}'],
    ["RangeRequest", '{"limit":01}'],
    ["RangeRequest", '{"limit":1,}'],
    ["RangeRequest", "{limit:1}"],
    ["RangeRequest", '{"limit"'],
    ["RangeRequest", ""],
  ];
  for (const [name, text] of refused) assert.throws(() => read(name, text), JsonError, text);
});

test("nesting is limited, also where it is ignored", () => {
  const nested = (levels: number): string =>
    `{"unknown":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
  assert.deepEqual(range(nested(JSON_DEPTH_MAX)), api.createRangeRequest());
  assert.throws(() => range(nested(JSON_DEPTH_MAX + 1)), {
    name: "JsonError",
    message: /recursion depth/,
  });
  assert.throws(() => range(nested(1_000_000)), JsonError);
});

test("a body with several values", () => {
  const reader = new JsonReader(' {"a":1}\n{"b":[true,false]} "x" ');
  const values: unknown[] = [];
  while (!reader.atEnd()) values.push(reader.next());
  assert.equal(values.length, 3);
  assert.equal(values[2], "x");
});

test("base64 with line ends and with bits left over, as Go reads it", () => {
  // The length with the line ends decides about padding.
  assert.deepEqual(fromBase64("YW\nJj"), textBytes("abc"));
  assert.deepEqual(fromBase64("YW\r\nJjZA\n"), textBytes("abcd"));
  assert.equal(fromBase64("YWJ\n"), undefined);
  assert.deepEqual(fromBase64("YR=="), textBytes("a"));
  assert.deepEqual(fromBase64("YQ=a"), undefined);
});
