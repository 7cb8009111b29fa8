#include "h2.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE,
       CONTINUATION };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8, WITH_PRIORITY = 32 };
enum { READ_BYTES = 256 * 1024, REQUEST_HEADERS_MAX = 1024, BLOCK_MAX = 256 * 1024 };

static uint32_t get32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint8_t *put32(uint8_t *o, uint32_t v) {
  o[0] = (uint8_t)(v >> 24);
  o[1] = (uint8_t)(v >> 16);
  o[2] = (uint8_t)(v >> 8);
  o[3] = (uint8_t)v;
  return o + 4;
}

static uint8_t *frame_head(uint8_t *o, size_t n, int type, int flags, uint32_t id) {
  o[0] = (uint8_t)(n >> 16);
  o[1] = (uint8_t)(n >> 8);
  o[2] = (uint8_t)n;
  o[3] = (uint8_t)type;
  o[4] = (uint8_t)flags;
  return put32(o + 5, id);
}

static uint8_t *out_room(struct conn *c, size_t n) {
  if (c->out_at == c->out_len) c->out_at = c->out_len = 0;
  if (c->out_len + n > c->out_cap) {
    c->out_cap = (c->out_len + n) * 2;
    c->out = realloc(c->out, c->out_cap);
  }
  return c->out + c->out_len;
}

static void window_update(struct conn *c, uint32_t id, int64_t n) {
  uint8_t *o = out_room(c, 13);
  put32(frame_head(o, 4, WINDOW_UPDATE, 0, id), (uint32_t)n);
  c->out_len += 13;
}

bool h2_open(struct conn *c, const struct sockaddr_in *to, int slots, const struct h2_options *o) {
  struct call *calls = calloc((size_t)slots, sizeof *calls);
  memset(c, 0, sizeof *c);
  c->opt = o;
  c->calls = calls;
  c->slots = slots;
  c->next_id = 1;
  c->send_window = c->peer_window = 65535;
  c->peer_frame_max = H2_FRAME_MAX;
  c->peer_streams_max = UINT32_MAX;
  hpack_enc_init(&c->enc);
  hpack_dec_init(&c->dec);
  uint32_t ip = ntohl(to->sin_addr.s_addr);
  snprintf(c->authority, sizeof c->authority, "%u.%u.%u.%u:%u", ip >> 24, ip >> 16 & 255,
           ip >> 8 & 255, ip & 255, ntohs(to->sin_port));
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int one = 1, small = 64 * 1024;
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (o->stall) setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  if (connect(c->fd, (const struct sockaddr *)to, sizeof *to) != 0) {
    c->closed = true;
    return false;
  }
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  uint8_t *p = out_room(c, 128), *start = p;
  memcpy(p, preface, 24);
  p = frame_head(p + 24, 12, SETTINGS, 0, 0);
  *p++ = 0, *p++ = 2; /* ENABLE_PUSH 0 */
  p = put32(p, 0);
  *p++ = 0, *p++ = 4; /* INITIAL_WINDOW_SIZE */
  p = put32(p, o->stream_window);
  c->out_len += (size_t)(p - start);
  if (o->conn_window > 65535) window_update(c, 0, (int64_t)o->conn_window - 65535);
  h2_flush(c);
  return true;
}

static void finish(struct conn *c, struct call *call, int status) {
  call->id = 0;
  c->busy--;
  free(call->held);
  call->held = NULL;
  c->opt->done(c->opt->ctx, c, call, status);
}

void h2_close(struct conn *c) {
  if (!c->closed) close(c->fd);
  c->closed = true;
  for (int i = 0; i < c->slots; i++)
    if (c->calls[i].id != 0) finish(c, &c->calls[i], STATUS_CONN);
  hpack_dec_free(&c->dec);
  free(c->out);
  free(c->block);
  c->out = c->block = NULL;
  c->out_len = c->out_at = c->out_cap = 0;
}

