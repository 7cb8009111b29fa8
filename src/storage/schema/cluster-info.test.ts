import assert from "node:assert/strict";
import { test } from "node:test";
import { copyOfSpan } from "../../base/span.ts";
import { bytesOf, hexOf, textBytes } from "../../proto/testing/hex.ts";
import type { Backend, PlainBucket } from "../backend/backend.ts";
import { openMemoryBackend } from "../backend/memory/memory-backend.ts";
import { readAlarms, removeAlarm, writeAlarm } from "./alarms.ts";
import {
  readClusterVersion,
  readDowngrade,
  writeClusterVersion,
  writeDowngrade,
} from "./cluster-info.ts";
import { readConfState, writeConfState } from "./conf-state.ts";
import { SchemaError } from "./error.ts";

const A = 0xe765e731bd1bb1a3n;
const B = 0x8176a2a220fedc19n;
const D = 0x7121ddbfba3b9575n;

function pairs(backend: Backend, bucket: PlainBucket): [string, string][] {
  const found: [string, string][] = [];
  const cursor = backend.cursor(bucket);
  while (cursor.next()) {
    found.push([hexOf(copyOfSpan(cursor.key)), hexOf(copyOfSpan(cursor.value))]);
  }
  return found;
}

const hex = (text: string): string => hexOf(textBytes(text));

function refused(read: () => unknown, bucket: PlainBucket, problem: RegExp): void {
  assert.throws(read, (error) => {
    assert.ok(error instanceof SchemaError, String(error));
    assert.equal(error.bucket, bucket);
    assert.match(error.problem, problem);
    return true;
  });
}

const NO_LISTS = { voters: [], learners: [], votersOutgoing: [], learnersNext: [] };

test("the configuration is stored in etcd's JSON and read again (formats-disk.md 3)", () => {
  const cases: [Parameters<typeof writeConfState>[1], string][] = [
    [
      { voters: [A], learners: [B], votersOutgoing: [D], learnersNext: [1n, 2n], autoLeave: true },
      `{"voters":[16673987396221252003],"learners":[9328822495366536217],` +
        `"voters_outgoing":[8152040616050267509],"learners_next":[1,2],"auto_leave":true}`,
    ],
    [{ ...NO_LISTS, autoLeave: false }, `{"auto_leave":false}`],
    // Captured from etcd 3.5.35, 3.6.16 and 3.7.1.
    [
      {
        ...NO_LISTS,
        voters: [12_755_436_784_095_571_153n],
        learners: [8_769_054_655_303_973_881n],
        autoLeave: false,
      },
      `{"voters":[12755436784095571153],"learners":[8769054655303973881],"auto_leave":false}`,
    ],
    [
      { ...NO_LISTS, voters: [6_992_593_407_309_073_310n], autoLeave: false },
      `{"voters":[6992593407309073310],"auto_leave":false}`,
    ],
    [
      {
        ...NO_LISTS,
        voters: [15_347_716_219_146_666_363n],
        learners: [1_058_994_594_626_781_521n],
        autoLeave: false,
      },
      `{"voters":[15347716219146666363],"learners":[1058994594626781521],"auto_leave":false}`,
    ],
  ];
  for (const [state, json] of cases) {
    const backend = openMemoryBackend();
    assert.equal(readConfState(backend), null);
    writeConfState(backend, state);
    assert.deepEqual(pairs(backend, "meta"), [[hex("confState"), hex(json)]]);
    assert.deepEqual(readConfState(backend), state);
  }
});

test("a configuration without auto_leave or with null lists is one, too", () => {
  for (const json of [`{"voters":[1]}`, `{"voters":[1],"learners":null,"auto_leave":null}`]) {
    const backend = openMemoryBackend();
    backend.put("meta", textBytes("confState"), textBytes(json));
    assert.deepEqual(readConfState(backend), { ...NO_LISTS, voters: [1n], autoLeave: false });
  }
});

test("hostile configurations are refused", () => {
  const cases: [string, RegExp][] = [
    ["", /not JSON/u],
    ["null", /not one JSON object/u],
    [`{"voters":[18446744073709551616]}`, /voters is not an id/u],
    [`{"voters":[1,"2"]}`, /voters is not an id/u],
    [`{"learners":[null]}`, /learners is not an id/u],
    [`{"voters_outgoing":1}`, /voters_outgoing is not a list/u],
    [`{"learners_next":[1.5]}`, /learners_next is not an id/u],
    [`{"auto_leave":0}`, /auto_leave is not/u],
    [`{"voters":[1],"voters":[2]}`, /there twice/u],
  ];
  for (const [json, problem] of cases) {
    const backend = openMemoryBackend();
    backend.put("meta", textBytes("confState"), textBytes(json));
    refused(() => readConfState(backend), "meta", problem);
  }
});

