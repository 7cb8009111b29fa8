#include "hpack.h"

#include <stdlib.h>
#include <string.h>

/* RFC 7541 appendix A. */
static const char *const STATIC_TABLE[61][2] = {
    {":authority", ""}, {":method", "GET"}, {":method", "POST"}, {":path", "/"},
    {":path", "/index.html"}, {":scheme", "http"}, {":scheme", "https"}, {":status", "200"},
    {":status", "204"}, {":status", "206"}, {":status", "304"}, {":status", "400"},
    {":status", "404"}, {":status", "500"}, {"accept-charset", ""},
    {"accept-encoding", "gzip, deflate"}, {"accept-language", ""}, {"accept-ranges", ""},
    {"accept", ""}, {"access-control-allow-origin", ""}, {"age", ""}, {"allow", ""},
    {"authorization", ""}, {"cache-control", ""}, {"content-disposition", ""},
    {"content-encoding", ""}, {"content-language", ""}, {"content-length", ""},
    {"content-location", ""}, {"content-range", ""}, {"content-type", ""}, {"cookie", ""},
    {"date", ""}, {"etag", ""}, {"expect", ""}, {"expires", ""}, {"from", ""}, {"host", ""},
    {"if-match", ""}, {"if-modified-since", ""}, {"if-none-match", ""}, {"if-range", ""},
    {"if-unmodified-since", ""}, {"last-modified", ""}, {"link", ""}, {"location", ""},
    {"max-forwards", ""}, {"proxy-authenticate", ""}, {"proxy-authorization", ""}, {"range", ""},
    {"referer", ""}, {"refresh", ""}, {"retry-after", ""}, {"server", ""}, {"set-cookie", ""},
    {"strict-transport-security", ""}, {"transfer-encoding", ""}, {"user-agent", ""}, {"vary", ""},
    {"via", ""}, {"www-authenticate", ""}};

/* RFC 7541 appendix B. The code is canonical (ordered by length, then symbol), so the lengths
 * say it all. Symbol 256 is EOS. */
static const uint8_t HUFFMAN_BITS[257] = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,
    5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8,  15, 6,  12, 10, 13, 6,  7,  7,  7,  7,  7,  7,
    7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8,  13, 19, 13, 14, 6,
    15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,  6,  7,  6,  5,  5,  6,  7,  7,
    7,  7,  7,  15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30};

static uint32_t huff_code[257];    /* symbol → code */
static uint16_t huff_symbol[257];  /* canonical rank → symbol */
static uint32_t huff_first[32];    /* length → its first code */
static uint16_t huff_rank[32];     /* length → rank of its first code */
static uint16_t huff_count[32];    /* length → how many codes */

__attribute__((constructor)) static void huffman_build(void) {
  uint32_t code = 0;
  uint16_t rank = 0;
  for (int bits = 1; bits <= 30; bits++, code <<= 1) {
    huff_first[bits] = code;
    huff_rank[bits] = rank;
    for (int s = 0; s < 257; s++) {
      if (HUFFMAN_BITS[s] != bits) continue;
      huff_code[s] = code++;
      huff_symbol[rank++] = (uint16_t)s;
      huff_count[bits]++;
    }
  }
}

/* Returns the decoded length, or -1 (EOS inside, bad padding, too long). */
static int huffman_decode(const uint8_t *p, size_t n, char *out, size_t cap) {
  uint32_t code = 0;
  int bits = 0;
  size_t len = 0;
  for (size_t i = 0; i < n * 8; i++) {
    code = code << 1 | (p[i >> 3] >> (7 - (i & 7)) & 1);
    bits++;
    if (bits > 30) return -1;
    if (code - huff_first[bits] >= huff_count[bits] || code < huff_first[bits]) continue;
    uint16_t s = huff_symbol[huff_rank[bits] + (code - huff_first[bits])];
    if (s == 256 || len == cap) return -1;
    out[len++] = (char)s;
    code = 0;
    bits = 0;
  }
  return bits > 7 || code != (1u << bits) - 1 ? -1 : (int)len;
}

