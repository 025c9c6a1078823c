// Complex samples, from their two parts.
#include "unaligned.h"
#include "unpack.h"

#define PAIR(S, D)                                                                                          \
  {                                                                                                         \
    const S *a = (const S *)re, *b = (const S *)im;                                                         \
    D *out = (D *)dst;                                                                                      \
    for (int64_t i = 0; i < n; i++) {                                                                       \
      out[2 * i] = (D)a[i];                                                                                 \
      out[2 * i + 1] = (D)b[i];                                                                             \
    }                                                                                                       \
  }

typedef int16_t cw_i16 __attribute__((aligned(1), may_alias));
typedef int32_t cw_i32 __attribute__((aligned(1), may_alias));
typedef float cw_f32 __attribute__((aligned(1), may_alias));
typedef double cw_f64 __attribute__((aligned(1), may_alias));

void cw_pair(const cw_layout *l, const uint8_t *re, const uint8_t *im, uint8_t *dst, int64_t n) {
  if (l->kind == CW_SIGNED && l->size == 2)
    PAIR(cw_i16, cw_f32)
  else if (l->kind == CW_SIGNED)
    PAIR(cw_i32, cw_f32)
  else if (l->size == 4)
    PAIR(cw_f32, cw_f32)
  else
    PAIR(cw_f64, cw_f64)
}