struct call *h2_slot(struct conn *c) {
  if (c->closed || c->goaway || c->busy == c->slots || (uint32_t)c->busy >= c->peer_streams_max)
    return NULL;
  for (int i = 0; i < c->slots; i++)
    if (c->calls[i].id == 0) return &c->calls[i];
  return NULL;
}

/* Sends what of `p` the windows allow; returns how much. The last piece ends the stream. */
static size_t send_data(struct conn *c, struct call *call, const uint8_t *p, size_t n) {
  size_t sent = 0;
  while (sent < n) {
    int64_t m = (int64_t)(n - sent);
    if (m > c->peer_frame_max) m = c->peer_frame_max;
    if (m > call->send_window) m = call->send_window;
    if (m > c->send_window) m = c->send_window;
    if (m <= 0) break;
    uint8_t *o = out_room(c, (size_t)m + H2_HEADER_BYTES);
    bool last = sent + (size_t)m == n;
    memcpy(frame_head(o, (size_t)m, DATA, last ? END_STREAM : 0, call->id), p + sent, (size_t)m);
    c->out_len += (size_t)m + H2_HEADER_BYTES;
    call->send_window -= m;
    c->send_window -= m;
    sent += (size_t)m;
  }
  return sent;
}

/* As grpc-go does: the largest number of at most eight digits. */
static void timeout_text(char *out, uint64_t us) {
  if (us < 100000) sprintf(out, "%llun", (unsigned long long)us * 1000);
  else if (us < 100000000) sprintf(out, "%lluu", (unsigned long long)us);
  else sprintf(out, "%llum", (unsigned long long)us / 1000);
}

void h2_start(struct conn *c, struct call *call, const char *path, int path_id,
              uint64_t timeout_us, const uint8_t *body, size_t n) {
  char timeout[32];
  timeout_text(timeout, timeout_us);
  uint8_t *head = out_room(c, REQUEST_HEADERS_MAX), *o = head + H2_HEADER_BYTES;
  struct hpack_enc *e = &c->enc;
  o = hpack_enc_begin(e, o);
  *o++ = 0x83; /* :method POST */
  *o++ = 0x86; /* :scheme http */
  o = hpack_enc_field(e, o, FIELD_PATH + path_id, ":path", path, true, 4);
  o = hpack_enc_field(e, o, FIELD_AUTHORITY, ":authority", c->authority, true, 1);
  o = hpack_enc_field(e, o, FIELD_CONTENT_TYPE, "content-type", "application/grpc", true, 31);
  o = hpack_enc_field(e, o, FIELD_USER_AGENT, "user-agent", "skein-load/1", true, 58);
  o = hpack_enc_field(e, o, FIELD_TE, "te", "trailers", true, 0);
  o = hpack_enc_field(e, o, FIELD_TIMEOUT, "grpc-timeout", timeout, false, 0);
  o = hpack_enc_field(e, o, FIELD_API_VERSION, "client-api-version", "3.7", true, 0);
  call->id = c->next_id;
  c->next_id += 2;
  c->busy++;
  frame_head(head, (size_t)(o - head) - H2_HEADER_BYTES, HEADERS, END_HEADERS, call->id);
  c->out_len += (size_t)(o - head);
  call->http_status = 0;
  call->grpc_status = -1;
  call->send_window = c->peer_window;
  call->unacked = 0;
  /* Invariant: `body` has five free bytes before it for the gRPC message prefix. */
  uint8_t *framed = (uint8_t *)body - 5;
  framed[0] = 0;
  put32(framed + 1, (uint32_t)n);
  size_t sent = send_data(c, call, framed, n + 5);
  if (sent == n + 5) return;
  call->held_len = n + 5 - sent;
  call->held_at = 0;
  call->held = malloc(call->held_len);
  memcpy(call->held, framed + sent, call->held_len);
}

