/* skein-load: a light load generator for servers that speak etcd's KV API over cleartext gRPC.
 * One thread, epoll, no dependencies. Prints one JSON line. See usage() below. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "cpu.h"
#include "h2.h"
#include "hist.h"
#include "workload.h"

/* A server that finishes no call for SILENCE_SECONDS is given up. */
enum { EVENTS = 256, DRAIN_SECONDS = 60, SILENCE_SECONDS = 60, REOPEN_MAX = 100 };
enum stall { STALL_NONE, STALL_WINDOW, STALL_SOCKET };

struct options {
  struct sockaddr_in to;
  int conns, inflight, pid;
  double warmup_s, seconds, rate;
  uint64_t count, seed, verify, timeout_us;
  uint32_t stream_window, conn_window;
  enum stall stall;
  bool check_rise;
};

/* One pass of load: a workload, driven until its time or its requests are over. */
struct run {
  const struct options *o;
  struct work *work;
  struct conn *conns;
  int nconns, epoll, reopened;
  uint64_t started, finished, limit, varied;
  bool measuring, stopping, exhausted, paced, abandoned;
  int64_t now, due_ns, period_ns;
  struct hist hist;
  uint64_t bytes_in, ok_in_window, by_status[STATUS_COUNT];
  struct h2_options h2;
};

static int64_t clock_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static bool start_call(struct run *r, struct conn *c, int64_t start_ns) {
  static uint8_t buffer[BODY_MAX + 8], *const body = buffer + 8;
  struct call *call = h2_slot(c);
  size_t n;
  int path;
  if (call == NULL || r->stopping) return false;
  if (r->exhausted || r->started == r->limit || !work_next(r->work, call, body, &n, &path)) {
    r->exhausted = true;
    return false;
  }
  r->started++;
  call->start_ns = start_ns;
  /* A deadline is an instant, so the time that is left differs from call to call. */
  uint64_t timeout = r->o->timeout_us - r->varied++ * 7919 % 9973;
  h2_start(c, call, PATH_NAMES[path], path, timeout, body, n);
  return true;
}

static void on_done(void *ctx, struct conn *c, struct call *call, int status) {
  struct run *r = ctx;
  if (status == STATUS_CONN && r->abandoned) status = STATUS_UNFINISHED;
  if (status == STATUS_OK && !work_check(r->work, call)) status = STATUS_WRONG;
  r->finished++;
  r->by_status[status]++;
  if (r->measuring && status == STATUS_OK) {
    r->ok_in_window++;
    hist_add(&r->hist, r->now - call->start_ns);
  }
  if (!r->paced) start_call(r, c, r->now);
}

static void watch(struct run *r, struct conn *c, int op) {
  bool read = r->o->stall != STALL_SOCKET || r->work->kind == REREAD || r->work->kind == PROBE;
  struct epoll_event e = {.data.u32 = (uint32_t)c->index};
  e.events = (read ? EPOLLIN : 0) | (c->want_write ? EPOLLOUT : 0);
  epoll_ctl(r->epoll, op, c->fd, &e);
}

static bool open_conn(struct run *r, int i) {
  struct conn *c = &r->conns[i];
  if (!h2_open(c, &r->o->to, r->o->inflight, &r->h2)) return false;
  c->index = i;
  for (int s = 0; s < c->slots && r->work->kind == REREAD; s++)
    c->calls[s].reply.kept = malloc(PB_CAPTURE_MAX);
  watch(r, c, EPOLL_CTL_ADD);
  return true;
}

static void drop_conn(struct conn *c) {
  h2_close(c);
  for (int s = 0; s < c->slots; s++) free(c->calls[s].reply.kept);
  free(c->calls);
  c->calls = NULL;
  c->slots = 0;
}

static void flush(struct run *r, struct conn *c) {
  bool wanted = c->want_write;
  h2_flush(c);
  if (!c->closed && c->want_write != wanted) watch(r, c, EPOLL_CTL_MOD);
}

