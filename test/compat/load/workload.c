#include "workload.h"

#include <stdlib.h>

const char *const WORKLOAD_NAMES[WORKLOADS] = {
    "put",   "range", "srange",  "list",    "stream", "txn",   "mixed",
    "insert", "query", "delete", "preload", "compact", "probe", "reread"};
const char *const PATH_NAMES[PATHS] = {
    "/etcdserverpb.KV/Range",       "/etcdserverpb.KV/RangeStream", "/etcdserverpb.KV/Put",
    "/etcdserverpb.KV/DeleteRange", "/etcdserverpb.KV/Txn",         "/etcdserverpb.KV/Compact"};

enum { KEY_BYTES_MAX = 48 };

static uint64_t mix(uint64_t x) { /* splitmix64's output function */
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

static uint64_t draw(struct work *w) {
  return mix(w->rng += 0x9e3779b97f4a7c15u);
}

/* A random index in [0, n). */
static uint64_t below(struct work *w, uint64_t n) {
  return (uint64_t)(((unsigned __int128)draw(w) * n) >> 64);
}

void work_init(struct work *w, uint64_t seed) {
  w->rng = mix(seed);
  w->seq = seed << 40;
  w->next = w->first;
  bool unbounded = w->kind == INSERT;
  w->wrote_cap = unbounded ? 1 << 22 : w->keys;
  if (!w->track) return;
  w->wrote_revision = calloc(w->wrote_cap, 8);
  w->wrote_seq = calloc(w->wrote_cap, 8);
}

static size_t make_key(const struct work *w, uint64_t i, uint8_t *o) {
  if (!w->uuid) {
    memcpy(o, "bench/", 6);
    for (int d = 15; d >= 6; d--, i /= 10) o[d] = (uint8_t)('0' + i % 10);
    return 16;
  }
  uint64_t half[2] = {mix(i * 2 + 1), mix(i * 2 + 2)};
  static const char hex[] = "0123456789abcdef";
  memcpy(o, "uuid/", 5);
  uint8_t *p = o + 5;
  for (int d = 0; d < 32; d++) {
    if (d == 8 || d == 12 || d == 16 || d == 20) *p++ = '-';
    *p++ = (uint8_t)hex[half[d >> 4] >> (60 - 4 * (d & 15)) & 15];
  }
  return (size_t)(p - o);
}

static void make_value(uint8_t *o, uint32_t n, uint64_t i, uint64_t seq) {
  uint64_t x = mix(i) ^ mix(seq);
  memcpy(o, &i, 8);
  memcpy(o + 8, &seq, 8);
  for (uint32_t at = 16; at < n; at += 8) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    memcpy(o + at, &x, n - at < 8 ? n - at : 8);
  }
}

static uint8_t *key_field(const struct work *w, uint8_t *o, int field, uint64_t i) {
  uint8_t key[KEY_BYTES_MAX];
  return pb_bytes(o, field, key, make_key(w, i, key));
}

static uint8_t *put_request(const struct work *w, uint8_t *o, uint64_t i, uint64_t seq) {
  o = key_field(w, o, 1, i);
  *o++ = 2 << 3 | 2;
  o = pb_varint(o, w->value_bytes);
  make_value(o, w->value_bytes, i, seq);
  return o + w->value_bytes;
}

static uint8_t *txn_put(const struct work *w, uint8_t *o, uint64_t i, uint64_t seq) {
  uint8_t scratch[8], key[KEY_BYTES_MAX];
  size_t kn = make_key(w, i, key);
  size_t vn = (size_t)(pb_varint(scratch, w->value_bytes) - scratch) + 1 + w->value_bytes;
  size_t put = 2 + kn + vn, op = put + 1 + (size_t)(pb_varint(scratch, put) - scratch);
  *o++ = 2 << 3 | 2; /* TxnRequest.success */
  o = pb_varint(o, op);
  *o++ = 2 << 3 | 2; /* RequestOp.request_put */
  return put_request(w, pb_varint(o, put), i, seq);
}

static uint8_t *range_request(const struct work *w, uint8_t *o, uint64_t i, uint32_t n,
                              bool serializable) {
  o = key_field(w, o, 1, i);
  if (n > 1) o = pb_uint(key_field(w, o, 2, i + n), 3, n);
  return serializable ? pb_uint(o, 7, 1) : o;
}

static uint8_t *write_request(struct work *w, struct call *call, uint8_t *o) {
  if (call->kind == PUT || call->kind == INSERT) return put_request(w, o, call->key[0], call->seq);
  for (uint32_t k = 0; k < call->keys; k++) {
    uint64_t i = call->kind == PRELOAD ? call->key[0] + k : call->key[k];
    o = txn_put(w, o, i, call->seq + k);
  }
  return o;
}

/* Indexes of the call's keys; false when none are left. */
static bool choose(struct work *w, struct call *call) {
  call->keys = 1;
  switch (call->kind) {
    case PRELOAD: {
      uint64_t left = w->first + w->keys - w->next;
      uint32_t most = PRELOAD_BODY_BYTES / (w->value_bytes + KEY_BYTES_MAX + 16);
      if (most > PRELOAD_OPS_MAX) most = PRELOAD_OPS_MAX;
      if (most == 0) most = 1;
      call->keys = left < most ? (uint32_t)left : most;
      call->key[0] = w->next;
      w->next += call->keys;
      return call->keys > 0;
    }
    case INSERT: call->key[0] = w->next++; return true;
    case DELETE:
      call->key[0] = w->next++;
      return call->key[0] < w->first + w->keys;
    case TXN: /* a transaction may not write one key twice */
      call->keys = 4;
      for (uint32_t k = 0; k < 4; k++) {
        call->key[k] = w->first + below(w, w->keys);
        for (uint32_t j = 0; j < k; j++)
          if (call->key[j] == call->key[k]) j = k--;
      }
      return true;
    case LIST:
    case STREAM: call->key[0] = w->first + below(w, w->keys - w->limit + 1); return true;
    case REREAD:
      for (uint32_t tries = 0; tries < 1u << 20; tries++) {
        uint64_t i = below(w, w->wrote_cap);
        if (w->wrote_revision[i] == 0) continue;
        call->key[0] = w->first + i;
        return true;
      }
      return false;
    default: call->key[0] = w->first + below(w, w->keys); return true;
  }
}

