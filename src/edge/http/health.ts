import type { HttpReply } from "../../platform/http.ts";
import type { Counter, Gauge, Labelled, Metrics } from "../../platform/metrics.ts";
import type { HealthSource } from "./health-source.ts";
import { errorReply, notFound, textReply } from "./reply.ts";

/** Alarms that the reason of an unhealthy member names. */
const KNOWN_ALARMS: ReadonlySet<string> = new Set(["NOSPACE", "CORRUPT"]);

type Respond = (reply: HttpReply) => void;

/** Ends with null when it passed, else with the reason. */
type Check = (source: HealthSource, done: (error: string | null) => void) => void;

const readSerializable: Check = (source, done) => source.read("serializable", done);

const dataCorruption: Check = (source, done) =>
  done(source.alarms().includes("CORRUPT") ? "alarm activated: CORRUPT" : null);

const nonLearner: Check = (source, done) =>
  done(source.isLearner() ? "not supported for learner" : null);

/** The checks of each endpoint (http.md §3). */
const endpoints: Readonly<Record<string, ReadonlyMap<string, Check>>> = {
  livez: new Map([["serializable_read", readSerializable]]),
  readyz: new Map<string, Check>([
    ["data_corruption", dataCorruption],
    ["serializable_read", readSerializable],
    ["linearizable_read", (source, done) => source.read("linearizable", done)],
    ["non_learner", nonLearner],
  ]),
};

/** `/health`, `/livez` and `/readyz` with their counters. */
export class Health {
  readonly #source: HealthSource;
  readonly #success: Counter;
  readonly #failures: Counter;
  readonly #last: Labelled<Gauge>;
  readonly #totals: Labelled<Counter>;

  constructor(source: HealthSource, metrics: Metrics) {
    this.#source = source;
    this.#success = metrics.counter({
      name: "etcd_server_health_success",
      help: "The total number of successful health checks",
    });
    this.#failures = metrics.counter({
      name: "etcd_server_health_failures",
      help: "The total number of failed health checks",
    });
    this.#last = metrics.gauges({
      name: "etcd_server_healthcheck",
      help: "The result of each kind of healthcheck.",
      labels: ["type", "name"],
    });
    this.#totals = metrics.counters({
      name: "etcd_server_healthchecks_total",
      help: "The total number of each kind of healthcheck.",
      labels: ["type", "name", "status"],
    });
  }

  /** Answers `/health`: alarms, then leader, then a read. */
  health(query: URLSearchParams, respond: Respond): void {
    const serializable = query.get("serializable") === "true";
    const excluded = query.getAll("exclude");
    const alarm = this.#source.alarms().find((name) => !excluded.includes(name));
    if (alarm !== undefined) {
      return this.#unhealthy(`ALARM ${KNOWN_ALARMS.has(alarm) ? alarm : "UNKNOWN"}`, respond);
    }
    if (!serializable && !this.#source.hasLeader()) {
      return this.#unhealthy("RAFT NO LEADER", respond);
    }
    this.#source.read(serializable ? "serializable" : "linearizable", (error) => {
      if (error !== null) return this.#unhealthy(`RANGE ERROR:${error}`, respond);
      this.#success.add(1);
      respond(textReply('{"health":"true","reason":""}'));
    });
  }

  /** Answers `/livez`, `/livez/CHECK` and the same of readyz; other paths get 404. */
  probe(path: string, query: URLSearchParams, respond: Respond): void {
    const [, type = "", name, ...rest] = path.split("/");
    const checks = endpoints[type];
    if (checks === undefined || rest.length > 0) return respond(notFound());
    if (name === undefined) {
      const excluded = query.getAll("exclude");
      const chosen = [...checks].filter(([each]) => !excluded.includes(each));
      return this.#run(type, chosen, query.has("verbose"), respond);
    }
    const check = checks.get(name);
    if (check === undefined) return respond(notFound());
    this.#run(type, [[name, check]], query.has("verbose"), respond);
  }

  #unhealthy(reason: string, respond: Respond): void {
    this.#failures.add(1);
    respond(errorReply(503, JSON.stringify({ health: "false", reason })));
  }

  #run(
    type: string,
    checks: readonly (readonly [string, Check])[],
    verbose: boolean,
    respond: Respond,
  ): void {
    const lines: string[] = [];
    let failed = false;
    let open = checks.length;
    const finish = (): void => {
      if (failed) return respond(errorReply(503, `${lines.join("")}`));
      respond(okReply(verbose ? `${lines.join("")}ok` : "ok"));
    };
    if (open === 0) return finish();
    checks.forEach(([name, check], i) => {
      check(this.#source, (error) => {
        this.#count(type, name, error === null);
        failed ||= error !== null;
        lines[i] = error === null ? `[+]${name} ok\n` : `[-]${name} failed: ${error}\n`;
        if (--open === 0) finish();
      });
    });
  }

  #count(type: string, name: string, passed: boolean): void {
    this.#last.with(type, name).set(passed ? 1 : 0);
    this.#totals.with(type, name, passed ? "success" : "error").add(1);
  }
}

/** A success in the shape that etcd gives it: that of `http.Error`. */
function okReply(text: string): HttpReply {
  return { ...errorReply(200, text), status: 200 };
}
