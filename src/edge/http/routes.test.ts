import assert from "node:assert/strict";
import { test } from "node:test";
import { MetricsRegistry } from "../../base/metrics/registry.ts";
import type { HealthSource } from "./health-source.ts";
import type { HttpReply, HttpRequest } from "../../platform/http.ts";
import { HttpRoutes, type HttpRoutesOptions } from "./routes.ts";

interface State {
  alarms: string[];
  leader: boolean;
  learner: boolean;
  readError: Record<string, string | null>;
}

test("an alarm that no version knows is UNKNOWN, and is excluded by its number", () => {
  const { state, get } = setUp();
  state.alarms = ["7"];
  assert.match(get("/health"), /^503[^]*"reason":"ALARM UNKNOWN"/u);
  assert.match(get("/health?exclude=UNKNOWN"), /^503/u);
  assert.match(get("/health?exclude=7"), /^200/u);
});

function setUp(options: Partial<HttpRoutesOptions> = {}): {
  state: State;
  registry: MetricsRegistry;
  get: (target: string, more?: Partial<HttpRequest>) => string;
} {
  const state: State = { alarms: [], leader: true, learner: false, readError: {} };
  const source: HealthSource = {
    alarms: () => state.alarms,
    hasLeader: () => state.leader,
    isLearner: () => state.learner,
    read: (kind, done) => done(state.readError[kind] ?? null),
  };
  const registry = new MetricsRegistry();
  const routes = new HttpRoutes({
    source,
    versions: () => ({ server: "3.7.1", cluster: "3.7.0", storage: "3.7.0" }),
    metrics: registry,
    exposeMetrics: () => registry.expose(),
    gzip: (text) => new TextEncoder().encode(`packed ${text.length}`),
    ...options,
  });
  const get = (target: string, more: Partial<HttpRequest> = {}): string => {
    let reply: HttpReply | null = null;
    const request = {
      method: "GET",
      target,
      host: "127.0.0.1:2379",
      origin: "",
      acceptEncoding: "",
      secure: false,
      ...more,
    };
    routes.handle(request, (given) => {
      assert.equal(reply, null, "one reply");
      reply = given;
    });
    assert.ok(reply !== null, "a reply");
    const { status, headers, body } = reply as HttpReply;
    const shown = headers
      .filter(([name]) => !name.startsWith("Access-Control"))
      .map(([name, value]) => `${name}: ${value}\n`);
    return `${status}\n${shown.join("")}\n${typeof body === "string" ? body : "bytes"}`;
  };
  return { state, registry, get };
}

const text = "Content-Type: text/plain; charset=utf-8\n";
const error = `${text}X-Content-Type-Options: nosniff\n`;

test("/version, /health, /livez and /readyz when all is well", () => {
  const { get } = setUp();
  assert.equal(
    get("/version"),
    "200\nContent-Type: application/json\n\n" +
      '{"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"3.7.0"}',
  );
  assert.equal(get("/health"), `200\n${text}\n{"health":"true","reason":""}`);
  assert.equal(get("/livez"), `200\n${error}\nok\n`);
  assert.equal(get("/readyz"), `200\n${error}\nok\n`);
  assert.equal(get("/livez/serializable_read"), `200\n${error}\nok\n`);
  assert.equal(get("/livez?verbose"), `200\n${error}\n[+]serializable_read ok\nok\n`);
  assert.equal(get("/livez?exclude=serializable_read&verbose=1"), `200\n${error}\nok\n`);
  assert.equal(
    get("/readyz?verbose=x&exclude=linearizable_read&exclude=bogus"),
    `200\n${error}\n[+]data_corruption ok\n[+]serializable_read ok\n[+]non_learner ok\nok\n`,
  );
});

test("/health in every state of need", () => {
  const { state, registry, get } = setUp();
  const sick = (reason: string): string =>
    `503\n${error}\n{"health":"false","reason":"${reason}"}\n`;
  state.alarms = ["NOSPACE", "CORRUPT"];
  assert.equal(get("/health"), sick("ALARM NOSPACE"));
  assert.equal(get("/health?exclude=NOSPACE"), sick("ALARM CORRUPT"));
  assert.equal(get("/health?exclude=NOSPACE,CORRUPT"), sick("ALARM NOSPACE"));
  assert.equal(get("/health?exclude=nospace"), sick("ALARM NOSPACE"));
  assert.match(get("/health?exclude=NOSPACE&exclude=CORRUPT&exclude="), /^200/);
  state.alarms = [];
  state.leader = false;
  assert.equal(get("/health"), sick("RAFT NO LEADER"));
  assert.match(get("/health?serializable=true"), /^200/);
  assert.equal(get("/health?serializable=True"), sick("RAFT NO LEADER"));
  state.leader = true;
  state.readError["linearizable"] = "etcdserver: request timed out";
  assert.equal(get("/health"), sick("RANGE ERROR:etcdserver: request timed out"));
  const shown = registry.expose();
  assert.match(shown, /^etcd_server_health_success 2$/m);
  assert.match(shown, /^etcd_server_health_failures 7$/m);
});

