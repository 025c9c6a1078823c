// Integers that do not fill a machine type: 1 to 63 bits, most significant bit first and packed without
// gaps within a row.
#include "unaligned.h"
#include "unpack.h"

static inline uint64_t take(const uint8_t *row, int64_t row_bytes, int64_t position, int bits) {
  int64_t byte = position >> 3;
  int skip = (int)(position & 7);
  if (skip + bits <= 64 && byte + 8 <= row_bytes) {
    uint64_t v = __builtin_bswap64(*(const cw_u64 *)(row + byte));
    return v << skip >> (64 - bits);
  }
  uint64_t v = 0;
  for (int i = 0; i < bits; i++) {
    int64_t at = position + i;
    v = v << 1 | (row[at >> 3] >> (7 - (at & 7)) & 1);
  }
  return v;
}

static inline void put(uint8_t *dst, int64_t i, int size, uint64_t v) {
  switch (size) {
  case 1: dst[i] = (uint8_t)v; break;
  case 2: ((cw_u16 *)dst)[i] = (uint16_t)v; break;
  case 4: ((cw_u32 *)dst)[i] = (uint32_t)v; break;
  case 8: ((cw_u64 *)dst)[i] = v; break;
  }
}

static inline uint64_t extend(uint64_t v, int bits) {
  return (uint64_t)((int64_t)(v << (64 - bits)) >> (64 - bits));
}

// Spreads the bits of a byte over eight bytes, the first pixel into the lowest.
static void take_single_bits(const uint8_t *src, uint8_t *dst, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    uint64_t chosen = src[i >> 3] * UINT64_C(0x0101010101010101) & UINT64_C(0x0102040810204080);
    *(cw_u64 *)(dst + i) = (chosen + UINT64_C(0x7f7f7f7f7f7f7f7f)) >> 7 & UINT64_C(0x0101010101010101);
  }
  for (; i < n; i++) dst[i] = src[i >> 3] >> (7 - (i & 7)) & 1;
}

// GDAL writes and reads 24-bit integers most significant byte first too, and libtiff beneath it swaps
// whole triples in a big-endian file: there they stand least significant byte first.
static void take_triples(const cw_layout *l, const uint8_t *src, int sample, uint8_t *dst) {
  for (int64_t i = 0; i < l->width; i++) {
    const uint8_t *p = src + 3 * (i * l->samples + sample);
    uint32_t low = l->swap ? p[0] : p[2], high = l->swap ? p[2] : p[0];
    uint64_t v = high << 16 | (uint32_t)p[1] << 8 | low;
    put(dst, i, l->size, l->kind == CW_SIGNED ? extend(v, 24) : v);
  }
}

void cw_take_bits(const cw_layout *l, const uint8_t *src, int sample, uint8_t *dst) {
  if (l->bits == 1 && l->samples == 1 && l->kind != CW_SIGNED) {
    take_single_bits(src, dst, l->width);
    return;
  }
  if (l->bits == 24) {
    take_triples(l, src, sample, dst);
    return;
  }
  for (int64_t i = 0; i < l->width; i++) {
    uint64_t v = take(src, l->row_bytes, (i * l->samples + sample) * l->bits, l->bits);
    put(dst, i, l->size, l->kind == CW_SIGNED ? extend(v, l->bits) : v);
  }
}
