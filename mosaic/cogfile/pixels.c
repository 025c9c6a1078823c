#include "pixels.h"

enum { TOGETHER = 1024 }; /* pixels between two looks at what was found: so the loops within are vectors */

#define PIXELS(T)                                                                                          \
  __attribute__((target_clones("avx2", "default"))) static int some_zero_##T(const T *p, ptrdiff_t n) {    \
    for (ptrdiff_t i = 0; i < n; i += TOGETHER) {                                                          \
      ptrdiff_t end = n - i < TOGETHER ? n : i + TOGETHER;                                                 \
      T some = 0;                                                                                          \
      for (ptrdiff_t k = i; k < end; k++) some |= p[k] == 0;                                               \
      if (some) return 1;                                                                                  \
    }                                                                                                      \
    return 0;                                                                                              \
  }                                                                                                        \
  __attribute__((target_clones("avx2", "default"))) static void mark_equal_##T(                            \
    T *restrict mask, const T *a, const T *b, ptrdiff_t n, T mark) {                                       \
    for (ptrdiff_t i = 0; i < n; i++) mask[i] = a[i] == b[i] ? mark : mask[i];                             \
  }                                                                                                        \
  static void mark_all_##T(T *mask, ptrdiff_t n, T mark) {                                                 \
    for (ptrdiff_t i = 0; i < n; i++) mask[i] = mark;                                                      \
  }

PIXELS(uint8_t)
PIXELS(uint16_t)
PIXELS(uint32_t)
PIXELS(uint64_t)

int cw_some_zero(const void *pixels, ptrdiff_t n, int size) {
  switch (size) {
  case 1: return some_zero_uint8_t(pixels, n);
  case 2: return some_zero_uint16_t(pixels, n);
  case 4: return some_zero_uint32_t(pixels, n);
  default: return some_zero_uint64_t(pixels, n);
  }
}

void cw_mark_equal(void *mask, const void *a, const void *b, ptrdiff_t n, int size, uint64_t mark) {
  switch (size) {
  case 1: mark_equal_uint8_t(mask, a, b, n, (uint8_t)mark); break;
  case 2: mark_equal_uint16_t(mask, a, b, n, (uint16_t)mark); break;
  case 4: mark_equal_uint32_t(mask, a, b, n, (uint32_t)mark); break;
  default: mark_equal_uint64_t(mask, a, b, n, mark);
  }
}

void cw_mark_all(void *mask, ptrdiff_t n, int size, uint64_t mark) {
  switch (size) {
  case 1: mark_all_uint8_t(mask, n, (uint8_t)mark); break;
  case 2: mark_all_uint16_t(mask, n, (uint16_t)mark); break;
  case 4: mark_all_uint32_t(mask, n, (uint32_t)mark); break;
  default: mark_all_uint64_t(mask, n, mark);
  }
}
