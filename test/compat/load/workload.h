/* What is asked, and whether the answers were right. Keys and values are functions of an index
 * and a sequence number, so any value read back can be checked without remembering it. */
#ifndef SKEIN_LOAD_WORKLOAD_H
#define SKEIN_LOAD_WORKLOAD_H
#include "h2.h"

enum workload { PUT, RANGE, SRANGE, LIST, STREAM, TXN, MIXED, INSERT, QUERY, DELETE, PRELOAD,
                COMPACT, PROBE, REREAD, WORKLOADS };
extern const char *const WORKLOAD_NAMES[WORKLOADS];

enum { PATH_RANGE, PATH_STREAM, PATH_PUT, PATH_DELETE, PATH_TXN, PATH_COMPACT, PATHS };
extern const char *const PATH_NAMES[PATHS];

/* A request body never exceeds this; etcd refuses above 1.5 MiB anyway. */
enum { BODY_MAX = 256 * 1024, PRELOAD_BODY_BYTES = 32 * 1024, PRELOAD_OPS_MAX = 100 };

struct work {
  enum workload kind;
  bool uuid;      /* keys are uuid/… instead of bench/… */
  bool shared;    /* others write as well: newer revisions than ours are right too */
  uint64_t first; /* INSERT, DELETE, QUERY, PRELOAD: first key index */
  uint64_t keys;  /* how many key indexes are in play */
  uint64_t next;  /* INSERT, DELETE, PRELOAD: next index to use */
  uint32_t value_bytes, limit, range_percent;
  uint64_t rng, seq;
  uint64_t compact_revision;
  /* written by us: newest revision and its sequence number, by index - first */
  uint64_t *wrote_revision, *wrote_seq, wrote_cap, wrote_n;
  bool track;
  /* results */
  uint64_t rise;         /* by how much our successes must raise the revision */
  uint64_t last_revision; /* highest header.revision seen */
  uint64_t reread, reread_bad, kvs;
};

void work_init(struct work *w, uint64_t seed);
/* Builds the next request; false when there is none left. Returns its path number in *path. */
bool work_next(struct work *w, struct call *call, uint8_t *body, size_t *n, int *path);
/* Judges a reply that came with status 0, and notes what it wrote. False: a wrong answer. */
bool work_check(struct work *w, struct call *call);
#endif
