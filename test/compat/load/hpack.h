/* HPACK (RFC 7541) for the load generator: a full decoder, and an encoder that indexes as
 * grpc-go's client does. One of each per connection; nothing is shared or global. */
#ifndef SKEIN_LOAD_HPACK_H
#define SKEIN_LOAD_HPACK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 4,096 bytes (the default of SETTINGS_HEADER_TABLE_SIZE) hold at most 128 empty entries. */
enum { HPACK_TABLE_BYTES = 4096, HPACK_TABLE_ENTRIES = 128, HPACK_STRING_MAX = 16384 };

struct hpack_entry {
  char *text; /* name, then value; owned */
  uint32_t name_len, value_len;
};

struct hpack_dec {
  struct hpack_entry ring[HPACK_TABLE_ENTRIES];
  uint32_t inserted, evicted; /* Invariant: inserted - evicted entries are live. */
  uint32_t bytes, max_bytes;
};

typedef void (*hpack_field_fn)(void *ctx, const char *name, size_t name_len, const char *value,
                               size_t value_len);

void hpack_dec_init(struct hpack_dec *d);
void hpack_dec_free(struct hpack_dec *d);
/* Decodes one whole header block. False when it is malformed (a connection error). */
bool hpack_decode(struct hpack_dec *d, const uint8_t *p, size_t n, hpack_field_fn fn, void *ctx);

/* The fields a request may carry. Each remembers where it was inserted last. */
enum {
  FIELD_METHOD,
  FIELD_SCHEME,
  FIELD_PATH, /* + method number: one slot per path */
  FIELD_AUTHORITY = FIELD_PATH + 8,
  FIELD_CONTENT_TYPE,
  FIELD_USER_AGENT,
  FIELD_TE,
  FIELD_TIMEOUT,
  FIELD_API_VERSION,
  FIELD_COUNT
};

struct hpack_enc {
  uint32_t at[FIELD_COUNT]; /* insertion number + 1 of the field's newest entry; 0: none */
  uint16_t size[HPACK_TABLE_ENTRIES];
  uint32_t inserted, evicted;
  uint32_t bytes, max_bytes;
  bool announce; /* a table size update is owed at the start of the next block */
};

void hpack_enc_init(struct hpack_enc *e);
/* The peer's SETTINGS_HEADER_TABLE_SIZE. */
void hpack_enc_limit(struct hpack_enc *e, uint32_t max_bytes);
/* Appends the owed table size update, if any. Call at the start of a block. */
uint8_t *hpack_enc_begin(struct hpack_enc *e, uint8_t *out);
/* Appends one field. `fixed`: its value never changes, so a live entry is referenced whole.
 * static_name / static_pair: index in the static table, or 0. */
uint8_t *hpack_enc_field(struct hpack_enc *e, uint8_t *out, int field, const char *name,
                         const char *value, bool fixed, int static_name);
#endif
