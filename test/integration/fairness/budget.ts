import { setTimeout as sleep } from "node:timers/promises";
import { readFileSync } from "node:fs";
import { memoryOf } from "../../../bench/proc.ts";
import type { Client } from "../../../src/client/index.ts";
import {
  createRangeRequest,
  encodeRangeRequestToBytes,
} from "../../../src/proto/gen/etcdserverpb.ts";
import { FrameType } from "../../../src/wire/h2/frames.ts";
import { data, headers, rawFrame } from "../../../src/wire/h2/testing/raw-frames.ts";
import { grpcMessage, RawPeer, requestBlock } from "./raw-peer.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Replies of this key are below the size from which they are pulled: they are copied and wait. */
export const COPIED_KEY = "budget/copied";
export const COPIED_VALUE_BYTES = 60_000;
/** Keys below this prefix make a reply that is pulled, and, sorted, a table. */
export const LIST_PREFIX = "budget/list/";

/**
 * The server may grow by so much over a fresh one, whatever came before: the sum of its budgets for
 * calls (224 MiB, and a quarter for those who hold little), header blocks (64) and ranges (256).
 */
const GROWTH_MAX_MIB = 640;

const SETTLE_STEP_MS = 200;
const SETTLE_MAX_MS = 30_000;
/** Of 10 ms: what an idle server may use in a step. */
const SETTLED_TICKS = 2;

/** One part of the memory budget, and how it is used up. */
export interface Part {
  readonly name: string;
  /** Uses it up; returns the peers, which stay as they are until they are closed. */
  attack(port: number): Promise<readonly RawPeer[]>;
  /** False: the part bounds each client so well that nobody needs to be refused. */
  readonly refuses: boolean;
}

const range = requestBlock("/etcdserverpb.KV/Range");
const put = requestBlock("/etcdserverpb.KV/Put");
const id = (i: number): number => 2 * i + 1;

async function peers(
  count: number,
  work: (number: number) => Promise<RawPeer>,
): Promise<readonly RawPeer[]> {
  const made: RawPeer[] = [];
  for (let number = 0; number < count; number += 1) made.push(await work(number));
  return made;
}

/** `streams` requests on one connection, a few hundred a write. */
async function flood(
  peer: RawPeer,
  streams: number,
  frames: (streamId: number) => readonly Uint8Array[],
): Promise<void> {
  const perWrite = 256;
  for (let from = 0; from < streams && !peer.isClosed; from += perWrite) {
    const pieces: Uint8Array[] = [];
    const end = Math.min(streams, from + perWrite);
    for (let i = from; i < end; i += 1) pieces.push(...frames(id(i)));
    if (!(await peer.send(...pieces))) return;
  }
}

function listRequest(sorted: boolean, rangeEndBytes = 0): Uint8Array {
  const rangeEnd = new Uint8Array(rangeEndBytes + LIST_PREFIX.length).fill(0xff);
  rangeEnd.set(utf8(`${LIST_PREFIX.slice(0, -1)}0`));
  return grpcMessage(
    encodeRangeRequestToBytes({
      ...createRangeRequest(),
      key: utf8(LIST_PREFIX),
      rangeEnd,
      // By version, descending.
      ...(sorted ? { sortOrder: 2, sortTarget: 1 } : {}),
    }),
  );
}

function getRequest(key: string): Uint8Array {
  return grpcMessage(encodeRangeRequestToBytes({ ...createRangeRequest(), key: utf8(key) }));
}

/** Asks `streams` times on each of `connections`, and takes nothing of the replies. */
function stalled(
  connections: number,
  streams: number,
  message: Uint8Array,
): (port: number) => Promise<readonly RawPeer[]> {
  return (port) =>
    peers(connections, async () => {
      const peer = await RawPeer.connect(port, 0);
      await flood(peer, streams, (streamId) => [
        headers(streamId, range, false),
        data(streamId, message, true),
      ]);
      return peer;
    });
}

const halfReceived = (port: number): Promise<readonly RawPeer[]> => {
  const part = new Uint8Array(16_000);
  // Announces a million bytes, of which few come.
  part.set([0, 0, 0x0f, 0, 0]);
  return peers(20, async () => {
    const peer = await RawPeer.connect(port, 65_535);
    await flood(peer, 1200, (streamId) => [
      headers(streamId, put, false),
      data(streamId, part, false),
    ]);
    return peer;
  });
};

const openStreams = (port: number): Promise<readonly RawPeer[]> =>
  peers(12, async () => {
    const peer = await RawPeer.connect(port, 65_535);
    await flood(peer, 40_000, (streamId) => [headers(streamId, range, false)]);
    return peer;
  });

