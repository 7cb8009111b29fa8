/* The little protobuf this client needs: requests written by hand, replies walked as they
 * stream in without being kept (unless `capture` asks for it). */
#ifndef SKEIN_LOAD_PB_H
#define SKEIN_LOAD_PB_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { PB_FIELDS = 8, PB_HEADER_MAX = 64, PB_CAPTURE_MAX = 1 << 17 };

/* What a reply said, summed over all messages of its stream. */
struct reply {
  bool wrapped; /* RangeStreamResponse: field 1 is the RangeResponse itself */
  bool capture; /* keep the (last) message in `kept`, which the caller allocated */
  uint8_t *kept;
  uint32_t kept_len;
  uint32_t messages;
  uint32_t counts[PB_FIELDS]; /* length-delimited fields by number */
  uint64_t values[PB_FIELDS]; /* varint fields by number */
  uint64_t revision;          /* header.revision */
  bool bad;
  /* walker */
  uint8_t prefix_len, prefix[5];
  uint32_t message_left;
  int phase, shift;
  uint32_t field;
  uint64_t acc, left;
  uint8_t header[PB_HEADER_MAX];
  uint32_t header_len;
  bool inside;
};

void reply_reset(struct reply *r, bool wrapped, bool capture);
/* Feeds bytes of DATA frames. */
void reply_feed(struct reply *r, const uint8_t *p, size_t n);

static inline uint8_t *pb_varint(uint8_t *o, uint64_t v) {
  while (v >= 128) {
    *o++ = (uint8_t)(v | 128);
    v >>= 7;
  }
  *o++ = (uint8_t)v;
  return o;
}

static inline uint8_t *pb_bytes(uint8_t *o, int field, const void *p, size_t n) {
  *o++ = (uint8_t)(field << 3 | 2);
  o = pb_varint(o, n);
  memcpy(o, p, n);
  return o + n;
}

static inline uint8_t *pb_uint(uint8_t *o, int field, uint64_t v) {
  *o++ = (uint8_t)(field << 3);
  return pb_varint(o, v);
}

/* Reads a varint at *p, moving it; 0 at the end of the buffer. */
static inline uint64_t pb_read(const uint8_t **p, const uint8_t *end) {
  uint64_t v = 0;
  for (int shift = 0; *p < end && shift < 64; shift += 7) {
    uint8_t b = *(*p)++;
    v |= (uint64_t)(b & 127) << shift;
    if (!(b & 128)) return v;
  }
  return v;
}
#endif
