// Predictor 2 (horizontal differencing) and plain samples: running sums, byte order, interleaving.
#include "unaligned.h"
#include "unpack.h"

#include <string.h>

typedef uint8_t v16u8 __attribute__((vector_size(16)));
typedef uint16_t v8u16 __attribute__((vector_size(16)));
typedef uint32_t v4u32 __attribute__((vector_size(16)));

static const v16u8 swap2 = {1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14};
static const v16u8 swap4 = {3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12};

// Running sums within a register: each step adds the lanes that stand 1, 2, 4, 8 to the left.
static inline v16u8 scan8(v16u8 x) {
  const v16u8 zero = {0};
  x += __builtin_shuffle(zero, x, (v16u8){0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30});
  x += __builtin_shuffle(zero, x, (v16u8){0, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29});
  x += __builtin_shuffle(zero, x, (v16u8){0, 0, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27});
  x += __builtin_shuffle(zero, x, (v16u8){0, 0, 0, 0, 0, 0, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23});
  return x;
}

static inline v8u16 scan16(v8u16 x) {
  const v8u16 zero = {0};
  x += __builtin_shuffle(zero, x, (v8u16){0, 8, 9, 10, 11, 12, 13, 14});
  x += __builtin_shuffle(zero, x, (v8u16){0, 0, 8, 9, 10, 11, 12, 13});
  x += __builtin_shuffle(zero, x, (v8u16){0, 0, 0, 0, 8, 9, 10, 11});
  return x;
}

static inline v4u32 scan32(v4u32 x) {
  const v4u32 zero = {0};
  x += __builtin_shuffle(zero, x, (v4u32){0, 4, 5, 6});
  x += __builtin_shuffle(zero, x, (v4u32){0, 0, 4, 5});
  return x;
}

#define LOAD(v, p) memcpy(&(v), (p), 16)
#define STORE(p, v) memcpy((p), &(v), 16)

__attribute__((target_clones("avx2", "default")))
static void sum8(const uint8_t *src, uint8_t *dst, int64_t n) {
  v16u8 carry = {0};
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    v16u8 x;
    LOAD(x, src + i);
    x = scan8(x);
    v16u8 last = __builtin_shuffle(x, (v16u8){15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15});
    x += carry;
    carry += last;
    STORE(dst + i, x);
  }
  uint8_t sum = carry[0];
  for (; i < n; i++) dst[i] = sum = (uint8_t)(sum + src[i]);
}

__attribute__((target_clones("avx2", "default")))
static void sum16(const uint8_t *src, uint8_t *dst, int64_t n, int swap) {
  v8u16 carry = {0};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    v8u16 x;
    LOAD(x, src + 2 * i);
    if (swap) x = (v8u16)__builtin_shuffle((v16u8)x, swap2);
    x = scan16(x);
    v8u16 last = __builtin_shuffle(x, (v8u16){7, 7, 7, 7, 7, 7, 7, 7});
    x += carry;
    carry += last;
    STORE(dst + 2 * i, x);
  }
  uint16_t sum = carry[0];
  for (; i < n; i++) {
    uint16_t v = ((const cw_u16 *)src)[i];
    ((cw_u16 *)dst)[i] = sum = (uint16_t)(sum + (swap ? CW_SWAP2(v) : v));
  }
}

__attribute__((target_clones("avx2", "default")))
static void sum32(const uint8_t *src, uint8_t *dst, int64_t n, int swap) {
  v4u32 carry = {0};
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    v4u32 x;
    LOAD(x, src + 4 * i);
    if (swap) x = (v4u32)__builtin_shuffle((v16u8)x, swap4);
    x = scan32(x);
    v4u32 last = __builtin_shuffle(x, (v4u32){3, 3, 3, 3});
    x += carry;
    carry += last;
    STORE(dst + 4 * i, x);
  }
  uint32_t sum = carry[0];
  for (; i < n; i++) {
    uint32_t v = ((const cw_u32 *)src)[i];
    ((cw_u32 *)dst)[i] = sum += swap ? CW_SWAP4(v) : v;
  }
}

