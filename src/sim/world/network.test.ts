import assert from "node:assert/strict";
import { test } from "node:test";
import type { ByteSocket } from "../../platform/network.ts";
import { VirtualClock } from "./clock.ts";
import { VirtualSwitch } from "./network.ts";
import { Trace } from "./trace.ts";

const PORT = { kind: "tcp", host: "b", port: 2380 } as const;

/** One end, with what happened to it. */
class End {
  socket!: ByteSocket;
  text = "";
  events: string[] = [];

  readonly take = (socket: ByteSocket): void => {
    this.socket = socket;
    socket.attach({
      onData: (chunk) => {
        this.text += new TextDecoder("latin1").decode(chunk);
      },
      onDrain: () => this.events.push("drain"),
      onEnd: () => this.events.push("end"),
      onClose: (error) => this.events.push(`close ${error}`),
    });
  };

  write(text: string): boolean {
    return this.socket.write(new TextEncoder().encode(text));
  }
}

/** Hosts a and b with a stream between them. */
function connected(seed: number): {
  clock: VirtualClock;
  hub: VirtualSwitch;
  a: End;
  b: End;
  trace: Trace;
} {
  const clock = new VirtualClock();
  const trace = new Trace();
  const hub = new VirtualSwitch({ clock, seed, trace, latencyMs: { min: 1, max: 9 } });
  const a = new End();
  const b = new End();
  hub.host("b").listen({ ...PORT, host: "0.0.0.0" }, b.take, () => {});
  hub.host("a").connect(PORT, a.take, (error) => assert.fail(error));
  clock.runUntilIdle();
  return { clock, hub, a, b, trace };
}

test("bytes arrive in order, after the latency, in other pieces", () => {
  const { clock, a, b } = connected(1);
  const sentMs = clock.monotonicMs();
  const wanted = Array.from({ length: 200 }, (_, i) => `<${i}>`);
  for (const text of wanted) a.write(text);
  assert.equal(b.text, "");
  clock.runUntil(() => b.text !== "");
  assert.ok(clock.monotonicMs() - sentMs >= 1);
  clock.runUntilIdle();
  assert.equal(b.text, wanted.join(""));
  b.write("back");
  clock.runUntilIdle();
  assert.equal(a.text, "back");
});

test("ends: in order, half closed, destroyed", () => {
  const { clock, a, b } = connected(2);
  a.write("last");
  a.socket.end();
  a.write("ignored");
  clock.runUntilIdle();
  assert.deepEqual([b.text, b.events], ["last", ["end"]]);
  b.write("still");
  b.socket.end();
  clock.runUntilIdle();
  assert.deepEqual([a.text, a.events], ["still", ["end", "close null"]]);
  assert.deepEqual(b.events, ["end", "close null"]);
  const second = connected(3);
  second.a.write("lost or not");
  second.a.socket.destroy();
  second.clock.runUntilIdle();
  assert.deepEqual(second.a.events, ["close null"]);
  assert.deepEqual(second.b.events, ["close ECONNRESET"]);
});

test("a writer is told when the queue is full and when it is empty", () => {
  const { clock, a, b } = connected(4);
  b.socket.pause();
  const block = "x".repeat(100_000);
  const results = [a.write(block), a.write(block), a.write(block), a.write(block)];
  assert.deepEqual(results, [true, true, false, false]);
  clock.runUntilIdle();
  assert.equal(b.text.length, 0);
  assert.equal(a.socket.queuedBytes(), 400_000);
  assert.deepEqual(a.events, []);
  b.socket.resume();
  clock.runUntilIdle();
  assert.equal(b.text.length, 400_000);
  assert.deepEqual([a.socket.queuedBytes(), a.events], [0, ["drain"]]);
});

test("a partition holds bytes back, one way or both, and heals", () => {
  const { clock, hub, a, b } = connected(5);
  hub.block("a", "b");
  a.write("held");
  b.write("through");
  clock.runUntilIdle();
  assert.deepEqual([a.text, b.text], ["through", ""]);
  hub.heal();
  clock.runUntilIdle();
  assert.equal(b.text, "held");
  hub.partition(["a"], ["b", "c"]);
  const errors: string[] = [];
  const startMs = clock.monotonicMs();
  hub.host("a").connect(
    PORT,
    () => assert.fail(),
    (error) => errors.push(error.message),
  );
  clock.runUntilIdle();
  assert.deepEqual(errors, ["ETIMEDOUT b:2380"]);
  assert.equal(clock.monotonicMs() - startMs, 5000);
});

test("resets, crashes, refusals and taken ports", () => {
  const { clock, hub, a, b } = connected(6);
  hub.reset("b", "a");
  clock.runUntilIdle();
  assert.deepEqual([a.events, b.events], [["close ECONNRESET"], ["close ECONNRESET"]]);
  const results: string[] = [];
  const note = (result: object): void => {
    results.push(result instanceof Error ? result.message : "listening");
  };
  hub.host("b").listen(PORT, () => {}, note);
  hub.host("c").listen(PORT, () => {}, note);
  const other = connected(7);
  other.hub.crash("b");
  other.hub.host("a").connect(PORT, () => assert.fail(), note);
  clock.runUntilIdle();
  other.clock.runUntilIdle();
  other.hub.host("b").listen(PORT, () => {}, note);
  other.clock.runUntilIdle();
  assert.deepEqual(other.a.events, ["close ECONNRESET"]);
  assert.deepEqual(other.b.events, []);
  assert.deepEqual(results.toSorted(), [
    "EADDRINUSE b:2380",
    "ECONNREFUSED b:2380",
    "listening",
    "listening",
  ]);
});

test("free ports, unix paths, own host", () => {
  const clock = new VirtualClock();
  const network = new VirtualSwitch({ clock, seed: 1 }).host("m");
  const end = new End();
  const unix = { kind: "unix", path: "/run/s" } as const;
  network.listen(unix, end.take, () => {});
  network.connect(
    unix,
    () => {},
    (error) => assert.fail(error),
  );
  network.listen(
    { kind: "tcp", host: "127.0.0.1", port: 0 },
    () => {},
    (result) => {
      assert.ok(!(result instanceof Error) && result.address.kind === "tcp");
      assert.ok(result.address.port > 0);
      result.close();
      network.connect(
        result.address,
        () => assert.fail(),
        (error) => end.events.push(error.message),
      );
    },
  );
  clock.runUntilIdle();
  assert.ok(end.socket !== undefined);
  assert.match(end.events.join(), /ECONNREFUSED m:\d+/);
});

test("equal seeds, equal traces", () => {
  const run = (seed: number): string => {
    const { clock, hub, a, b, trace } = connected(seed);
    for (let i = 0; i < 50; i++) a.write("some bytes");
    hub.partition(["a"], ["b"]);
    hub.heal();
    clock.runUntilIdle();
    trace.add(`${clock.monotonicMs()} ${b.text.length}`);
    return trace.hash();
  };
  assert.equal(run(1), run(1));
  assert.notEqual(run(1), run(2));
});
