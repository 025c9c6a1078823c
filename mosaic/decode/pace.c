// Which library inflates a level's tiles faster. It is the content's doing: libdeflate by 5 to 30 % on reflectances and up
// to 3 times on flat areas, ISA-L, which looks up several literals at once, by 5 to 45 % on noise; neither the
// ratio of compression nor the predictor tells. So both inflate the beginning of a tile now and then.
#include "codec.h"

#include <time.h>

enum {
  SAMPLE = 64 << 10,     // bytes that are inflated twice
  AGAIN = 32,            // tiles until the libraries are compared once more
  SOON = 4,              // and after a sample that told nothing
  TOO_QUICK_NS = 25000,  // a sample inflated in less is a flat area, where little time is spent in any case
};

// Time of this thread's own: what others do meanwhile does not count.
static int64_t thread_time(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int cw_until_full_is_faster(cw_arena *arena, uint64_t level, const uint8_t *src, size_t n, uint8_t *dst, size_t want) {
  cw_pace *pace = &arena->paces[(level >> 4 ^ level >> 8 ^ level >> 12) % CW_PACES];
  if (pace->level != level) {
    // The first tile may be the only one: the libraries are compared with the second.
    *pace = (cw_pace){level, AGAIN - 1, 0};
    return 0;
  }
  if (++pace->tiles < AGAIN || want < 2 * SAMPLE) return pace->by_isal;
  int64_t began = thread_time();
  cw_inflate_whole(arena, src, n, dst, SAMPLE);
  int64_t between = thread_time();
  cw_inflate_until_full(arena, src, n, dst, SAMPLE);
  int64_t whole = between - began, until_full = thread_time() - between;
  pace->tiles = AGAIN - SOON;
  if (whole < TOO_QUICK_NS || until_full < TOO_QUICK_NS) return pace->by_isal;
  pace->tiles = 0;
  pace->by_isal = until_full < whole;
  return pace->by_isal;
}
