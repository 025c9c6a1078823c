// PackBits (compression 32773) and the bit order of FillOrder 2.
#include "codec.h"

#include <string.h>

cw_result cw_unpackbits(const uint8_t *src, size_t n, uint8_t *dst, size_t want) {
  size_t in = 0, out = 0;
  while (out < want && in < n) {
    int8_t head = (int8_t)src[in++];
    if (head == -128) continue; // no operation
    size_t count = head >= 0 ? (size_t)head + 1 : (size_t)(1 - head);
    size_t left = want - out;
    // A run may cross the end of what is wanted: writers pad, and an early stop cuts.
    size_t take = count < left ? count : left;
    if (head >= 0) {
      if (n - in < take) {
        memcpy(dst + out, src + in, n - in);
        return (cw_result){CW_TRUNCATED, out + (n - in)};
      }
      memcpy(dst + out, src + in, take);
      in += take;
    } else {
      if (in == n) break;
      memset(dst + out, src[in++], take);
    }
    out += take;
  }
  return (cw_result){out == want ? CW_END : CW_TRUNCATED, out};
}

__attribute__((target_clones("avx2", "default")))
void cw_reverse_bits(const uint8_t *src, uint8_t *dst, size_t n) {
  for (size_t i = 0; i < n; i++) {
    uint8_t b = src[i];
    b = (uint8_t)((b & 0x55) << 1 | (b >> 1 & 0x55));
    b = (uint8_t)((b & 0x33) << 2 | (b >> 2 & 0x33));
    dst[i] = (uint8_t)(b << 4 | b >> 4);
  }
}