test("an alarm is a key without a value (formats-disk.md 3)", () => {
  const cases: [{ memberId: bigint; type: number }, string][] = [
    [{ memberId: A, type: 1 }, "08a3e3eee89be6f9b2e7011001"],
    [{ memberId: 0n, type: 2 }, "1002"],
    [{ memberId: 2n ** 64n - 1n, type: 2 }, "08ffffffffffffffffff011002"],
    [{ memberId: 1n, type: 2 ** 31 - 1 }, "080110ffffffff07"],
    // Captured from etcd 3.5.35, 3.6.16 and 3.7.1.
    [{ memberId: 12_755_436_784_095_571_153n, type: 1 }, "08d1d9deb7c8c59a82b1011001"],
    [{ memberId: 6_992_593_407_309_073_310n, type: 1 }, "089e9795abfdd4ab85611001"],
    [{ memberId: 15_347_716_219_146_666_363n, type: 1 }, "08fb82f4ddded282ffd4011001"],
  ];
  for (const [alarm, key] of cases) {
    const backend = openMemoryBackend();
    assert.deepEqual(readAlarms(backend), []);
    writeAlarm(backend, alarm);
    writeAlarm(backend, alarm);
    assert.deepEqual(pairs(backend, "alarm"), [[key, ""]]);
    assert.deepEqual(readAlarms(backend), [alarm]);
    assert.equal(removeAlarm(backend, { ...alarm, type: alarm.type === 1 ? 2 : 1 }), false);
    assert.equal(removeAlarm(backend, alarm), true);
    assert.equal(removeAlarm(backend, alarm), false);
    assert.deepEqual(readAlarms(backend), []);
  }
});

test("keys that are not alarms, or not in the form that clears them, are refused", () => {
  const cases: [string, string][] = [
    ["no type", "0801"],
    ["type none", "08011000"],
    ["negative type", "080110ffffffffffffffffff01"],
    ["type of more than 32 bits", "0801108180808010"],
    ["cut off", "080110"],
    ["id of more than 64 bits", "08ffffffffffffffffff031001"],
    ["order of fields", "10010801"],
    ["a field twice", "080108011001"],
    ["a field that nobody knows", "080110011801"],
    ["explicit zero", "08001001"],
    ["long varint", "0881001001"],
    ["no protobuf", "ffffffff"],
    ["group without end", "0b"],
  ];
  for (const [name, key] of cases) {
    const backend = openMemoryBackend();
    backend.put("alarm", bytesOf(key), new Uint8Array(0));
    refused(() => readAlarms(backend), "alarm", /key is not an alarm/u);
    assert.throws(() => readAlarms(backend), { key: `0x${key}` }, name);
  }
});

test("alarms that cannot be stored are a bug of the caller", () => {
  const backend = openMemoryBackend();
  for (const type of [0, -1, 1.5, 2 ** 31]) {
    assert.throws(() => writeAlarm(backend, { memberId: 1n, type }), /not a type of alarm/u);
  }
  for (const memberId of [-1n, 2n ** 64n]) {
    assert.throws(() => writeAlarm(backend, { memberId, type: 1 }), /not a member's id/u);
  }
});

test("cluster version and downgrade (formats-disk.md 3)", () => {
  const backend = openMemoryBackend();
  assert.equal(readClusterVersion(backend), null);
  assert.equal(readDowngrade(backend), null);
  writeClusterVersion(backend, "3.7.0");
  writeDowngrade(backend, { isEnabled: true, targetVersion: "3.6.0" });
  assert.deepEqual(pairs(backend, "cluster"), [
    [hex("clusterVersion"), hex("3.7.0")],
    [hex("downgrade"), hex(`{"target-version":"3.6.0","enabled":true}`)],
  ]);
  assert.equal(readClusterVersion(backend), "3.7.0");
  assert.deepEqual(readDowngrade(backend), { isEnabled: true, targetVersion: "3.6.0" });
  writeDowngrade(backend, { isEnabled: false, targetVersion: "" });
  assert.equal(pairs(backend, "cluster")[1]![1], hex(`{"target-version":"","enabled":false}`));
  assert.deepEqual(readDowngrade(backend), { isEnabled: false, targetVersion: "" });
});

test("hostile cluster versions and downgrades are refused", () => {
  const versions = ["", "3.7", "v3.7.0", "3.7.0 ", "3.7.x", "3.7.0.0", "-3.7.0", "1e1.0.0"];
  for (const version of [...versions, "9999999999.0.0", "3.7.0-", "3.7.0\n"]) {
    const backend = openMemoryBackend();
    backend.put("cluster", textBytes("clusterVersion"), textBytes(version));
    refused(() => readClusterVersion(backend), "cluster", /not a version/u);
    assert.throws(() => writeClusterVersion(backend, version), /not a cluster version/u);
  }
  const backend = openMemoryBackend();
  backend.put("cluster", textBytes("clusterVersion"), bytesOf("ff"));
  refused(() => readClusterVersion(backend), "cluster", /not UTF-8/u);
  const downgrades: [string, RegExp][] = [
    ["", /not JSON/u],
    [`{"enabled":true}`, /target is not a version/u],
    [`{"enabled":true,"target-version":"3.6"}`, /target is not a version/u],
    [`{"enabled":"true","target-version":"3.6.0"}`, /enabled is not/u],
    [`{"enabled":true,"target-version":3.6}`, /target-version is not a string/u],
    [`{"enabled":false,"enabled":true}`, /there twice/u],
  ];
  for (const [json, problem] of downgrades) {
    backend.put("cluster", textBytes("downgrade"), textBytes(json));
    refused(() => readDowngrade(backend), "cluster", problem);
  }
  const nowhere = { isEnabled: true, targetVersion: "" };
  assert.throws(() => writeDowngrade(backend, nowhere), /not a target version/u);
});