void hpack_dec_init(struct hpack_dec *d) {
  memset(d, 0, sizeof *d);
  d->max_bytes = HPACK_TABLE_BYTES;
}

static void dec_shrink(struct hpack_dec *d, uint32_t limit) {
  while (d->bytes > limit && d->inserted != d->evicted) {
    struct hpack_entry *e = &d->ring[d->evicted++ % HPACK_TABLE_ENTRIES];
    d->bytes -= e->name_len + e->value_len + 32;
    free(e->text);
    e->text = NULL;
  }
}

void hpack_dec_free(struct hpack_dec *d) {
  dec_shrink(d, 0);
}

static void dec_insert(struct hpack_dec *d, const char *name, size_t nl, const char *value,
                       size_t vl) {
  uint32_t size = (uint32_t)(nl + vl + 32);
  if (size > d->max_bytes) {
    dec_shrink(d, 0);
    return;
  }
  /* Copied before eviction: the name may live in the entry that goes. */
  char *text = malloc(nl + vl + 1);
  memcpy(text, name, nl);
  memcpy(text + nl, value, vl);
  dec_shrink(d, d->max_bytes - size);
  struct hpack_entry *e = &d->ring[d->inserted++ % HPACK_TABLE_ENTRIES];
  e->text = text;
  e->name_len = (uint32_t)nl;
  e->value_len = (uint32_t)vl;
  d->bytes += size;
}

struct cursor {
  const uint8_t *p, *end;
  bool ok;
};

static uint32_t read_int(struct cursor *c, int prefix) {
  if (c->p >= c->end) return c->ok = false;
  uint32_t mask = (1u << prefix) - 1, v = *c->p++ & mask;
  if (v < mask) return v;
  for (int shift = 0; c->p < c->end && shift <= 21; shift += 7) {
    uint8_t b = *c->p++;
    v += (uint32_t)(b & 127) << shift;
    if (!(b & 128)) return v;
  }
  return c->ok = false;
}

static const char *read_string(struct cursor *c, char *scratch, size_t *len) {
  bool huffman = c->p < c->end && (*c->p & 128);
  uint32_t n = read_int(c, 7);
  *len = 0;
  if (!c->ok || n > (size_t)(c->end - c->p)) {
    c->ok = false;
    return "";
  }
  const uint8_t *p = c->p;
  c->p += n;
  *len = n;
  if (!huffman) return (const char *)p;
  int got = huffman_decode(p, n, scratch, HPACK_STRING_MAX);
  if (got < 0) c->ok = false;
  *len = got < 0 ? 0 : (size_t)got;
  return scratch;
}

static bool lookup(struct hpack_dec *d, uint32_t index, const char **name, size_t *nl,
                   const char **value, size_t *vl) {
  if (index == 0) return false;
  if (index <= 61) {
    *name = STATIC_TABLE[index - 1][0];
    *value = STATIC_TABLE[index - 1][1];
    *nl = strlen(*name);
    *vl = strlen(*value);
    return true;
  }
  if (index - 62 >= d->inserted - d->evicted) return false;
  struct hpack_entry *e = &d->ring[(d->inserted - 1 - (index - 62)) % HPACK_TABLE_ENTRIES];
  *name = e->text;
  *value = e->text + e->name_len;
  *nl = e->name_len;
  *vl = e->value_len;
  return true;
}

bool hpack_decode(struct hpack_dec *d, const uint8_t *p, size_t n, hpack_field_fn fn, void *ctx) {
  static char name_scratch[HPACK_STRING_MAX], value_scratch[HPACK_STRING_MAX];
  struct cursor c = {p, p + n, true};
  while (c.p < c.end) {
    const char *name, *value;
    size_t nl, vl;
    uint8_t b = *c.p;
    if (b & 128) {
      if (!lookup(d, read_int(&c, 7), &name, &nl, &value, &vl) || !c.ok) return false;
      fn(ctx, name, nl, value, vl);
      continue;
    }
    if ((b & 0xe0) == 0x20) {
      uint32_t limit = read_int(&c, 5);
      if (!c.ok || limit > HPACK_TABLE_BYTES) return false;
      dec_shrink(d, d->max_bytes = limit);
      continue;
    }
    bool insert = b & 64;
    uint32_t index = read_int(&c, insert ? 6 : 4);
    if (!c.ok) return false;
    if (index == 0) name = read_string(&c, name_scratch, &nl);
    else if (!lookup(d, index, &name, &nl, &value, &vl)) return false;
    value = read_string(&c, value_scratch, &vl);
    if (!c.ok) return false;
    fn(ctx, name, nl, value, vl);
    if (insert) dec_insert(d, name, nl, value, vl);
  }
  return c.ok;
}

