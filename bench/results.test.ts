import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFloors } from "./floors.ts";
import { median } from "./proc.ts";
import { terminalTable } from "./report.ts";
import { compareCpu, lowestCpuOf, mediansOf } from "./results.ts";
import type { Sample, Turn } from "./round.ts";
import type { ServerName } from "./servers.ts";
import { chooseRows, ROWS, rowId } from "./workloads.ts";

function sample(throughput: number, cpuUsPerOp: number): Sample {
  return { throughput, cpuUsPerOp, p50Us: 1000, p99Us: 2000, rssMib: 100, clientCpuUsPerOp: 3 };
}

function turn(server: ServerName, row: string, one: Sample): Turn {
  return { server, samples: new Map([[row, one]]), faults: [] };
}

test("median of odd, even and no values", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test("medians are taken per row and server", () => {
  const turns = [10, 30, 20].map((speed) => turn("skein", "put 16×8", sample(speed, 5)));
  const found = mediansOf([...turns, turn("etcd-3.7.1", "put 16×8", sample(4, 50))]);
  assert.equal(found["put 16×8"]?.skein?.throughput, 20);
  assert.equal(found["put 16×8"]?.["etcd-3.7.1"]?.cpuUsPerOp, 50);
});

test("the cost of an operation is the lowest of all rounds, for each server", () => {
  const turns = [30, 10, 20].map((cpu) => turn("skein", "put 16×8", sample(cpu, cpu)));
  const found = lowestCpuOf([...turns, turn("etcd-3.7.1", "put 16×8", sample(4, 50))]);
  assert.equal(found["put 16×8"]?.skein?.cpuUsPerOp, 10);
  assert.equal(found["put 16×8"]?.skein?.throughput, 20, "the others are medians");
  assert.equal(found["put 16×8"]?.["etcd-3.7.1"]?.cpuUsPerOp, 50);
});

test("a row fails when its CPU ratio got more than a quarter worse, not before", () => {
  const of = (cpu: number) =>
    mediansOf([
      turn("skein", "put 16×8", sample(1, cpu)),
      turn("etcd-3.7.1", "put 16×8", sample(1, 40)),
    ]);
  const judge = (cpu: number) => compareCpu(of(cpu), of(10), "etcd-3.7.1")[0]?.isWorse;
  assert.equal(judge(12.4), false);
  assert.equal(judge(12.6), true);
  assert.equal(judge(5), false);
  assert.deepEqual(compareCpu(of(10), {}, "etcd-3.7.1"), []);
});

test("a floor that was not measured is not met", () => {
  const medians = mediansOf([
    turn("skein", "put 16×8", sample(26, 10)),
    turn("etcd-3.7.1", "put 16×8", sample(10, 31)),
  ]);
  const met = checkFloors(medians).filter((floor) => floor.isMet);
  assert.deepEqual(
    met.map((floor) => `${floor.row} ${floor.what}`),
    ["put 16×8 throughput", "put 16×8 CPU per op"],
  );
  assert.match(terminalTable(medians), /put 16×8 +skein .* 2\.60 +0\.32/);
});

test("rows are chosen by workload, shape or both, with x for ×", () => {
  assert.deepEqual(chooseRows(ROWS, []), ROWS);
  assert.deepEqual(chooseRows(ROWS, ["put 16x8"]).map(rowId), ["put 16×8"]);
  assert.ok(chooseRows(ROWS, ["range"]).every((row) => row.workload === "range"));
  assert.ok(chooseRows(ROWS, ["500x1"]).some((row) => row.workload === "put"));
});
