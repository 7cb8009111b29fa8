/* One HTTP/2 connection carrying gRPC calls, client side: frames, windows, trailers. It does
 * its own socket I/O but owns no event loop: the caller polls `fd` and calls h2_readable and
 * h2_writable. Requests are appended to one output buffer and leave in one write. */
#ifndef SKEIN_LOAD_H2_H
#define SKEIN_LOAD_H2_H
#include <netinet/in.h>

#include "hpack.h"
#include "pb.h"

enum { H2_FRAME_MAX = 16384, H2_HEADER_BYTES = 9 };

/* What a finished call ended with. Only STATUS_OK (grpc-status 0 over HTTP 200) is a success;
 * 0 to 16 are gRPC codes. */
enum { STATUS_OK = 0, STATUS_RST = 32, STATUS_CONN = 33, STATUS_HTTP = 34, STATUS_MALFORMED = 35,
       STATUS_WRONG = 36, STATUS_UNFINISHED = 37, STATUS_COUNT = 38 };

struct call {
  uint32_t id; /* stream id; 0: free */
  int64_t start_ns;
  int kind; /* workload.h */
  uint32_t keys;
  uint64_t key[4], seq;
  /* outcome */
  int http_status, grpc_status;
  struct reply reply;
  /* request bytes that the peer's windows held back; owned */
  uint8_t *held;
  size_t held_len, held_at;
  int64_t send_window;
  int64_t unacked; /* received, not yet returned by WINDOW_UPDATE */
};

struct conn;
typedef void (*call_done_fn)(void *ctx, struct conn *c, struct call *call, int status);

struct h2_options {
  uint32_t stream_window, conn_window; /* bytes we let the peer send unacknowledged */
  bool stall;                          /* never return any window */
  call_done_fn done;
  void *ctx;
};

struct conn {
  int fd, index;
  const struct h2_options *opt;
  bool closed, goaway, want_write;
  char authority[64];
  struct call *calls;
  int slots, busy;
  uint32_t next_id;
  struct hpack_enc enc;
  struct hpack_dec dec;
  int64_t send_window, unacked;
  uint32_t peer_window, peer_frame_max, peer_streams_max;
  uint8_t *out;
  size_t out_len, out_at, out_cap;
  uint8_t rest[H2_FRAME_MAX + H2_HEADER_BYTES];
  size_t rest_len;
  uint8_t *block; /* header block under CONTINUATION; owned */
  size_t block_len;
  uint32_t block_stream;
  bool block_end;
  uint64_t bytes_in;
};

/* Opens the connection (blocking connect, then non-blocking) and queues the preface. False with
 * errno when it is refused. `slots`: most calls in flight. */
bool h2_open(struct conn *c, const struct sockaddr_in *to, int slots, const struct h2_options *o);
void h2_close(struct conn *c);
/* A free slot, or NULL when all are in flight or the peer is going away. */
struct call *h2_slot(struct conn *c);
/* Queues a call in a slot that h2_slot gave: `path` is number `path_id` (< 8) of the caller's,
 * `body` the protobuf request, `timeout_us` what grpc-timeout says. */
void h2_start(struct conn *c, struct call *call, const char *path, int path_id,
              uint64_t timeout_us, const uint8_t *body, size_t n);
/* Reads once what the socket has and handles it; `done` runs for each finished call. */
void h2_readable(struct conn *c);
/* Writes what is queued; sets want_write when the socket is full. */
void h2_flush(struct conn *c);
#endif
