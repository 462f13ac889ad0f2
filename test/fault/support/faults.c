// Preloaded into weir: calls that fail when a scenario says so. shims.py compiles it and writes the
// words of `struct control`, which all processes of the instance share; a call is told by its place
// in `kinds`.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { ACCEPT, SOCKET, CONNECT, FORK, MALLOC, PREAD, WRITEV, kinds };

struct rule {
  int64_t pid;     // whose calls; 0: everybody's
  int64_t error;   // errno; 0: no fault
  int64_t after;   // so many calls succeed first
  int64_t times;   // then so many fail; negative: all
  int64_t seen;    // calls while the rule held
  int64_t failed;  // of these
};
struct control {
  struct rule rule[kinds];
  int64_t clock_offset_s;
};

static struct control* control;

__attribute__((constructor)) static void attach(void) {
  const char* path = getenv("WEIR_TEST_SHIM");
  const int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void* at = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (at != MAP_FAILED) control = at;
}

static int fails(enum kind kind) {
  if (control == NULL) return 0;
  struct rule* rule = &control->rule[kind];
  const int64_t error = __atomic_load_n(&rule->error, __ATOMIC_ACQUIRE);
  if (error == 0 || (rule->pid != 0 && rule->pid != getpid())) return 0;
  __atomic_fetch_add(&rule->seen, 1, __ATOMIC_RELAXED);
  if (rule->after > 0 && __atomic_fetch_sub(&rule->after, 1, __ATOMIC_RELAXED) > 0) return 0;
  if (rule->times == 0) return 0;
  if (rule->times > 0 && __atomic_fetch_sub(&rule->times, 1, __ATOMIC_RELAXED) <= 0) return 0;
  __atomic_fetch_add(&rule->failed, 1, __ATOMIC_RELAXED);
  errno = (int)error;
  return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int accept4(int fd, struct sockaddr* restrict address, socklen_t* restrict size, int flags) {
  return fails(ACCEPT) ? -1 : REAL(accept4)(fd, address, size, flags);
}

int socket(int family, int type, int protocol) {
  return fails(SOCKET) ? -1 : REAL(socket)(family, type, protocol);
}

int connect(int fd, const struct sockaddr* address, socklen_t size) {
  return fails(CONNECT) ? -1 : REAL(connect)(fd, address, size);
}

ssize_t pread(int fd, void* to, size_t size, off_t at) { return fails(PREAD) ? -1 : REAL(pread)(fd, to, size, at); }
ssize_t writev(int fd, const struct iovec* from, int count) {
  return fails(WRITEV) ? -1 : REAL(writev)(fd, from, count);
}
pid_t fork(void) { return fails(FORK) ? -1 : REAL(fork)(); }

int clock_gettime(clockid_t clock, struct timespec* out) {
  const int status = REAL(clock_gettime)(clock, out);
  const int wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (status == 0 && wall && control != NULL) out->tv_sec += control->clock_offset_s;
  return status;
}

time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(struct timeval* restrict out, void* restrict zone) {
  (void)zone;
  struct timespec now;
  const int status = clock_gettime(CLOCK_REALTIME, &now);
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return status;
}

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

void* malloc(size_t size) { return fails(MALLOC) ? NULL : __libc_malloc(size); }
void* calloc(size_t count, size_t size) {
  return fails(MALLOC) ? NULL : __libc_calloc(count, size);
}
void* realloc(void* old, size_t size) { return fails(MALLOC) ? NULL : __libc_realloc(old, size); }
void* memalign(size_t alignment, size_t size) {
  return fails(MALLOC) ? NULL : __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void** out, size_t alignment, size_t size) {
  void* at = memalign(alignment, size);
  if (at == NULL) return ENOMEM;
  *out = at;
  return 0;
}