/* Paced: starts every call that is due, each timed from the moment it was due. */
static void start_due(struct run *r) {
  for (int i = 0; r->due_ns <= r->now && !r->stopping; i++) {
    struct conn *c = &r->conns[i % r->nconns];
    if (!start_call(r, c, r->due_ns)) {
      if (i >= r->nconns) return; /* all slots taken: they stay due, and late */
      continue;
    }
    flush(r, c);
    r->due_ns += r->period_ns;
  }
}

static void fill(struct run *r, struct conn *c) {
  r->now = clock_ns();
  while (!r->paced && start_call(r, c, r->now)) {}
  flush(r, c);
}

static void serve(struct run *r, struct conn *c, uint32_t events) {
  if (c->closed) return;
  r->now = clock_ns();
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) h2_readable(c);
  if (!c->closed) fill(r, c);
  if (!c->closed || r->stopping || r->reopened++ >= REOPEN_MAX) return;
  drop_conn(c);
  if (open_conn(r, c->index)) fill(r, &r->conns[c->index]);
}

static bool idle(const struct run *r) {
  for (int i = 0; i < r->nconns; i++)
    if (!r->conns[i].closed && r->conns[i].busy > 0) return false;
  return true;
}

struct window {
  double seconds, cpu_seconds, client_cpu_seconds;
};

