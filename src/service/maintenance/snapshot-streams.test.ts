import assert from "node:assert/strict";
import { test } from "node:test";
import type { DiskError } from "../../platform/disk.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { decodeSnapshotResponse, type SnapshotResponse } from "../../proto/gen/etcdserverpb.ts";
import { VirtualClock } from "../../sim/world/clock.ts";
import { VirtualDisk } from "../../sim/world/disk.ts";
import { checkDatabase } from "../../storage/backend/bolt-pages/check.ts";
import { type Meta, readMeta } from "../../storage/backend/bolt-pages/meta.ts";
import { PageFile } from "../../storage/backend/bolt-pages/page-file.ts";
import { openBolt } from "../../storage/backend/bolt/bolt-backend.ts";
import { BoltReader } from "../../storage/backend/bolt/reader.ts";
import { contentOf, RandomWriter } from "../../storage/backend/testing/random-writer.ts";
import { JobRunner } from "../jobs.ts";
import { Code, type ReplySink, type Token } from "../rpc.ts";
import {
  type DatabaseImage,
  SNAPSHOT_CHUNK_BYTES,
  SNAPSHOT_IDLE_MAX_MS,
  SNAPSHOTS_MAX,
  SnapshotStreams,
  type SnapshotStreamsOptions,
} from "./snapshot-streams.ts";

const SEED = 20261123;
const PATH = "/db";
const TOKEN: Token = 7;
const EMPTY = new Uint8Array(0);

/** A reader that takes `window` messages, and more when it says so. */
class Reader implements ReplySink {
  readonly messages: SnapshotResponse[] = [];
  window = Number.POSITIVE_INFINITY;
  ended: { readonly code: Code; readonly message: string } | null = null;

  send(token: Token, bytes: Uint8Array, start: number, end: number): boolean {
    assert.equal(token, TOKEN);
    assert.equal(this.ended, null);
    this.messages.push(decodeSnapshotResponse(bytes.slice(start, end), 0, end - start));
    return this.messages.length < this.window;
  }

  finish(_token: Token, code: Code, message: string): void {
    assert.equal(this.ended, null, "it ends once");
    this.ended = { code, message };
  }

  reply = (): void => assert.fail();
  replyFrom = (): void => assert.fail();
  sendFrom = (): void => assert.fail();
  metadata = (): undefined => undefined;
  remoteAddress = (): string => "";
}

function newWorld(options: Partial<SnapshotStreamsOptions> = {}) {
  const clock = new VirtualClock();
  const disk = new VirtualDisk({ clock, seed: SEED, latencyMs: { min: 0, max: 2 } });
  const onFailure = (error: DiskError): never => assert.fail(String(error));
  const backend = openBolt({ disk, path: PATH, onFailure });
  const writer = new RandomWriter(SEED);
  const reader = new Reader();
  const streams = new SnapshotStreams({
    clock,
    jobs: new JobRunner(clock),
    sink: () => reader,
    openImage: () => {
      backend.commit();
      return backend.openImage();
    },
    newSha256: nodeCrypto.newSha256,
    storageVersion: () => "3.7.0",
    ...options,
  });
  const write = (): void => {
    writer.batch(backend, 300);
    clock.runFor(20);
  };
  for (let i = 0; i < 60; i += 1) write();
  return { clock, disk, backend, reader, streams, write };
}

/** What the messages are, put into a file: checked, read, and its content. */
function received({ disk, reader }: ReturnType<typeof newWorld>): string {
  const blobs = reader.messages.slice(0, -1).map(({ blob }) => blob);
  const image = Buffer.concat(blobs);
  const sum = nodeCrypto.newSha256();
  sum.update(image);
  assert.deepEqual(Buffer.from(reader.messages.at(-1)!.blob), Buffer.from(sum.finish()));
  const path = "/received";
  const file = disk.openSync(path, { write: true, create: true });
  disk.writeSync(file, image, 0);
  const pages = new PageFile(disk, file, path);
  assert.equal(pages.endPage * pages.pageBytes, image.length);
  assert.deepEqual(checkDatabase(pages).problems, []);
  return contentOf(new BoltReader(disk, file, path));
}