static void resume(struct conn *c) {
  for (int i = 0; i < c->slots && c->send_window > 0; i++) {
    struct call *k = &c->calls[i];
    if (k->id == 0 || k->held == NULL) continue;
    k->held_at += send_data(c, k, k->held + k->held_at, k->held_len - k->held_at);
    if (k->held_at < k->held_len) continue;
    free(k->held);
    k->held = NULL;
  }
}

static struct call *find(struct conn *c, uint32_t id) {
  if (id == 0) return NULL; /* free slots carry 0 */
  for (int i = 0; i < c->slots; i++)
    if (c->calls[i].id == id) return &c->calls[i];
  return NULL;
}

static int number(const char *p, size_t n) {
  int v = n == 0 ? -1 : 0;
  for (size_t i = 0; i < n; i++) {
    if (p[i] < '0' || p[i] > '9' || v > 1000) return -1;
    v = v * 10 + (p[i] - '0');
  }
  return v;
}

static void on_field(void *ctx, const char *name, size_t nl, const char *value, size_t vl) {
  struct call *call = ctx;
  if (call == NULL) return;
  if (nl == 7 && memcmp(name, ":status", 7) == 0) call->http_status = number(value, vl);
  if (nl == 11 && memcmp(name, "grpc-status", 11) == 0) call->grpc_status = number(value, vl);
}

static void end_call(struct conn *c, struct call *call) {
  int status = call->grpc_status;
  if (call->http_status != 200) status = STATUS_HTTP;
  else if (status < 0 || status > 16 || call->reply.bad) status = STATUS_MALFORMED;
  finish(c, call, status);
}

static bool on_block(struct conn *c) {
  struct call *call = find(c, c->block_stream);
  if (!hpack_decode(&c->dec, c->block, c->block_len, on_field, call)) return false;
  c->block_len = 0;
  c->block_stream = 0;
  if (call != NULL && c->block_end) end_call(c, call);
  return true;
}

static bool on_headers(struct conn *c, int type, int flags, uint32_t id, const uint8_t *p,
                       size_t n) {
  if (type == HEADERS) {
    size_t pad = flags & PADDED ? p[0] : 0;
    size_t skip = (flags & PADDED ? 1u : 0u) + (flags & WITH_PRIORITY ? 5u : 0u);
    if (c->block_stream != 0 || skip + pad > n) return false;
    p += skip;
    n -= skip + pad;
    c->block_stream = id;
    c->block_end = flags & END_STREAM;
    if (flags & END_HEADERS) { /* the usual case: decode in place */
      struct call *call = find(c, id);
      c->block_stream = 0;
      if (!hpack_decode(&c->dec, p, n, on_field, call)) return false;
      if (call != NULL && c->block_end) end_call(c, call);
      return true;
    }
  } else if (c->block_stream != id) {
    return false;
  }
  if (c->block_len + n > BLOCK_MAX) return false;
  c->block = realloc(c->block, c->block_len + n + 1);
  memcpy(c->block + c->block_len, p, n);
  c->block_len += n;
  return !(flags & END_HEADERS) || on_block(c);
}

static bool on_data(struct conn *c, int flags, uint32_t id, const uint8_t *p, size_t n) {
  struct call *call = find(c, id);
  c->unacked += (int64_t)n;
  if (!c->opt->stall && c->unacked > c->opt->conn_window / 2) {
    window_update(c, 0, c->unacked);
    c->unacked = 0;
  }
  if (call == NULL) return true;
  call->unacked += (int64_t)n;
  if (flags & PADDED) {
    if (n == 0 || p[0] >= n) return false;
    n -= 1u + p[0];
    p++;
  }
  reply_feed(&call->reply, p, n);
  if (flags & END_STREAM) { /* DATA may not end a gRPC reply: the trailers are missing */
    finish(c, call, STATUS_MALFORMED);
  } else if (!c->opt->stall && call->unacked > c->opt->stream_window / 2) {
    window_update(c, id, call->unacked);
    call->unacked = 0;
  }
  return true;
}

