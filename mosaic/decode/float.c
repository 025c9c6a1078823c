// Floating-point samples: the byte planes of predictor 3, and 16- and 24-bit floats as float32.
#include "unaligned.h"
#include "unpack.h"

static inline uint32_t bits_of(float f) {
  union {
    float f;
    uint32_t u;
  } v = {f};
  return v.u;
}

// 1 sign, 5 exponent and 10 mantissa bits. The payload of a NaN is kept.
static inline uint32_t from_half(uint32_t v) {
  uint32_t sign = (v & 0x8000) << 16, exponent = v >> 10 & 31, mantissa = v & 0x3ff;
  uint32_t normal = (exponent + 112) << 23 | mantissa << 13;
  uint32_t special = 0x7f800000 | mantissa << 13;
  uint32_t subnormal = bits_of((float)(int32_t)mantissa * 0x1p-24f);
  return sign | (exponent == 0 ? subnormal : exponent == 31 ? special : normal);
}

// 1 sign, 7 exponent and 16 mantissa bits.
static inline uint32_t from_triple(uint32_t v) {
  uint32_t sign = (v & 0x800000) << 8, exponent = v >> 16 & 127, mantissa = v & 0xffff;
  uint32_t normal = (exponent + 64) << 23 | mantissa << 7;
  uint32_t special = 0x7f800000 | mantissa << 7;
  uint32_t subnormal = bits_of((float)(int32_t)mantissa * 0x1p-78f);
  return sign | (exponent == 0 ? subnormal : exponent == 127 ? special : normal);
}

#define AT(k) ((uint64_t)src[(k) * plane + i * stride])

static inline __attribute__((always_inline)) void join(const uint8_t *src, int64_t stride, int64_t plane, uint8_t *dst,
                                                       int64_t n, int bytes) {
  cw_u32 *d4 = (cw_u32 *)dst;
  cw_u64 *d8 = (cw_u64 *)dst;
  switch (bytes) {
  case 2:
    for (int64_t i = 0; i < n; i++) d4[i] = from_half((uint32_t)(AT(0) << 8 | AT(1)));
    break;
  case 3:
    for (int64_t i = 0; i < n; i++) d4[i] = from_triple((uint32_t)(AT(0) << 16 | AT(1) << 8 | AT(2)));
    break;
  case 4:
    for (int64_t i = 0; i < n; i++) d4[i] = (uint32_t)(AT(0) << 24 | AT(1) << 16 | AT(2) << 8 | AT(3));
    break;
  case 8:
    for (int64_t i = 0; i < n; i++)
      d8[i] = AT(0) << 56 | AT(1) << 48 | AT(2) << 40 | AT(3) << 32 | AT(4) << 24 | AT(5) << 16 | AT(6) << 8 | AT(7);
    break;
  }
}

__attribute__((target_clones("avx2", "default")))
void cw_join(const uint8_t *restrict src, int64_t stride, int64_t plane, uint8_t *restrict dst, int64_t n, int bytes) {
  // A stride known to be 1 is what lets the compiler use vectors.
  if (stride == 1) join(src, 1, plane, dst, n, bytes);
  else join(src, stride, plane, dst, n, bytes);
}

static inline __attribute__((always_inline)) void widen2(const uint8_t *src, int64_t stride, uint8_t *dst, int64_t n,
                                                         int swap) {
  const cw_u16 *in = (const cw_u16 *)src;
  cw_u32 *out = (cw_u32 *)dst;
  for (int64_t i = 0; i < n; i++) {
    uint16_t v = in[i * stride];
    out[i] = from_half(swap ? CW_SWAP2(v) : v);
  }
}

static inline __attribute__((always_inline)) void widen3(const uint8_t *src, int64_t stride, uint8_t *dst, int64_t n,
                                                         int low, int high) {
  cw_u32 *out = (cw_u32 *)dst;
  for (int64_t i = 0; i < n; i++) {
    const uint8_t *p = src + 3 * i * stride;
    out[i] = from_triple((uint32_t)p[high] << 16 | (uint32_t)p[1] << 8 | p[low]);
  }
}

__attribute__((target_clones("avx2", "default")))
void cw_widen(const uint8_t *restrict src, int64_t stride, uint8_t *restrict dst, int64_t n, int bytes, int swap) {
  if (bytes == 3) widen3(src, stride, dst, n, swap ? 2 : 0, swap ? 0 : 2);
  else if (stride == 1 && swap) widen2(src, 1, dst, n, 1);
  else if (stride == 1) widen2(src, 1, dst, n, 0);
  else widen2(src, stride, dst, n, swap);
}
