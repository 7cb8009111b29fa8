/**
 * Makes the recordings anew: runs real clients through a proxy that keeps what they send.
 *
 *   node test/compat/fuzz/record.ts NAME PROGRAM [ARGS…]     ENDPOINT and PORT are replaced
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort, ServerProcess } from "../../integration/server-process.ts";
import { packRecordings, RECORDINGS_DIR } from "./recordings.ts";

/** What is kept of one connection, bytes: long enough for dozens of calls. */
const KEPT_BYTES = 24 * 1024;
/** What is kept of one client, bytes. */
const CLIENT_BYTES = 96 * 1024;

const [name = "", program = "", ...args] = process.argv.slice(2);
const dir = mkdtempSync(path.join(tmpdir(), "skein-record-"));
const server = await ServerProcess.start(path.join(dir, "data"), await freePort());
const connections: Buffer[][] = [];
const proxy = net.createServer((client) => {
  const kept: Buffer[] = [];
  connections.push(kept);
  const upstream = net.connect(server.port, "127.0.0.1");
  client.on("data", (chunk) => kept.push(chunk));
  client.pipe(upstream).pipe(client);
  client.on("error", () => upstream.destroy());
  upstream.on("error", () => client.destroy());
});
proxy.listen(0, "127.0.0.1");
await once(proxy, "listening");
const { port } = proxy.address() as net.AddressInfo;
const filled = args.map((arg) =>
  arg.replaceAll("ENDPOINT", `127.0.0.1:${port}`).replaceAll("PORT", String(port)),
);
const child = spawn(program, filled, { stdio: "inherit" });
await once(child, "close");
proxy.close();
await server.end("SIGTERM");
rmSync(dir, { recursive: true, force: true });

const kept: Uint8Array[] = [];
let total = 0;
for (const chunks of connections) {
  const bytes = Buffer.concat(chunks).subarray(0, KEPT_BYTES);
  if (bytes.length === 0 || total + bytes.length > CLIENT_BYTES) continue;
  total += bytes.length;
  kept.push(bytes);
}
mkdirSync(RECORDINGS_DIR, { recursive: true });
writeFileSync(path.join(RECORDINGS_DIR, `${name}.bin`), packRecordings(kept));
console.log(`${name}: ${connections.length} connections seen, ${kept.length} kept, ${total} bytes`);
process.exit(0);