test("/readyz names what failed and counts it", () => {
  const { state, registry, get } = setUp();
  state.alarms = ["NOSPACE"];
  assert.match(get("/readyz"), /^200/);
  state.alarms = ["CORRUPT"];
  state.learner = true;
  state.readError["linearizable"] = "etcdserver: leader changed";
  assert.equal(
    get("/readyz"),
    `503\n${error}\n[-]data_corruption failed: alarm activated: CORRUPT\n` +
      "[+]serializable_read ok\n" +
      "[-]linearizable_read failed: etcdserver: leader changed\n" +
      "[-]non_learner failed: not supported for learner\n\n",
  );
  assert.match(get("/livez"), /^200/);
  const shown = registry.expose();
  assert.match(shown, /^etcd_server_healthcheck\{name="non_learner",type="readyz"\} 0$/m);
  assert.match(
    shown,
    /^etcd_server_healthchecks_total\{name="non_learner",status="error",type="readyz"\} 1$/m,
  );
});

test("methods and unknown paths", () => {
  const { get } = setUp();
  const refused = `405\nAllow: GET\n${error}\nMethod Not Allowed\n`;
  for (const path of ["/version", "/health", "/livez", "/readyz/non_learner"]) {
    for (const method of ["POST", "HEAD", "PUT"]) assert.equal(get(path, { method }), refused);
  }
  const missing = `404\n${error}\n404 page not found\n`;
  const unknown = ["/", "/nope", "/health/", "/livez/", "/livez/x", "/livez/serializable_read/x"];
  for (const path of [...unknown, "/v2/keys", "/v3alpha/kv/put"]) assert.equal(get(path), missing);
  const gateway = '404\nContent-Type: application/json\n\n{"code":5,"message":"Not Found"}';
  assert.equal(get("/v3/nope", { method: "POST" }), gateway);
  assert.equal(get("/v3beta/nope", { method: "POST" }), gateway);
  assert.equal(get("/nope", { method: "OPTIONS" }), "200\n\n");
});

test("foreign hosts are refused on plain connections only", () => {
  const { get } = setUp({ hostWhitelist: ["127.0.0.1", "::1"] });
  assert.match(get("/version"), /^200/);
  assert.match(get("/version", { host: "[::1]:2379" }), /^200/);
  assert.match(get("/version", { host: "evil.com", secure: true }), /^200/);
  const refused = get("/version", { host: "evil.com:80", method: "OPTIONS" });
  assert.match(refused, /^421\n/);
  assert.match(refused, /\n\netcd received your request, but the Host header was unrecognized\.\n/);
  assert.match(refused, /etcd --host-whitelist "evil\.com"\n\n$/);
});

test("CORS headers for allowed origins", () => {
  const headersFor = (corsOrigins: string[], origin: string): string => {
    const registry = new MetricsRegistry();
    const source: HealthSource = {
      alarms: () => [],
      hasLeader: () => true,
      isLearner: () => false,
      read: (_kind, done) => done(null),
    };
    const routes = new HttpRoutes({
      source,
      versions: () => ({ server: "", cluster: "", storage: "" }),
      metrics: registry,
      exposeMetrics: () => "",
      gzip: () => new Uint8Array(),
      corsOrigins,
    });
    let seen = "";
    const request = { method: "GET", target: "/nope", host: "", acceptEncoding: "", secure: false };
    routes.handle({ ...request, origin }, (reply) => {
      seen = reply.headers.map(([name, value]) => `${name}: ${value}`).join("\n");
    });
    return seen;
  };
  const common =
    "Access-Control-Allow-Headers: accept, content-type, authorization\n" +
    "Access-Control-Allow-Methods: POST, GET, OPTIONS, PUT, DELETE\n";
  assert.ok(headersFor([], "http://a").startsWith(`${common}Access-Control-Allow-Origin: *\n`));
  assert.ok(headersFor(["*"], "").startsWith(`${common}Access-Control-Allow-Origin: *\n`));
  assert.ok(headersFor(["http://a"], "http://a").includes("Allow-Origin: http://a\n"));
  assert.ok(!headersFor(["http://a"], "http://b").includes("Access-Control"));
});

test("/metrics in plain text or gzip, as asked", () => {
  const { get } = setUp();
  const type = "Content-Type: text/plain; version=0.0.4; charset=utf-8; escaping=underscores\n";
  assert.ok(get("/metrics", { method: "POST" }).startsWith(`200\n${type}\n# HELP `));
  const packed = `200\n${type}Content-Encoding: gzip\n\nbytes`;
  for (const acceptEncoding of ["gzip", "deflate, gzip;q=1.0", "gzip;q=0.5, *;q=0"]) {
    assert.equal(get("/metrics", { acceptEncoding }), packed, acceptEncoding);
  }
  for (const acceptEncoding of ["gzip;q=0", "deflate", "xgzip", "gzip;q=0.0, br"]) {
    assert.notEqual(get("/metrics", { acceptEncoding }), packed, acceptEncoding);
  }
});

test("a metrics-only listener knows nothing else", () => {
  const { get } = setUp({ metricsOnly: true });
  assert.match(get("/metrics"), /^200/);
  assert.match(get("/health"), /^200/);
  for (const path of ["/version", "/v3/kv/range"]) {
    assert.equal(get(path), `404\n${error}\n404 page not found\n`);
  }
});