test("pieces of 32 KiB count down to nothing, the last message is their SHA-256", () => {
  const world = newWorld();
  const before = contentOf(world.backend);
  world.streams.request(TOKEN, EMPTY, 0, 0);
  world.clock.runFor(100);
  const { messages, ended } = world.reader;
  assert.deepEqual(ended, { code: Code.ok, message: "" });
  assert.equal(received(world), before);
  let left = messages.slice(0, -1).reduce((sum, { blob }) => sum + blob.length, 0);
  for (const [place, { blob, remainingBytes, version, header }] of messages.entries()) {
    const isPiece = place < messages.length - 1;
    if (isPiece) left -= blob.length;
    assert.equal(remainingBytes, left);
    assert.equal(version, "3.7.0");
    assert.equal(header, undefined);
    if (place < messages.length - 2) assert.equal(blob.length, SNAPSHOT_CHUNK_BYTES);
  }
  assert.equal(left, 0);
  const metas = [0, 4096].map((at) => readMeta(messages[0]!.blob, at) as Meta);
  assert.deepEqual({ ...metas[0], txid: 0 }, { ...metas[1], txid: 0 });
  assert.equal(metas[1]!.txid, metas[0]!.txid - 1);
});

function defragmentABit({ backend, clock }: ReturnType<typeof newWorld>): void {
  const work = backend.newDefragmentation();
  for (let i = 0; i < 20; i += 1) {
    if (work.step(() => false) === "commit") backend.commit();
    clock.runFor(5);
  }
  work.end();
}

test("it is of the moment of the call, however slowly it is read and whatever is written", () => {
  const world = newWorld();
  const { reader, clock, streams } = world;
  const before = contentOf(world.backend);
  reader.window = 0;
  streams.request(TOKEN, EMPTY, 0, 0);
  for (let turn = 1; ; turn += 1) {
    clock.runFor(10);
    assert.equal(reader.messages.length, turn, "no more than the reader takes");
    if (reader.ended !== null) break;
    world.write();
    if (turn % 4 === 0) defragmentABit(world);
    streams.writable(TOKEN);
  }
  assert.equal(reader.ended?.code, Code.ok);
  assert.equal(received(world), before);
});

test("a reader who takes nothing for half a minute loses it, one who is slow does not", () => {
  const world = newWorld();
  const { reader, clock, streams } = world;
  reader.window = 1;
  streams.request(TOKEN, EMPTY, 0, 0);
  clock.runFor(SNAPSHOT_IDLE_MAX_MS - 100);
  streams.expire(clock.monotonicMs());
  reader.window = 2;
  streams.writable(TOKEN);
  clock.runFor(SNAPSHOT_IDLE_MAX_MS - 100);
  streams.expire(clock.monotonicMs());
  assert.equal(reader.ended, null);
  clock.runFor(200);
  streams.expire(clock.monotonicMs());
  assert.equal(reader.ended!.code, Code.aborted);
  // Nothing is left that could send more.
  streams.writable(TOKEN);
  clock.runFor(100);
  assert.equal(reader.messages.length, 2);
});