const headerBlocks = (port: number): Promise<readonly RawPeer[]> => {
  const filler = new Uint8Array(16_384);
  return peers(24, async () => {
    const peer = await RawPeer.connect(port, 65_535);
    await peer.send(rawFrame(FrameType.headers, 0, 1, filler));
    // 8 MiB each, 192 MiB in all, never ended.
    for (let i = 0; i < 32 && !peer.isClosed; i += 1) {
      const frame = rawFrame(FrameType.continuation, 0, 1, filler);
      await peer.send(...Array.from({ length: 16 }, () => frame));
    }
    return peer;
  });
};

const closedSockets = (port: number): Promise<readonly RawPeer[]> =>
  peers(60, async () => {
    const peer = await RawPeer.connect(port, 2 ** 31 - 1, false);
    const message = listRequest(false);
    await flood(peer, 64, (streamId) => [
      headers(streamId, range, false),
      data(streamId, message, true),
    ]);
    return peer;
  });

/** Every part of the budget that clients can use up without waiting for the disk. */
export const PARTS: readonly Part[] = [
  {
    name: "bodies that come half, on many streams",
    attack: halfReceived,
    refuses: true,
  },
  {
    name: "replies that are copied, windows closed",
    attack: stalled(24, 1000, getRequest(COPIED_KEY)),
    refuses: true,
  },
  {
    name: "tiny replies, windows closed",
    attack: stalled(12, 30_000, getRequest("budget/none")),
    refuses: true,
  },
  {
    name: "streams that are opened and left",
    attack: openStreams,
    refuses: true,
  },
  {
    name: "header blocks that do not end",
    attack: headerBlocks,
    refuses: true,
  },
  {
    name: "sorted lists, windows closed",
    /** Until the server has dealt with all that came: it uses little CPU (or time is up). */
    attack: stalled(8, 30, listRequest(true)),
    refuses: false,
  },
  {
    name: "lists with range ends of 1.5 MB, windows closed",
    attack: stalled(4, 100, listRequest(false, 1_500_000)),
    refuses: true,
  },
  {
    name: "lists, sockets not read",
    attack: closedSockets,
    refuses: false,
  },
  {
    name: "a thousand connections that say hello",
    attack: (port) => peers(1000, () => RawPeer.connect(port, 65_535)),
    refuses: false,
  },
];

/** Until the server has dealt with all that came: it uses little CPU (or time is up). */
async function settled(pid: number): Promise<void> {
  const ticks = (): number => {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) + Number(fields[12]);
  };
  for (let waitedMs = 0; waitedMs < SETTLE_MAX_MS; waitedMs += SETTLE_STEP_MS) {
    const before = ticks();
    await sleep(SETTLE_STEP_MS);
    if (ticks() - before <= SETTLED_TICKS) return;
  }
}

/** What must hold while a part is used up, and after it; empty when all does. */
export async function exhaust(
  part: Part,
  server: { readonly pid: number; readonly port: number; readonly freshMib: number },
  client: Client,
): Promise<readonly string[]> {
  const problems: string[] = [];
  let peakMib = memoryOf(server.pid).rssMib;
  const timer = setInterval(() => {
    peakMib = Math.max(peakMib, memoryOf(server.pid).rssMib);
  }, 50);
  const isServed = async (when: string): Promise<void> => {
    try {
      await client.kv.put("budget/probe", when, { timeoutMs: 20_000 });
      const found = await client.kv.range("budget/probe", { timeoutMs: 20_000 });
      if (found.kvs.length !== 1) problems.push(`${when}: a wrong answer`);
    } catch (error) {
      problems.push(`${when}: ${String(error)}`);
    }
  };
  const attackers = await part.attack(server.port);
  await settled(server.pid);
  await isServed("while it is used up");
  const refusals = attackers.reduce((sum, { seen, isClosed }) => {
    return sum + seen.trailersOnly + seen.resets + seen.goaways + (isClosed ? 1 : 0);
  }, 0);
  for (const peer of attackers) peer.close();
  await settled(server.pid);
  await isServed("afterwards");
  clearInterval(timer);
  peakMib = Math.max(peakMib, memoryOf(server.pid).rssMib);
  // Always above the fresh server, so that what a part does not give back counts for the next.
  const growthMib = peakMib - server.freshMib;
  if (growthMib > GROWTH_MAX_MIB) {
    problems.push(`grew by ${growthMib.toFixed(0)} MiB, more than ${GROWTH_MAX_MIB}`);
  }
  if (part.refuses && refusals === 0) problems.push("nothing was refused");
  const shown = `${refusals} refused, +${growthMib.toFixed(0)} MiB`;
  process.stdout.write(`  ${part.name}: ${shown}${problems.map((each) => `; ${each}`).join("")}\n`);
  return problems;
}

/** The heap of the server, MiB: less than any part would take without a limit. */
export const BUDGET_HEAP_MIB = 512;