static double own_cpu(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Starts the clock of the window; called again with its end it leaves the lengths in `w`. */
static void mark(const struct run *r, struct window *w, int sign) {
  w->cpu_seconds += sign * cpu_seconds(r->o->pid);
  w->client_cpu_seconds += sign * own_cpu();
  w->seconds += sign * (double)clock_ns() / 1e9;
}

static void loop(struct run *r, struct window *w) {
  struct epoll_event events[EVENTS];
  int64_t begin = clock_ns(), open_at = begin + (int64_t)(r->o->warmup_s * 1e9);
  int64_t close_at = r->limit != UINT64_MAX || r->work->kind == PRELOAD
                         ? INT64_MAX : open_at + (int64_t)(r->o->seconds * 1e9);
  int64_t give_up = INT64_MAX, silence = SILENCE_SECONDS * 1000000000ll, heard_at = begin;
  uint64_t heard = 0;
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  struct epoll_event te = {.events = EPOLLIN, .data.u32 = UINT32_MAX};
  epoll_ctl(r->epoll, EPOLL_CTL_ADD, timer, &te);
  r->due_ns = begin;
  for (;;) {
    r->now = clock_ns();
    if (!r->measuring && !r->stopping && r->now >= open_at) {
      mark(r, w, -1);
      r->measuring = true;
    }
    if (!r->stopping && (r->now >= close_at || (r->exhausted && idle(r)))) {
      if (r->measuring) mark(r, w, 1);
      r->measuring = false;
      r->stopping = true;
      give_up = r->now + (r->o->stall == STALL_NONE ? DRAIN_SECONDS : 0) * 1000000000ll;
    }
    if (r->stopping && (idle(r) || r->now >= give_up)) break;
    if (r->finished != heard) heard_at = r->now;
    heard = r->finished;
    if (r->reopened > REOPEN_MAX) break;
    if (r->now - heard_at > silence && r->o->stall == STALL_NONE) break;
    if (r->paced) {
      start_due(r);
      struct itimerspec at = {.it_value = {r->due_ns / 1000000000, r->due_ns % 1000000000}};
      timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
    }
    int n = epoll_wait(r->epoll, events, EVENTS, 20);
    for (int i = 0; i < n; i++) {
      uint64_t ticks;
      uint32_t index = events[i].data.u32;
      if (index != UINT32_MAX) serve(r, &r->conns[index], events[i].events);
      else if (read(timer, &ticks, 8) < 0) continue;
    }
  }
  close(timer);
}

/* False when no connection could be opened. */
static bool run_load(struct run *r, const struct options *o, struct work *work, struct window *w) {
  memset(r, 0, sizeof *r);
  r->o = o;
  r->work = work;
  r->limit = o->count > 0 ? o->count : UINT64_MAX;
  r->paced = o->rate > 0;
  r->period_ns = r->paced ? (int64_t)(1e9 / o->rate) : 0;
  r->epoll = epoll_create1(EPOLL_CLOEXEC);
  r->nconns = o->conns;
  r->conns = calloc((size_t)o->conns, sizeof *r->conns);
  r->h2 = (struct h2_options){.stream_window = o->stream_window, .conn_window = o->conn_window,
                              .stall = o->stall != STALL_NONE, .done = on_done, .ctx = r};
  memset(w, 0, sizeof *w);
  for (int i = 0; i < o->conns; i++)
    if (!open_conn(r, i)) return false;
  for (int i = 0; i < o->conns; i++) fill(r, &r->conns[i]);
  loop(r, w);
  uint64_t bytes = 0;
  r->stopping = r->abandoned = true;
  for (int i = 0; i < o->conns; i++) {
    bytes += r->conns[i].bytes_in;
    if (r->conns[i].calls != NULL) drop_conn(&r->conns[i]);
  }
  r->bytes_in = bytes;
  free(r->conns);
  close(r->epoll);
  return true;
}

/* A short pass beside the load proper: `count` calls, closed loop, no stalling. */
static bool side_run(const struct options *o, struct work *work, int inflight, uint64_t count) {
  static struct run r;
  struct window w;
  struct options side = *o;
  side.conns = 1;
  side.inflight = inflight;
  side.count = count;
  side.rate = side.warmup_s = 0;
  side.stall = STALL_NONE;
  side.stream_window = side.conn_window = 1 << 20;
  return run_load(&r, &side, work, &w) && r.by_status[STATUS_OK] == r.finished;
}

/* The server's revision now; 0 when it does not answer. */
static uint64_t revision_now(const struct options *o) {
  struct work w = {.kind = PROBE};
  work_init(&w, o->seed);
  return side_run(o, &w, 1, 1) ? w.last_revision : 0;
}

static void print_errors(const struct run *r) {
  static const char *const names[] = {"rst", "connection", "http", "malformed", "wrong",
                                      "unfinished"};
  const char *comma = "";
  printf("\"errors\":{");
  for (int s = 1; s < STATUS_COUNT; s++) {
    if (r->by_status[s] == 0) continue;
    if (s < STATUS_RST) printf("%s\"grpc-%d\":%" PRIu64, comma, s, r->by_status[s]);
    else printf("%s\"%s\":%" PRIu64, comma, names[s - STATUS_RST], r->by_status[s]);
    comma = ",";
  }
  printf("}");
}

struct verdict {
  uint64_t before, after;
  bool verified;
};

static void print_result(const struct run *r, const struct window *w, const struct verdict *v) {
  const struct options *o = r->o;
  const struct work *k = r->work;
  double per_op = r->ok_in_window == 0 ? 0 : 1e6 / (double)r->ok_in_window;
  printf("{\"workload\":\"%s\",\"conns\":%d,\"inflight\":%d,\"seconds\":%.3f,\"ok\":%" PRIu64
         ",\"throughput\":%.1f,",
         WORKLOAD_NAMES[k->kind], o->conns, o->inflight, w->seconds, r->ok_in_window,
         w->seconds > 0 ? (double)r->ok_in_window / w->seconds : 0);
  printf("\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f,"
         "\"mean_us\":%.1f,",
         hist_at(&r->hist, 0.5) / 1e3, hist_at(&r->hist, 0.9) / 1e3, hist_at(&r->hist, 0.99) / 1e3,
         hist_at(&r->hist, 0.999) / 1e3, r->hist.max / 1e3,
         r->hist.n ? (double)r->hist.sum / (double)r->hist.n / 1e3 : 0);
  printf("\"cpu_us_per_op\":%.3f,\"client_cpu_us_per_op\":%.3f,\"cpu_seconds\":%.2f,",
         w->cpu_seconds * per_op, w->client_cpu_seconds * per_op, w->cpu_seconds);
  printf("\"bytes_in\":%" PRIu64 ",", r->bytes_in);
  printf("\"all_ok\":%" PRIu64 ",\"kvs\":%" PRIu64 ",\"next\":%" PRIu64 ",", r->by_status[0],
         k->kvs, k->next);
  printf("\"revision\":%" PRIu64 ",\"rise\":%" PRIu64 ",\"rise_wanted\":%" PRIu64
         ",\"reread\":%" PRIu64 ",\"reread_bad\":%" PRIu64 ",",
         v->after, v->after - v->before, k->rise, k->reread, k->reread_bad);
  print_errors(r);
  printf(",\"verified\":%s}\n", v->verified ? "true" : "false");
}

static void usage(void) {
  fputs("skein-load --addr 127.0.0.1:2379 --workload W [options]\n"
        "  W: put range srange list stream txn mixed insert query delete preload compact\n"
        "  --conns N --inflight N   shape (16, 8)\n"
        "  --seconds S --warmup S   measured and unmeasured time (5, 0.5)\n"
        "  --count N                stop after N calls instead\n"
        "  --rate R                 open loop: R calls a second, timed from when each was due\n"
        "  --first I --keys N       key indexes in play (0, 1000000)\n"
        "  --uuid 1                 uuid/… keys (always for insert, query, delete)\n"
        "  --value BYTES            value size, at least 16 (256)\n"
        "  --limit K                keys of a list (1000)\n"
        "  --range-percent P        ranges in mixed (80)\n"
        "  --pid P                  server process whose CPU time is counted\n"
        "  --timeout-ms T           grpc-timeout (5000)\n"
        "  --window B --conn-window B  what we let the peer send (1 MiB, 16 MiB)\n"
        "  --stall window|socket    never return window / never read\n"
        "  --verify N               re-read N of the keys written (1000)\n"
        "  --shared 1               others write too: no exact rise, newer values are right\n"
        "  --revision R             compact: up to R (0: now)   --seed N\n",
        stderr);
  exit(2);
}

static void parse(int argc, char **argv, struct options *o, struct work *w) {
  char host[64] = "127.0.0.1";
  int port = 2379;
  w->kind = WORKLOADS;
  for (int i = 1; i < argc; i += 2) {
    const char *k = argv[i], *v = i + 1 < argc ? argv[i + 1] : NULL;
    if (v == NULL || strncmp(k, "--", 2) != 0) usage();
    k += 2;
    uint64_t n = strtoull(v, NULL, 10);
    if (strcmp(k, "addr") == 0 && sscanf(v, "%63[^:]:%d", host, &port) == 2) continue;
    if (strcmp(k, "workload") == 0)
      for (int j = 0; j < WORKLOADS; j++)
        if (strcmp(v, WORKLOAD_NAMES[j]) == 0) w->kind = (enum workload)j;
    if (strcmp(k, "workload") == 0 && w->kind != WORKLOADS) continue;
    if (strcmp(k, "stall") == 0) o->stall = strcmp(v, "socket") == 0 ? STALL_SOCKET : STALL_WINDOW;
    else if (strcmp(k, "conns") == 0) o->conns = (int)n;
    else if (strcmp(k, "inflight") == 0) o->inflight = (int)n;
    else if (strcmp(k, "seconds") == 0) o->seconds = strtod(v, NULL);
    else if (strcmp(k, "warmup") == 0) o->warmup_s = strtod(v, NULL);
    else if (strcmp(k, "rate") == 0) o->rate = strtod(v, NULL);
    else if (strcmp(k, "count") == 0) o->count = n;
    else if (strcmp(k, "first") == 0) w->first = n;
    else if (strcmp(k, "keys") == 0) w->keys = n;
    else if (strcmp(k, "uuid") == 0) w->uuid = n;
    else if (strcmp(k, "value") == 0) w->value_bytes = (uint32_t)n;
    else if (strcmp(k, "limit") == 0) w->limit = (uint32_t)n;
    else if (strcmp(k, "range-percent") == 0) w->range_percent = (uint32_t)n;
    else if (strcmp(k, "pid") == 0) o->pid = (int)n;
    else if (strcmp(k, "timeout-ms") == 0) o->timeout_us = n * 1000;
    else if (strcmp(k, "window") == 0) o->stream_window = (uint32_t)n;
    else if (strcmp(k, "conn-window") == 0) o->conn_window = (uint32_t)n;
    else if (strcmp(k, "verify") == 0) o->verify = n;
    else if (strcmp(k, "shared") == 0) w->shared = n;
    else if (strcmp(k, "revision") == 0) w->compact_revision = n;
    else if (strcmp(k, "seed") == 0) o->seed = n;
    else usage();
  }
  o->to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (w->kind >= PROBE || inet_pton(AF_INET, host, &o->to.sin_addr) != 1) usage();
  if (w->kind == INSERT || w->kind == QUERY || w->kind == DELETE) w->uuid = true;
  if (o->stall != STALL_NONE) o->stream_window = o->conn_window = 65535;
  bool list = w->kind == LIST || w->kind == STREAM;
  if (o->conns < 1 || o->inflight < 1 || w->keys < 4 || w->value_bytes < 16 ||
      w->value_bytes > BODY_MAX / 8 || (list && (w->limit < 2 || w->limit > w->keys)))
    usage();
}

static void verify(const struct options *o, struct work *w, struct verdict *v,
                   const struct run *r) {
  bool rise = w->shared || v->after - v->before == w->rise;
  bool values = true;
  if (w->wrote_n > 0 && o->verify > 0) {
    enum workload kind = w->kind;
    uint64_t sample = o->verify < w->wrote_n ? o->verify : w->wrote_n;
    w->kind = REREAD;
    values = side_run(o, w, 16, sample) && w->reread_bad == 0 && w->reread == sample;
    w->kind = kind;
  }
  v->verified = rise && values && v->after > 0 && r->by_status[STATUS_WRONG] == 0;
}

int main(int argc, char **argv) {
  static struct run r;
  struct options o = {.conns = 16, .inflight = 8, .seconds = 5, .warmup_s = 0.5, .seed = 1,
                      .verify = 1000, .timeout_us = 5000000, .stream_window = 1 << 20,
                      .conn_window = 1 << 24};
  struct work w = {.keys = 1000000, .value_bytes = 256, .limit = 1000, .range_percent = 80};
  parse(argc, argv, &o, &w);
  w.track = w.kind != RANGE && w.kind != SRANGE && w.kind != LIST && w.kind != STREAM &&
            w.kind != QUERY && w.kind != COMPACT && o.verify > 0;
  if (w.kind == COMPACT) o.count = 1;
  if (o.count > 0 || w.kind == PRELOAD) o.warmup_s = 0;
  work_init(&w, o.seed);
  struct verdict v = {.before = revision_now(&o)};
  if (v.before == 0) {
    fprintf(stderr, "skein-load: no answer from the server\n");
    return 1;
  }
  if (w.kind == COMPACT && w.compact_revision == 0) w.compact_revision = v.before;
  struct window window;
  if (!run_load(&r, &o, &w, &window)) {
    fprintf(stderr, "skein-load: cannot connect: %s\n", strerror(errno));
    return 1;
  }
  v.after = revision_now(&o);
  if (o.stall == STALL_NONE) verify(&o, &w, &v, &r);
  print_result(&r, &window, &v);
  free(w.wrote_revision);
  free(w.wrote_seq);
  return 0;
}