static bool on_settings(struct conn *c, int flags, const uint8_t *p, size_t n) {
  if (flags & ACK) return n == 0;
  for (; n >= 6; p += 6, n -= 6) {
    uint32_t v = get32(p + 2);
    switch (p[0] << 8 | p[1]) {
      case 1: hpack_enc_limit(&c->enc, v); break;
      case 3: c->peer_streams_max = v; break;
      case 4:
        for (int i = 0; i < c->slots; i++)
          c->calls[i].send_window += (int64_t)v - (int64_t)c->peer_window;
        c->peer_window = v;
        break;
      case 5: c->peer_frame_max = v > H2_FRAME_MAX ? H2_FRAME_MAX : v; break;
    }
  }
  frame_head(out_room(c, H2_HEADER_BYTES), 0, SETTINGS, ACK, 0);
  c->out_len += H2_HEADER_BYTES;
  resume(c);
  return n == 0;
}

/* Handles one frame; false is a connection error. */
static bool on_frame(struct conn *c, int type, int flags, uint32_t id, const uint8_t *p,
                     size_t n) {
  struct call *call;
  if (c->block_stream != 0 && type != CONTINUATION) return false;
  switch (type) {
    case DATA: return on_data(c, flags, id, p, n);
    case HEADERS:
    case CONTINUATION: return on_headers(c, type, flags, id, p, n);
    case SETTINGS: return on_settings(c, flags, p, n);
    case RST_STREAM:
      if ((call = find(c, id)) != NULL) finish(c, call, STATUS_RST);
      return true;
    case PING:
      if (n != 8) return false;
      if (flags & ACK) return true;
      memcpy(frame_head(out_room(c, 17), 8, PING, ACK, 0), p, 8);
      c->out_len += 17;
      return true;
    case GOAWAY:
      c->goaway = true;
      if (n < 8) return false;
      for (int i = 0; i < c->slots; i++)
        if (c->calls[i].id > (get32(p) & 0x7fffffff)) finish(c, &c->calls[i], STATUS_CONN);
      return true;
    case WINDOW_UPDATE:
      if (n != 4) return false;
      if (id == 0) c->send_window += get32(p) & 0x7fffffff;
      else if ((call = find(c, id)) != NULL) call->send_window += get32(p) & 0x7fffffff;
      resume(c);
      return true;
    default: return type != PUSH_PROMISE;
  }
}

void h2_readable(struct conn *c) {
  static uint8_t buffer[sizeof c->rest + READ_BYTES];
  size_t have = c->rest_len;
  memcpy(buffer, c->rest, have);
  ssize_t got = recv(c->fd, buffer + have, READ_BYTES, 0);
  if (got <= 0) {
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) h2_close(c);
    return;
  }
  c->bytes_in += (uint64_t)got;
  const uint8_t *p = buffer, *end = buffer + have + got;
  while (end - p >= H2_HEADER_BYTES) {
    size_t n = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
    if (n > H2_FRAME_MAX) {
      h2_close(c);
      return;
    }
    if ((size_t)(end - p) < n + H2_HEADER_BYTES) break;
    uint32_t id = get32(p + 5) & 0x7fffffff;
    if (!on_frame(c, p[3], p[4], id, p + H2_HEADER_BYTES, n)) {
      h2_close(c);
      return;
    }
    if (c->closed) return;
    p += n + H2_HEADER_BYTES;
  }
  c->rest_len = (size_t)(end - p);
  memcpy(c->rest, p, c->rest_len);
  if (c->goaway && c->busy == 0) h2_close(c);
}

void h2_flush(struct conn *c) {
  while (!c->closed && c->out_at < c->out_len) {
    ssize_t n = send(c->fd, c->out + c->out_at, c->out_len - c->out_at, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      c->want_write = true;
      return;
    }
    if (n < 0) {
      h2_close(c);
      return;
    }
    c->out_at += (size_t)n;
  }
  c->want_write = false;
  c->out_at = c->out_len = 0;
}