test("a damaged page ends it with the place, instead of an image that nobody can use", () => {
  const world = newWorld();
  const { disk, reader } = world;
  world.clock.runFor(1000);
  world.backend.close();
  const file = disk.openSync(PATH, {});
  const pages = new PageFile(disk, file, PATH);
  const { isTreePage } = checkDatabase(pages);
  const number = new Uint8Array(2);
  const isHead = (id: number): boolean => {
    disk.readSync(file, number, id * pages.pageBytes);
    return isTreePage(id) && number[0]! + 256 * number[1]! === id;
  };
  const heads = Array.from({ length: pages.endPage }, (_, id) => id).filter(isHead);
  disk.closeSync(file);
  const onFailure = (error: DiskError): never => assert.fail(String(error));
  const backend = openBolt({ disk, path: PATH, onFailure });
  const streams = new SnapshotStreams({
    clock: world.clock,
    jobs: new JobRunner(world.clock),
    sink: () => reader,
    openImage: () => backend.openImage(),
    newSha256: nodeCrypto.newSha256,
    storageVersion: () => "",
  });
  // Some are in memory since the opening, and stay sound there.
  for (const id of heads.slice(0, 10)) disk.flip(PATH, id * pages.pageBytes, 0xff);
  streams.request(TOKEN, EMPTY, 0, 0);
  world.clock.runFor(100);
  assert.equal(reader.ended!.code, Code.dataLoss);
  assert.match(
    reader.ended!.message,
    /page does not match its checksum \(\/db, page \d+ at byte \d+/,
  );
});

test("there may be no image in this moment", () => {
  let asked = 0;
  const later = newWorld({
    openImage: () => {
      asked += 1;
      return asked < 3 ? null : { totalBytes: 0, read: () => 0, close: () => {} };
    },
  });
  later.streams.request(TOKEN, EMPTY, 0, 0);
  later.clock.runFor(10);
  assert.equal(asked, 3);
  assert.equal(later.reader.ended!.code, Code.ok);
});

test("so many at a time have an image; the others wait for the end of one, in order", () => {
  let open = 0;
  const image = (): DatabaseImage => {
    open += 1;
    return { totalBytes: 1 << 20, read: (into) => into.length, close: () => void (open -= 1) };
  };
  const ended = new Map<Token, Code>();
  const sink = { send: () => false, finish: (token: Token, code: Code) => ended.set(token, code) };
  const world = newWorld({ openImage: image, sink: () => sink as unknown as ReplySink });
  const { clock, streams } = world;
  const begun = (): number => open + ended.size;
  for (let token = 0; token < SNAPSHOTS_MAX + 3; token += 1) streams.request(token, EMPTY, 0, 0);
  clock.runFor(50);
  assert.equal(begun(), SNAPSHOTS_MAX);
  // One that waits goes, one that has begun goes, and both again.
  streams.cancel(SNAPSHOTS_MAX);
  clock.runFor(50);
  assert.equal(open, SNAPSHOTS_MAX);
  streams.cancel(0);
  clock.runFor(50);
  assert.equal(open, SNAPSHOTS_MAX);
  streams.cancel(SNAPSHOTS_MAX);
  streams.cancel(0);
  // Who waits is not taken for somebody who does not read.
  clock.runFor(SNAPSHOT_IDLE_MAX_MS / 2);
  streams.request(SNAPSHOTS_MAX + 3, EMPTY, 0, 0);
  clock.runFor(SNAPSHOT_IDLE_MAX_MS / 2 + 10);
  streams.expire(clock.monotonicMs());
  assert.equal(ended.size, SNAPSHOTS_MAX, "all that had begun");
  clock.runFor(50);
  assert.equal(open, 2);
  streams.stop();
  assert.equal(open, 0);
});

test("who has gone, or a member that stops, gives the pages free", () => {
  const world = newWorld();
  const { reader, clock, streams } = world;
  const closed: string[] = [];
  for (const how of ["cancel", "stop"] as const) {
    reader.window = 1;
    const image = { totalBytes: 10 ** 6, read: () => 4096, close: () => closed.push(how) };
    const other = newWorld({ openImage: () => image });
    other.reader.window = 1;
    other.streams.request(TOKEN, EMPTY, 0, 0);
    other.clock.runFor(10);
    if (how === "cancel") other.streams.cancel(TOKEN);
    else other.streams.stop();
    assert.equal(other.reader.ended === null, how === "cancel");
  }
  assert.deepEqual(closed, ["cancel", "stop"]);
  streams.expire(clock.monotonicMs());
});
