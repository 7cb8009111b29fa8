import assert from "node:assert/strict";
import { test } from "node:test";
import { joinLeaseId } from "./lease-id.ts";
import { LeaseTable, NO_SLOT } from "./lease-table.ts";

test("with seeds of one word and of two, what is added is found until it is removed", () => {
  const ids = Array.from({ length: 300 }, (_, at) => joinLeaseId(at, -at));
  for (const seed of [7, 7 + 2 ** 32, 7 + 2 ** 52]) {
    const table = new LeaseTable(seed);
    for (const id of ids) table.add(id, 5);
    for (const id of ids.slice(0, 150)) table.remove(table.findId(id));
    const found = ids.filter((id) => table.findId(id) !== NO_SLOT);
    assert.deepEqual(found, ids.slice(150));
  }
});
