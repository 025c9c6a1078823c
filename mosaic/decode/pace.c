// Which library inflates a level's tiles faster. It is the content's doing: libdeflate by 5 to 30 % on reflectances and up
// to 3 times on flat areas, ISA-L, which looks up several literals at once, by 5 to 45 % on noise; neither the
// ratio of compression nor the predictor tells. So both inflate the beginning of a tile now and then.
#include "codec.h"

#include <stdatomic.h>
#include <time.h>

enum {
  PACES = 64,            // levels that are told apart
  SAMPLE = 64 << 10,     // bytes that are inflated twice
  WARM = 4 << 10,        // bytes that are inflated before
  AGAIN = 32,            // tiles until the libraries are compared once more
  SOON = 4,              // and after a sample that told nothing, or not what the last ones told
  SURE = 2,              // comparisons that make up for one that an interrupt spoilt
  TOO_QUICK_NS = 25000,  // a sample inflated in less is a flat area, where little time is spent in any case
};

// Time of this thread's own: what others do meanwhile does not count.
static int64_t thread_time(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// One table for all threads: an arena may go with the next garbage collection, and a worker come by another one. Threads
// that write at once may lose a count or a comparison, and no more.
typedef struct {
  atomic_uint_fast64_t level; // any number that tells levels apart
  atomic_uint tiles;          // inflated since the libraries were last compared
  atomic_int votes;           // for ISA-L, -SURE to SURE
} pace;

static pace paces[PACES];

#define GET(x) atomic_load_explicit(&(x), memory_order_relaxed)
#define SET(x, v) atomic_store_explicit(&(x), (v), memory_order_relaxed)

// compare inflates the beginning of a tile by both. A little of it first: memory and code that are new cost faults.
static void compare(pace *p, cw_arena *arena, const uint8_t *src, size_t n, uint8_t *dst) {
  cw_inflate_whole(arena, src, n, dst, WARM);
  cw_inflate_until_full(arena, src, n, dst, WARM);
  int64_t began = thread_time();
  cw_inflate_whole(arena, src, n, dst, SAMPLE);
  int64_t between = thread_time();
  cw_inflate_until_full(arena, src, n, dst, SAMPLE);
  int64_t whole = between - began, until_full = thread_time() - between;
  int votes = GET(p->votes), told = whole >= TOO_QUICK_NS && until_full >= TOO_QUICK_NS;
  if (told) votes += until_full < whole ? votes < SURE : -(votes > -SURE);
  SET(p->votes, votes);
  SET(p->tiles, told && (votes == SURE || votes == -SURE) ? 0 : AGAIN - SOON);
}

int cw_until_full_is_faster(cw_arena *arena, uint64_t level, const uint8_t *src, size_t n, uint8_t *dst, size_t want) {
  pace *p = &paces[(level >> 4 ^ level >> 8 ^ level >> 12) % PACES];
  if (GET(p->level) != level) {
    // The first tile may be the only one: the libraries are compared with the second.
    SET(p->level, level);
    SET(p->tiles, AGAIN - 1);
    SET(p->votes, 0);
    return 0;
  }
  if (atomic_fetch_add_explicit(&p->tiles, 1, memory_order_relaxed) + 1 >= AGAIN && want >= 2 * SAMPLE) compare(p, arena, src, n, dst);
  return GET(p->votes) > 0;
}
