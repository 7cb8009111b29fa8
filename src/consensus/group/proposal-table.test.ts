import assert from "node:assert/strict";
import { test } from "node:test";
import { NOBODY, ProposalTable } from "./proposal-table.ts";

test("each wait is ended once, by its own id", () => {
  const table = new ProposalTable(2 ** 47);
  const a = table.add(5, 0);
  const b = table.add(6, 0);
  assert.equal(b, a + 1);
  assert.equal(table.take(a), 5);
  assert.equal(table.take(a), NOBODY);
  assert.equal(table.peek(b), 6);
  assert.equal(table.take(b), 6);
  assert.equal(table.waiting, 0);
});

test("ids of another process are nobody's", () => {
  const table = new ProposalTable(1000);
  table.add(1, 0);
  assert.equal(table.take(1001 + 1024), NOBODY);
  assert.equal(table.take(1001 - 1024), NOBODY);
});

test("more waits than slots are all kept, also with holes", () => {
  const table = new ProposalTable(0);
  const ids: number[] = [];
  for (let token = 0; token < 5000; token += 1) {
    ids.push(table.add(token, 0));
    if (token % 3 === 0) assert.equal(table.take(ids[token]!), token);
  }
  ids.forEach((id, token) => {
    assert.equal(table.take(id), token % 3 === 0 ? NOBODY : token);
  });
  assert.equal(table.waiting, 0);
});

test("only waits that began before the moment expire, oldest first", () => {
  const table = new ProposalTable(0);
  table.add(1, 10);
  const answered = table.add(2, 11);
  table.add(3, 12);
  table.add(4, 20);
  table.take(answered);
  const expired: number[] = [];
  table.expire(20, (token) => expired.push(token));
  assert.deepEqual(expired, [1, 3]);
  table.expire(21, (token) => expired.push(token));
  assert.deepEqual(expired, [1, 3, 4]);
  assert.equal(table.waiting, 0);
});
