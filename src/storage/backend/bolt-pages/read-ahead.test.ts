import assert from "node:assert/strict";
import { test } from "node:test";
import { DiskError } from "../../../platform/disk.ts";
import { ReadAhead } from "./read-ahead.ts";

const PAGE = 16;
const END = 1000;

/** A file whose page n is full of the low byte of n + `shift`; records [first page, pages]. */
function newFile() {
  const reads: [number, number][] = [];
  const file = { shift: 0, badPage: -1 };
  const ahead = new ReadAhead(PAGE, (target, id) => {
    const pages = target.length / PAGE;
    reads.push([id, pages]);
    if (file.badPage >= id && file.badPage < id + pages) throw new DiskError("EIO", "f", "read");
    for (let i = 0; i < pages; i++) target.fill(id + i + file.shift, i * PAGE, (i + 1) * PAGE);
  });
  const view = (id: number): void => {
    const bytes = ahead.view(id, END);
    assert.deepEqual(bytes, new Uint8Array(PAGE).fill(id + file.shift), `page ${id}`);
  };
  return { ahead, file, reads, view };
}

test("a walk upwards costs few reads, with gaps too, and none beyond the end", () => {
  const { reads, view } = newFile();
  for (let id = 2; id < END; id += id % 3 === 0 ? 5 : 1) view(id);
  assert.ok(reads.length < 30, `${reads.length} reads`);
  for (const [id, pages] of reads) assert.ok(id + pages <= END, `${id} + ${pages}`);
});

test("jumps read one page each", () => {
  const { reads, view } = newFile();
  for (let i = 0; i < 50; i++) view((500 + i * 389) % END);
  assert.deepEqual(
    reads.map(([, pages]) => pages),
    Array.from({ length: 50 }, () => 1),
  );
});

test("a page that was written anew is read anew", () => {
  const { ahead, file, view } = newFile();
  for (let id = 100; id < 140; id++) view(id);
  file.shift = 1;
  ahead.forget(139);
  view(139);
  view(138);
});

test("a page that cannot be read fails by itself only", () => {
  const { ahead, file, view } = newFile();
  file.badPage = 47;
  for (let id = 2; id < 47; id++) view(id);
  assert.throws(() => ahead.view(47, END), DiskError);
  for (let id = 48; id < 90; id++) view(id);
});
