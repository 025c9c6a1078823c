/* Result pixels: memory outside Go, counted by the operation that writes it and the array that shows
 * it, and given back in plain C by whoever lets go last. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "guard.h"

enum {
  HEADER = 64,                 /* bytes before the pixels; keeps them aligned to a cache line */
  PAGE = 4096,
  MAPPED = 64 << 10,           /* from here on memory is mapped */
  HUGE_PAGE = 2 << 20,
  HUGE_FROM = 2 * HUGE_PAGE,   /* from here on the kernel is asked for huge pages, and has them back at once */
  SPARES = 128,                /* smaller ones serve again, */
  SPARE_BYTES = 32 << 20,      /* as long as no more than this waits for it */
};

struct header {
  void *base;      /* what munmap or free takes */
  size_t mapped;   /* bytes from base on that are mapped; 0: from malloc */
  int64_t bytes;
  atomic_int shares;
};
_Static_assert(sizeof(struct header) <= HEADER, "the header must fit before the pixels");

static atomic_llong total;

static struct header *header_of(void *data) { return (struct header *)((char *)data - HEADER); }

static size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

void *cwc_alloc(size_t bytes) {
  void *memory = NULL;
  if (bytes > PTRDIFF_MAX - 64 || posix_memalign(&memory, 64, round_up(bytes ? bytes : 1, 64)) != 0) return NULL;
  return memset(memory, 0, round_up(bytes ? bytes : 1, 64));
}

static void *map(size_t length) {
  void *p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return p == MAP_FAILED ? NULL : p;
}

/* Memory that starts on a huge page, with so many bytes of small pages before it. */
static char *map_huge(size_t bytes, size_t before) {
  size_t body = round_up(bytes, PAGE), length = before + body + HUGE_PAGE;
  char *raw = map(length);
  if (!raw) return NULL;
  char *data = (char *)round_up((size_t)raw + before, HUGE_PAGE), *base = data - before;
  if (base > raw) munmap(raw, (size_t)(base - raw));
  size_t tail = (size_t)(raw + length - (data + body));
  if (tail) munmap(data + body, tail);
  madvise(data, body, MADV_HUGEPAGE); /* advice: a kernel without huge pages may refuse it */
  return data;
}

void *cwc_pages(size_t bytes) { return bytes > PTRDIFF_MAX - 2 * HUGE_PAGE ? NULL : map_huge(bytes, 0); }

void cwc_pages_free(void *pages, size_t bytes) { munmap(pages, round_up(bytes, PAGE)); }

/* Chunks of an array are asked for and let go of by the hundred, and all alike: what one of them leaves serves the next,
 * since fresh memory costs a fault for each page. What is let go of more than a second after the last one was asked for
 * goes at once, and cwc_spares_free is called soon after that; in a forked process, where nobody would call it, nothing
 * waits. A lock that is held sends the caller to the kernel: he need not wait for munmap. */
static struct {
  atomic_flag busy;
  int count;
  size_t bytes;
  time_t asked;  /* when the last one was, in seconds */
  size_t wanted; /* its size */
  struct {
    void *base;
    size_t mapped;
  } of[SPARES];
} spares = {.busy = ATOMIC_FLAG_INIT};

static bool spares_lock(void) { return !atomic_flag_test_and_set_explicit(&spares.busy, memory_order_acquire); }

static void spares_unlock(void) { atomic_flag_clear_explicit(&spares.busy, memory_order_release); }

static time_t seconds_now(void) {
  struct timespec now;
  return clock_gettime(CLOCK_MONOTONIC_COARSE, &now) == 0 ? now.tv_sec : 0;
}

/* Memory of that size, from the latest that was let go of; NULL if there is none. */
static void *spare_take(size_t mapped) {
  void *base = NULL;
  if (!spares_lock()) return NULL;
  spares.asked = seconds_now();
  spares.wanted = mapped;
  for (int i = spares.count - 1; i >= 0 && !base; i--)
    if (spares.of[i].mapped == mapped) {
      base = spares.of[i].base;
      spares.of[i] = spares.of[--spares.count];
      spares.bytes -= mapped;
    }
  spares_unlock();
  return base;
}

static void spare_drop(int i) {
  munmap(spares.of[i].base, spares.of[i].mapped);
  spares.bytes -= spares.of[i].mapped;
  spares.of[i] = spares.of[--spares.count];
}

static bool fits(size_t mapped) { return spares.count < SPARES && spares.bytes + mapped <= SPARE_BYTES; }

/* Whether one more of that size may wait. Where it is what was asked for last, others go: the array that they were
 * chunks of may have been read. */
static bool make_room(size_t mapped) {
  for (int i = 0; mapped == spares.wanted && i < spares.count && !fits(mapped);)
    if (spares.of[i].mapped == mapped)
      i++;
    else
      spare_drop(i);
  return fits(mapped);
}

static bool spare_give(void *base, size_t mapped) {
  if (cwc_forked() || !spares_lock()) return false;
  bool room = seconds_now() - spares.asked <= 1 && make_room(mapped);
  if (room) {
    spares.of[spares.count].base = base;
    spares.of[spares.count++].mapped = mapped;
    spares.bytes += mapped;
  }
  spares_unlock();
  return room;
}

int cwc_serves_again(int64_t bytes) { return bytes >= MAPPED && bytes < HUGE_FROM; }

int64_t cwc_spares_free(void) {
  if (!spares_lock()) return -1;
  int64_t freed = (int64_t)spares.bytes;
  while (spares.count > 0) spare_drop(spares.count - 1);
  spares_unlock();
  return freed;
}

void *cwc_buffer_new(int64_t bytes) {
  if (bytes < 0 || bytes > PTRDIFF_MAX - 2 * HUGE_PAGE) return NULL;
  char *base = NULL, *data = NULL;
  size_t mapped = 0;
  if (bytes >= HUGE_FROM) {
    data = map_huge((size_t)bytes, PAGE); /* the header lies at the end of the small page */
    if (!data && cwc_spares_free() > 0) data = map_huge((size_t)bytes, PAGE);
    base = data ? data - PAGE : NULL;
    mapped = PAGE + round_up((size_t)bytes, PAGE);
  } else if (bytes >= MAPPED) {
    mapped = round_up((size_t)bytes + HEADER, PAGE);
    base = spare_take(mapped);
    if (!base) base = map(mapped);
    if (!base && cwc_spares_free() > 0) base = map(mapped);
    if (base) data = base + HEADER;
  } else {
    base = cwc_alloc((size_t)bytes + HEADER);
    if (base) data = base + HEADER;
  }
  if (!data) return NULL;
  struct header *h = header_of(data);
  h->base = base;
  h->mapped = mapped;
  h->bytes = bytes;
  atomic_init(&h->shares, 1);
  atomic_fetch_add(&total, bytes);
  return data;
}

void cwc_buffer_retain(void *data) { atomic_fetch_add(&header_of(data)->shares, 1); }

int64_t cwc_buffer_total(void) { return atomic_load(&total); }

void cw_buffer_release(void *data) {
  if (!data) return;
  struct header *h = header_of(data);
  if (atomic_fetch_sub(&h->shares, 1) != 1) return;
  atomic_fetch_sub(&total, h->bytes);
  if (!h->mapped)
    free(h->base);
  else if (h->bytes >= HUGE_FROM || !spare_give(h->base, h->mapped))
    munmap(h->base, h->mapped);
}

void cw_free(void *memory) { free(memory); }
