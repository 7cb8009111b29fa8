/*
 * Preloaded into a server: tells in which order files are written and synced. Appends to the file
 * named by SKEIN_TRACE_SYNC one letter a call, after it succeeded: `w` for a positional write, `s`
 * for a sync.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int trace_fd = -1;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("SKEIN_TRACE_SYNC");
  if (path != NULL) trace_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static void trace(const char *letter) {
  if (trace_fd >= 0 && write(trace_fd, letter, 1) != 1) abort();
}

#define TRACED(type, letter, name, params, args)                  \
  type name params {                                              \
    static type(*next) params;                                    \
    if (next == NULL) next = (type(*) params)dlsym(RTLD_NEXT, #name); \
    type result = next args;                                      \
    if (result >= 0) trace(letter);                               \
    return result;                                                \
  }

TRACED(int, "s", fdatasync, (int fd), (fd))
TRACED(int, "s", fsync, (int fd), (fd))
TRACED(ssize_t, "w", pwrite, (int fd, const void *buf, size_t n, off_t at), (fd, buf, n, at))
TRACED(ssize_t, "w", pwrite64, (int fd, const void *buf, size_t n, off64_t at), (fd, buf, n, at))
TRACED(ssize_t, "w", pwritev, (int fd, const struct iovec *v, int n, off_t at), (fd, v, n, at))
TRACED(ssize_t, "w", pwritev64, (int fd, const struct iovec *v, int n, off64_t at), (fd, v, n, at))