// The same with other samples between: every stride-th one is summed into its plane.
#define SUM_STRIDED(TYPE, SIZE)                                                                          \
  static void sum_strided##SIZE(const TYPE *src, int64_t stride, TYPE *dst, int64_t n, int swap) {       \
    uint##SIZE##_t sum = 0;                                                                              \
    if (swap) {                                                                                          \
      for (int64_t i = 0; i < n; i++) dst[i] = sum = (uint##SIZE##_t)(sum + SWAP_##SIZE(src[i * stride])); \
    } else {                                                                                             \
      for (int64_t i = 0; i < n; i++) dst[i] = sum = (uint##SIZE##_t)(sum + src[i * stride]);            \
    }                                                                                                    \
  }
#define SWAP_8 CW_SWAP1
#define SWAP_16 CW_SWAP2
#define SWAP_32 CW_SWAP4
#define SWAP_64 CW_SWAP8

SUM_STRIDED(uint8_t, 8)
SUM_STRIDED(cw_u16, 16)
SUM_STRIDED(cw_u32, 32)
SUM_STRIDED(cw_u64, 64)

void cw_sum(const uint8_t *src, int64_t stride, uint8_t *dst, int64_t n, int size, int swap) {
  switch (size) {
  case 1:
    if (stride == 1) sum8(src, dst, n);
    else sum_strided8(src, stride, dst, n, 0);
    break;
  case 2:
    if (stride == 1) sum16(src, dst, n, swap);
    else sum_strided16((const cw_u16 *)src, stride, (cw_u16 *)dst, n, swap);
    break;
  case 4:
    if (stride == 1) sum32(src, dst, n, swap);
    else sum_strided32((const cw_u32 *)src, stride, (cw_u32 *)dst, n, swap);
    break;
  case 8: sum_strided64((const cw_u64 *)src, stride, (cw_u64 *)dst, n, swap); break;
  }
}

// One running sum per lane, in registers: through memory each would wait for the last store.
#define SUM_LANES(N)                                                                          \
  static void sum_lanes##N(const uint8_t *src, uint8_t *dst, int64_t n) {                     \
    uint8_t sums[N] = {0};                                                                    \
    int64_t i = 0;                                                                            \
    for (; i + N <= n; i += N)                                                                \
      for (int k = 0; k < N; k++) dst[i + k] = sums[k] = (uint8_t)(sums[k] + src[i + k]);      \
    for (int k = 0; i < n; i++, k++) dst[i] = (uint8_t)(sums[k] + src[i]);                     \
  }

SUM_LANES(2)
SUM_LANES(3)
SUM_LANES(4)

void cw_sum_bytes(uint8_t *dst, const uint8_t *src, int64_t n, int64_t stride) {
  switch (stride) {
  case 1: sum8(src, dst, n); return;
  case 2: sum_lanes2(src, dst, n); return;
  case 3: sum_lanes3(src, dst, n); return;
  case 4: sum_lanes4(src, dst, n); return;
  }
  int64_t head = n < stride ? n : stride;
  if (dst != src) memcpy(dst, src, (size_t)head);
  for (int64_t i = head; i < n; i++) dst[i] = (uint8_t)(dst[i - stride] + src[i]);
}

#define COPY(TYPE, SIZE)                                                                          \
  static inline void copy##SIZE(const TYPE *src, int64_t stride, TYPE *dst, int64_t n, int swap) { \
    if (swap) {                                                                                   \
      for (int64_t i = 0; i < n; i++) dst[i] = SWAP_##SIZE(src[i * stride]);                      \
    } else {                                                                                      \
      for (int64_t i = 0; i < n; i++) dst[i] = src[i * stride];                                   \
    }                                                                                             \
  }

COPY(uint8_t, 8)
COPY(cw_u16, 16)
COPY(cw_u32, 32)
COPY(cw_u64, 64)

__attribute__((target_clones("avx2", "default")))
static void swap_row(const uint8_t *src, uint8_t *dst, int64_t n, int size) {
  switch (size) {
  case 2: copy16((const cw_u16 *)src, 1, (cw_u16 *)dst, n, 1); break;
  case 4: copy32((const cw_u32 *)src, 1, (cw_u32 *)dst, n, 1); break;
  case 8: copy64((const cw_u64 *)src, 1, (cw_u64 *)dst, n, 1); break;
  }
}

void cw_copy(const uint8_t *src, int64_t stride, uint8_t *dst, int64_t n, int size, int swap) {
  if (size == 1) swap = 0;
  if (stride == 1) {
    if (swap) swap_row(src, dst, n, size);
    else if (src != dst) memcpy(dst, src, (size_t)(n * size));
    return;
  }
  switch (size) {
  case 1: copy8(src, stride, dst, n, 0); break;
  case 2: copy16((const cw_u16 *)src, stride, (cw_u16 *)dst, n, swap); break;
  case 4: copy32((const cw_u32 *)src, stride, (cw_u32 *)dst, n, swap); break;
  case 8: copy64((const cw_u64 *)src, stride, (cw_u64 *)dst, n, swap); break;
  }
}
