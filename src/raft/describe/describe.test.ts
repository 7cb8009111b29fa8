import assert from "node:assert/strict";
import { test } from "node:test";
import { Message, MessageType } from "../message.ts";
import type { Ready } from "../output/ready.ts";
import { EntryType, LOCAL_APPEND_THREAD, NO_DATA } from "../types.ts";
import { describeEntry } from "./entry.ts";
import { describeMessage, describeStorageWork } from "./message.ts";
import { describeReady } from "./ready.ts";

const entry = (index: number, text: string) => ({
  type: EntryType.normal,
  term: 3,
  index,
  data: new TextEncoder().encode(text),
});

// What the golden files show is compared there; here is what they do not show.

test("a message with everything, answers within answers", () => {
  const inner = new Message(MessageType.appResp, 0n);
  inner.from = 0xabn;
  inner.reject = true;
  inner.rejectHint = 4;
  inner.entries = [entry(1, "a"), entry(2, "b")];
  const message = new Message(MessageType.storageAppend, LOCAL_APPEND_THREAD);
  message.from = 0xabn;
  message.vote = 11n;
  message.commit = 7;
  message.responses = [inner];
  assert.equal(
    describeStorageWork(message),
    "ab->AppendThread MsgStorageAppend Term:0 Log:0/0 Commit:7 Vote:11",
  );
  assert.equal(
    describeMessage(message),
    `${describeStorageWork(message)} Responses:[
  ab->None MsgAppResp Term:0 Log:0/0 Rejected (Hint: 4) Entries:[
    3/1 EntryNormal "a"
    3/2 EntryNormal "b"
  ]
]`,
  );
});

test("data is quoted as Go does", () => {
  assert.equal(
    describeEntry(entry(1, 'say "hi"\n\u0001é')),
    '3/1 EntryNormal "say \\"hi\\"\\n\\x01é"',
  );
  const broken = { ...entry(1, ""), data: Uint8Array.of(0xff, 0x41) };
  assert.equal(describeEntry(broken), '3/1 EntryNormal "\\xffA"');
});

test("read states, and a Ready with nothing in it", () => {
  const empty: Ready = {
    softState: null,
    hardState: null,
    readStates: [],
    entries: [],
    snapshot: null,
    committedEntries: [],
    messages: [],
    mustSync: false,
  };
  assert.equal(describeReady(empty), "<empty Ready>");
  const readStates = [
    { index: 11, context: Uint8Array.of(97, 98) },
    { index: 12, context: NO_DATA },
  ];
  assert.equal(
    describeReady({ ...empty, readStates }),
    "Ready MustSync=false:\nReadStates [{11 [97 98]} {12 []}]\n",
  );
});
