import type { HttpReply, HttpRequest } from "../../platform/http.ts";
import type { Metrics } from "../../platform/metrics.ts";
import { Health } from "./health.ts";
import type { HealthSource, Versions } from "./health-source.ts";
import { errorReply, jsonReply, methodNotAllowed, notFound } from "./reply.ts";

/** What Prometheus' Go client says its text format is. */
const metricsContentType = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

/** What the routes show and whom they let in. */
export interface HttpRoutesOptions {
  readonly source: HealthSource;
  readonly versions: () => Versions;
  /** Where the health counters go. */
  readonly metrics: Metrics;
  /** Shared by the routes of several listeners; without it one is made, which may be done once. */
  readonly health?: Health;
  /** All metrics as text. */
  readonly exposeMetrics: () => string;
  /** Packs a reply with gzip. */
  readonly gzip: (text: string) => Uint8Array;
  /** `--cors`: allowed origins; empty or with `*`: all. */
  readonly corsOrigins?: readonly string[];
  /** `--host-whitelist`: allowed host names on plain connections; empty or with `*`: all. */
  readonly hostWhitelist?: readonly string[];
  /** Only `/metrics` and health: for `--listen-metrics-urls`. */
  readonly metricsOnly?: boolean;
}

/** Answers HTTP requests by path, behind etcd's front filter. Knows nothing of sockets. */
export class HttpRoutes {
  readonly #options: HttpRoutesOptions;
  readonly #health: Health;
  readonly #origins: readonly string[];
  readonly #hosts: readonly string[];

  constructor(options: HttpRoutesOptions) {
    this.#options = options;
    this.#health = options.health ?? new Health(options.source, options.metrics);
    this.#origins = options.corsOrigins ?? [];
    this.#hosts = options.hostWhitelist ?? [];
  }

  /** Calls `respond` once, now or later. */
  handle(request: HttpRequest, respond: (reply: HttpReply) => void): void {
    if (this.#options.metricsOnly === true) return this.#route(request, respond);
    const host = hostName(request.host);
    if (!request.secure && !allows(this.#hosts, host)) return respond(misdirected(host));
    const cors = this.#corsHeaders(request.origin);
    const answer = (reply: HttpReply): void =>
      respond({ ...reply, headers: [...cors, ...reply.headers] });
    if (request.method === "OPTIONS") answer({ status: 200, headers: [], body: "" });
    else this.#route(request, answer);
  }

  #corsHeaders(origin: string): [string, string][] {
    const all = this.#origins.length === 0 || this.#origins.includes("*");
    if (!all && !this.#origins.includes(origin)) return [];
    return [
      ["Access-Control-Allow-Headers", "accept, content-type, authorization"],
      ["Access-Control-Allow-Methods", "POST, GET, OPTIONS, PUT, DELETE"],
      ["Access-Control-Allow-Origin", all ? "*" : origin],
    ];
  }

  #route(request: HttpRequest, respond: (reply: HttpReply) => void): void {
    const { target } = request;
    const cut = target.indexOf("?");
    const path = (cut < 0 ? target : target.slice(0, cut)).replace(/^\/v3beta\//, "/v3/");
    if (path === "/metrics") return respond(this.#metrics(request.acceptEncoding));
    const probe = /^\/(livez|readyz)(\/|$)/.test(path);
    const known = probe || path === "/health" || path === "/version";
    if (!known || (path === "/version" && this.#options.metricsOnly === true)) {
      return respond(unknown(path, this.#options.metricsOnly === true));
    }
    const query = new URLSearchParams(cut < 0 ? "" : target.slice(cut + 1));
    if (probe) {
      // An unknown check is unknown to any method.
      if (request.method === "GET" || !isProbe(path)) this.#health.probe(path, query, respond);
      else respond(methodNotAllowed());
      return;
    }
    if (request.method !== "GET") return respond(methodNotAllowed());
    if (path === "/health") return this.#health.health(query, respond);
    respond(this.#version());
  }

  #version(): HttpReply {
    const { server, cluster, storage } = this.#options.versions();
    const body = { etcdserver: server, etcdcluster: cluster, storage };
    return jsonReply(200, JSON.stringify(body));
  }

  #metrics(acceptEncoding: string): HttpReply {
    const text = this.#options.exposeMetrics();
    const headers: [string, string][] = [["Content-Type", metricsContentType]];
    if (!/(^|,)\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*(,|$))|,|$)/.test(acceptEncoding)) {
      return { status: 200, headers, body: text };
    }
    headers.push(["Content-Encoding", "gzip"]);
    return { status: 200, headers, body: this.#options.gzip(text) };
  }
}

const probePaths: ReadonlySet<string> = new Set([
  "/livez",
  "/livez/serializable_read",
  "/readyz",
  "/readyz/data_corruption",
  "/readyz/serializable_read",
  "/readyz/linearizable_read",
  "/readyz/non_learner",
]);

function isProbe(path: string): boolean {
  return probePaths.has(path);
}

function unknown(path: string, metricsOnly: boolean): HttpReply {
  if (!metricsOnly && path.startsWith("/v3/")) {
    return jsonReply(404, '{"code":5,"message":"Not Found"}');
  }
  return notFound();
}

function allows(list: readonly string[], value: string): boolean {
  return list.length === 0 || list.includes("*") || list.includes(value);
}

/** The host without its port; brackets of an IPv6 address are dropped too. */
function hostName(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::[0-9]*)?$/.exec(host);
  if (bracketed !== null) return bracketed[1] ?? "";
  const colon = host.indexOf(":");
  return colon < 0 || host.indexOf(":", colon + 1) >= 0 ? host : host.slice(0, colon);
}

/** Why a request with a foreign `Host` is refused: a web page may have rebound a name to us. */
function misdirected(host: string): HttpReply {
  const lines = [
    "",
    "etcd received your request, but the Host header was unrecognized.",
    "",
    "This protects against web pages that reach this server through DNS rebinding",
    "(CVE-2018-5702). To make such requests work, either",
    "- serve clients over TLS: the Host header is then not looked at, or",
    "- allow the host name:",
    `  etcd --host-whitelist ${JSON.stringify(host)}`,
    "",
  ];
  return errorReply(421, lines.join("\n"));
}
