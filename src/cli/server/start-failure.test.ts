import assert from "node:assert/strict";
import { test } from "node:test";
import { DiskError } from "../../platform/disk.ts";
import { BoltError } from "../../storage/backend/bolt-pages/error.ts";
import { explainFault, explainStartFailure } from "./start-failure.ts";

test("faults of the disk are told apart, with what to do", () => {
  const kinds = { ENOSPC: "no space", EDQUOT: "no space", EROFS: "read-only", EIO: "I/O error" };
  for (const [code, kind] of Object.entries(kinds)) {
    const fault = explainFault(new DiskError(code, "/data/db", "read"));
    assert.equal(fault?.message, `read /data/db: ${code} (${kind})`);
    assert.notEqual(fault?.remedy, "");
  }
});

test("damage found in the midst of work is no bug, everything else is", () => {
  const damage = new BoltError({ code: "damaged", message: "page 7 is odd", file: "/data/db" });
  assert.match(explainFault(damage)!.message, /page 7 is odd .*\/data\/db/);
  assert.equal(explainFault(new TypeError("x is not a function")), null);
  assert.equal(explainStartFailure(new TypeError("x")).message, "x");
});