void hpack_enc_init(struct hpack_enc *e) {
  memset(e, 0, sizeof *e);
  e->max_bytes = HPACK_TABLE_BYTES;
}

static void enc_shrink(struct hpack_enc *e, uint32_t limit) {
  while (e->bytes > limit) e->bytes -= e->size[e->evicted++ % HPACK_TABLE_ENTRIES];
}

void hpack_enc_limit(struct hpack_enc *e, uint32_t max_bytes) {
  if (max_bytes > HPACK_TABLE_BYTES) max_bytes = HPACK_TABLE_BYTES;
  if (max_bytes == e->max_bytes) return;
  enc_shrink(e, e->max_bytes = max_bytes);
  e->announce = true;
}

static uint8_t *put_int(uint8_t *out, uint8_t first, int prefix, uint32_t v) {
  uint32_t mask = (1u << prefix) - 1;
  if (v < mask) {
    *out++ = (uint8_t)(first | v);
    return out;
  }
  *out++ = (uint8_t)(first | mask);
  for (v -= mask; v >= 128; v >>= 7) *out++ = (uint8_t)(v | 128);
  *out++ = (uint8_t)v;
  return out;
}

static uint8_t *put_string(uint8_t *out, const char *s) {
  size_t n = strlen(s), bits = 0;
  for (size_t i = 0; i < n; i++) bits += HUFFMAN_BITS[(uint8_t)s[i]];
  if ((bits + 7) / 8 >= n) {
    out = put_int(out, 0, 7, (uint32_t)n);
    memcpy(out, s, n);
    return out + n;
  }
  out = put_int(out, 128, 7, (uint32_t)((bits + 7) / 8));
  uint64_t acc = 0;
  int held = 0;
  for (size_t i = 0; i < n; i++) {
    int len = HUFFMAN_BITS[(uint8_t)s[i]];
    acc = acc << len | huff_code[(uint8_t)s[i]];
    for (held += len; held >= 8; held -= 8) *out++ = (uint8_t)(acc >> (held - 8));
  }
  if (held > 0) *out++ = (uint8_t)(acc << (8 - held) | (0xffu >> held));
  return out;
}

uint8_t *hpack_enc_begin(struct hpack_enc *e, uint8_t *out) {
  if (!e->announce) return out;
  e->announce = false;
  return put_int(out, 0x20, 5, e->max_bytes);
}

uint8_t *hpack_enc_field(struct hpack_enc *e, uint8_t *out, int field, const char *name,
                         const char *value, bool fixed, int static_name) {
  uint32_t at = e->at[field];
  bool live = at > e->evicted;
  uint32_t index = live ? 62 + (e->inserted - at) : 0;
  if (fixed && live) return put_int(out, 128, 7, index);
  uint32_t size = (uint32_t)(strlen(name) + strlen(value) + 32);
  bool insert = size <= e->max_bytes;
  uint32_t name_index = static_name ? (uint32_t)static_name : index;
  out = insert ? put_int(out, 64, 6, name_index) : put_int(out, 0, 4, name_index);
  if (name_index == 0) out = put_string(out, name);
  out = put_string(out, value);
  if (!insert) return out;
  enc_shrink(e, e->max_bytes - size);
  e->size[e->inserted % HPACK_TABLE_ENTRIES] = (uint16_t)size;
  e->bytes += size;
  e->at[field] = ++e->inserted;
  return out;
}