bool work_next(struct work *w, struct call *call, uint8_t *body, size_t *n, int *path) {
  uint8_t *o = body;
  call->kind = w->kind;
  if (w->kind == MIXED) call->kind = below(w, 100) < w->range_percent ? RANGE : PUT;
  if (w->kind != COMPACT && w->kind != PROBE && !choose(w, call)) return false;
  reply_reset(&call->reply, call->kind == STREAM, call->kind == REREAD);
  call->seq = w->seq;
  switch (call->kind) {
    case PUT:
    case INSERT:
      w->seq++;
      *path = PATH_PUT;
      o = write_request(w, call, o);
      break;
    case TXN:
    case PRELOAD:
      w->seq += call->keys;
      *path = PATH_TXN;
      o = write_request(w, call, o);
      break;
    case DELETE:
      *path = PATH_DELETE;
      o = key_field(w, o, 1, call->key[0]);
      break;
    case COMPACT:
      *path = PATH_COMPACT;
      o = pb_uint(pb_uint(o, 1, w->compact_revision), 2, 1);
      break;
    case PROBE: /* what is the revision? */
      *path = PATH_RANGE;
      o = pb_uint(pb_bytes(o, 1, "probe", 5), 9, 1);
      break;
    default: {
      bool many = call->kind == LIST || call->kind == STREAM;
      *path = call->kind == STREAM ? PATH_STREAM : PATH_RANGE;
      o = range_request(w, o, call->key[0], many ? w->limit : 1, call->kind == SRANGE);
    }
  }
  *n = (size_t)(o - body);
  return true;
}

static void note(struct work *w, uint64_t i, uint64_t revision, uint64_t seq) {
  uint64_t at = i - w->first;
  if (!w->track || at >= w->wrote_cap || w->wrote_revision[at] > revision) return;
  if (w->wrote_revision[at] == 0) w->wrote_n++;
  w->wrote_revision[at] = revision;
  w->wrote_seq[at] = seq;
}

/* The key-value pair of a captured RangeResponse. */
struct kv {
  const uint8_t *key, *value;
  uint64_t key_len, value_len, mod;
};

static void read_kv(const uint8_t *p, const uint8_t *end, struct kv *kv) {
  while (p < end) {
    uint64_t tag = pb_read(&p, end), v = pb_read(&p, end);
    if (tag == 24) kv->mod = v;
    if ((tag & 7) != 2) continue;
    if (v > (uint64_t)(end - p)) return;
    if (tag == 10) kv->key = p, kv->key_len = v;
    if (tag == 42) kv->value = p, kv->value_len = v;
    p += v;
  }
}

static bool check_reread(struct work *w, struct call *call) {
  const uint8_t *p = call->reply.kept, *end = p + call->reply.kept_len;
  uint64_t at = call->key[0] - w->first, seq = w->wrote_seq[at];
  uint8_t key[KEY_BYTES_MAX], want[BODY_MAX];
  struct kv kv = {0};
  while (p < end) {
    uint64_t tag = pb_read(&p, end), v = pb_read(&p, end);
    if ((tag & 7) != 2) continue;
    if (v > (uint64_t)(end - p)) return false;
    if (tag == 18) read_kv(p, p + v, &kv);
    p += v;
  }
  if (seq == UINT64_MAX) return kv.key == NULL; /* deleted */
  if (kv.key_len != make_key(w, call->key[0], key) || memcmp(key, kv.key, kv.key_len)) return false;
  if (kv.value_len != w->value_bytes || kv.mod < w->wrote_revision[at]) return false;
  if (kv.mod > w->wrote_revision[at]) {
    if (!w->shared) return false;
    memcpy(&seq, kv.value + 8, 8);
  }
  make_value(want, w->value_bytes, call->key[0], seq);
  return memcmp(want, kv.value, kv.value_len) == 0;
}

bool work_check(struct work *w, struct call *call) {
  const struct reply *r = &call->reply;
  bool ok = true;
  if (r->revision > w->last_revision) w->last_revision = r->revision;
  w->kvs += r->counts[2] * (call->kind < TXN);
  switch (call->kind) {
    case PUT:
    case INSERT:
    case TXN:
    case PRELOAD:
      w->rise++;
      for (uint32_t k = 0; k < call->keys; k++) {
        uint64_t i = call->kind == PRELOAD ? call->key[0] + k : call->key[k];
        note(w, i, r->revision, call->seq + k);
      }
      if (call->kind == TXN || call->kind == PRELOAD) ok = r->counts[3] == call->keys;
      break;
    case DELETE:
      w->rise++;
      note(w, call->key[0], r->revision, UINT64_MAX);
      ok = r->values[2] == 1;
      break;
    case LIST:
    case STREAM: ok = r->counts[2] == w->limit && r->values[4] == w->limit && !r->values[3]; break;
    case REREAD:
      w->reread++;
      ok = check_reread(w, call);
      w->reread_bad += !ok;
      break;
    case RANGE:
    case SRANGE:
    case QUERY: ok = r->counts[2] == 1; break;
    default: break;
  }
  return ok && r->revision > 0 && (r->messages == 1 || call->kind == STREAM);
}
