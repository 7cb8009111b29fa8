#include "pb.h"

enum { TAG, LENGTH, SKIP, VARINT, HEADER };

void reply_reset(struct reply *r, bool wrapped, bool capture) {
  uint8_t *kept = r->kept;
  memset(r, 0, offsetof(struct reply, header));
  r->header_len = 0;
  r->inside = false;
  r->kept = kept;
  r->wrapped = wrapped;
  r->capture = capture;
}

static void read_header(struct reply *r) {
  const uint8_t *p = r->header, *end = p + r->header_len;
  while (p < end) {
    uint64_t tag = pb_read(&p, end), v = pb_read(&p, end);
    if (tag >> 3 == 3) r->revision = v;
  }
}

/* One byte of a tag, length or value; true when the varint is complete in r->acc. */
static inline bool step(struct reply *r, uint8_t b) {
  r->acc |= (uint64_t)(b & 127) << r->shift;
  r->shift += 7;
  if (r->shift > 63 && (b & 128)) r->bad = true;
  return !(b & 128);
}

static inline void next(struct reply *r, int phase) {
  r->phase = phase;
  r->acc = 0;
  r->shift = 0;
}

static void on_length(struct reply *r) {
  uint64_t n = r->acc;
  if (r->wrapped && !r->inside && r->field == 1) {
    r->inside = true;
    next(r, TAG);
    return;
  }
  if (r->field < PB_FIELDS) r->counts[r->field]++;
  r->left = n;
  r->header_len = 0;
  next(r, n == 0 ? TAG : r->field == 1 && n <= PB_HEADER_MAX ? HEADER : SKIP);
}

static const uint8_t *walk(struct reply *r, const uint8_t *p, const uint8_t *end) {
  while (p < end) {
    switch (r->phase) {
      case TAG:
        if (!step(r, *p++)) break;
        r->field = (uint32_t)(r->acc >> 3);
        if ((r->acc & 7) != 2 && (r->acc & 7) != 0) r->bad = true;
        next(r, (r->acc & 7) == 2 ? LENGTH : VARINT);
        break;
      case LENGTH:
        if (step(r, *p++)) on_length(r);
        break;
      case VARINT:
        if (!step(r, *p++)) break;
        if (r->field < PB_FIELDS) r->values[r->field] = r->acc;
        next(r, TAG);
        break;
      default: {
        size_t n = (size_t)(end - p) < r->left ? (size_t)(end - p) : r->left;
        if (r->phase == HEADER) memcpy(r->header + r->header_len, p, n);
        if (r->phase == HEADER) r->header_len += (uint32_t)n;
        p += n;
        if ((r->left -= n) > 0) break;
        if (r->phase == HEADER) read_header(r);
        next(r, TAG);
      }
    }
  }
  return p;
}

static void keep(struct reply *r, const uint8_t *p, size_t n) {
  if (r->kept_len + n > PB_CAPTURE_MAX) n = PB_CAPTURE_MAX - r->kept_len;
  memcpy(r->kept + r->kept_len, p, n);
  r->kept_len += (uint32_t)n;
}

void reply_feed(struct reply *r, const uint8_t *p, size_t n) {
  const uint8_t *end = p + n;
  while (p < end) {
    if (r->prefix_len < 5) {
      r->prefix[r->prefix_len++] = *p++;
      if (r->prefix_len < 5) continue;
      const uint8_t *h = r->prefix;
      r->message_left = (uint32_t)h[1] << 24 | (uint32_t)h[2] << 16 | (uint32_t)h[3] << 8 | h[4];
      if (h[0] != 0) r->bad = true; /* compressed: we did not offer it */
      r->inside = false;
      r->kept_len = 0;
      next(r, TAG);
    } else {
      size_t take = (size_t)(end - p) < r->message_left ? (size_t)(end - p) : r->message_left;
      if (r->capture) keep(r, p, take);
      walk(r, p, p + take);
      p += take;
      r->message_left -= (uint32_t)take;
    }
    if (r->prefix_len == 5 && r->message_left == 0) {
      r->messages++;
      r->prefix_len = 0;
      if (r->phase != TAG || r->shift != 0) r->bad = true;
    }
  }
}
