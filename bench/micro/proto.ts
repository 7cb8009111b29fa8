/**
 * `node bench/micro/proto.ts`: nanoseconds of CPU per call of the codecs that every request pays
 * for. Best of several rounds, as other programs only ever add. Values are 256 bytes, keys 31.
 */
import * as api from "../../src/proto/gen/etcdserverpb.ts";
import * as mvccpb from "../../src/proto/gen/mvccpb.ts";
import * as raftpb from "../../src/proto/gen/raftpb.ts";
import { PutView, RangeView, viewPut, viewRange } from "../../src/proto/views.ts";
import { Cursor, writeVarint64 } from "../../src/proto/wire.ts";

const ROUNDS = 7;
const CALLS_PER_ROUND = 300_000;

interface Case {
  readonly name: string;
  /** Returns something that depends on its work, so that it is not optimised away. */
  readonly call: () => number;
}

function measure({ name, call }: Case): void {
  let bestNs = Infinity;
  let sum = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < CALLS_PER_ROUND; i++) sum += call();
    const { user, system } = process.cpuUsage(before);
    bestNs = Math.min(bestNs, ((user + system) * 1000) / CALLS_PER_ROUND);
  }
  const shown = sum > 0 ? bestNs.toFixed(0) : "no result";
  console.log(`${name.padEnd(44)}${shown.padStart(8)} ns`);
}

const key = new TextEncoder().encode("/registry/pods/default/abc-1234");
const value = new Uint8Array(256).fill(0x41);
const lease = 7587869125334252295n;
const header = { clusterId: 14841639068965178418n, memberId: 10276657743932975437n };
const responseHeader = { ...header, revision: 1_234_567, raftTerm: 3 };
const put = { ...api.createPutRequest(), key, value };
const kv = { ...mvccpb.createKeyValue(), key, value, modRevision: 1_234_567, version: 4 };
const payload = api.encodeInternalRaftRequestToBytes({
  ...api.createInternalRaftRequest(),
  header: { id: 12800243650940402433n, username: "", authRevision: 0 },
  request: { case: "put", value: put },
});
const entry = { type: 0, term: 3, index: 1_234_567, data: payload };

/** As requests arrive: pieces of a socket buffer. */
const socket = Buffer.alloc(64 * 1024);
const into = new Uint8Array(64 * 1024);

interface Slice {
  readonly start: number;
  readonly end: number;
}

function placed(bytes: Uint8Array, start: number): Slice {
  socket.set(bytes, start);
  return { start, end: start + bytes.length };
}

const plainPut = placed(api.encodePutRequestToBytes(put), 100);
const leasedPut = placed(api.encodePutRequestToBytes({ ...put, lease }), 1_000);
const range = placed(api.encodeRangeRequestToBytes({ ...api.createRangeRequest(), key }), 2_000);
const stored = placed(mvccpb.encodeKeyValueToBytes(kv), 3_000);
const logged = placed(raftpb.encodeEntryToBytes(entry), 4_000);
const request = placed(payload, 5_000);

const cursor = new Cursor(socket, 0, 0);
const putView = new PutView();
const rangeView = new RangeView();

function viewOfPut({ start, end }: Slice): number {
  cursor.reset(socket, start, end);
  viewPut(cursor, putView);
  return putView.valueEnd;
}

function viewOfRange({ start, end }: Slice): number {
  cursor.reset(socket, start, end);
  viewRange(cursor, rangeView);
  return rangeView.keyEnd;
}

const decodePut = ({ start, end }: Slice): number =>
  api.decodePutRequest(socket, start, end).value.length;

const cases: Case[] = [
  { name: "decodePutRequest", call: () => decodePut(plainPut) },
  { name: "decodePutRequest with a lease", call: () => decodePut(leasedPut) },
  { name: "viewPut", call: () => viewOfPut(plainPut) },
  { name: "viewPut with a lease", call: () => viewOfPut(leasedPut) },
  {
    name: "decodeRangeRequest",
    call: () => api.decodeRangeRequest(socket, range.start, range.end).key.length,
  },
  { name: "viewRange", call: () => viewOfRange(range) },
  {
    name: "decodeInternalRaftRequest of a put",
    call: () => {
      const made = api.decodeInternalRaftRequest(socket, request.start, request.end);
      return made.request === undefined ? 0 : 1;
    },
  },
  {
    name: "decodeEntry",
    call: () => raftpb.decodeEntry(socket, logged.start, logged.end).index,
  },
  {
    name: "decodeKeyValue",
    call: () => mvccpb.decodeKeyValue(socket, stored.start, stored.end).modRevision,
  },
  { name: "encodePutRequest", call: () => api.encodePutRequest(put, into, 0) },
  { name: "encodeKeyValue", call: () => mvccpb.encodeKeyValue(kv, into, 0) },
  { name: "encodeEntry", call: () => raftpb.encodeEntry(entry, into, 0) },
  { name: "encodeResponseHeader", call: () => api.encodeResponseHeader(responseHeader, into, 0) },
  { name: "writeVarint64 of a large id", call: () => writeVarint64(header.clusterId, into, 0) },
  {
    name: "encodeKeyValueToBytes (new array)",
    call: () => mvccpb.encodeKeyValueToBytes(kv).length,
  },
];

for (const one of cases) measure(one);
