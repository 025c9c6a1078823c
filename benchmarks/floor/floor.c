#include "floor.h"

#include <emmintrin.h>
#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

struct floor_state {
  struct inflate_state stream;
  struct libdeflate_decompressor *whole;
};

floor_state *floor_new(void) {
  floor_state *s = calloc(1, sizeof *s);
  s->whole = libdeflate_alloc_decompressor();
  return s;
}

// The two bytes of zlib's header and its checksum are left out: a floor does not verify.
int floor_inflate(floor_state *s, const uint8_t *src, size_t size, uint8_t *dst, size_t want, size_t whole) {
  if (4 * want >= 3 * whole) {
    size_t written;
    return libdeflate_deflate_decompress(s->whole, src + 2, size - 2, dst, whole, &written);
  }
  isal_inflate_init(&s->stream);
  s->stream.next_in = (uint8_t *)src + 2;
  s->stream.avail_in = (uint32_t)size - 2;
  s->stream.next_out = dst;
  s->stream.avail_out = (uint32_t)want;
  int code = isal_inflate(&s->stream);
  return s->stream.avail_out ? (code ? code : -100) : 0;
}

// Sums of a row of 16-bit differences, eight at a time.
static void sums16(const uint16_t *in, uint16_t *out, int count) {
  __m128i carry = _mm_setzero_si128();
  int i = 0;
  for (; i + 8 <= count; i += 8) {
    __m128i v = _mm_loadu_si128((const __m128i *)(in + i));
    v = _mm_add_epi16(v, _mm_slli_si128(v, 2));
    v = _mm_add_epi16(v, _mm_slli_si128(v, 4));
    v = _mm_add_epi16(v, _mm_slli_si128(v, 8));
    v = _mm_add_epi16(v, carry);
    _mm_storeu_si128((__m128i *)(out + i), v);
    carry = _mm_set1_epi16((short)_mm_extract_epi16(v, 7));
  }
  uint16_t sum = i ? out[i - 1] : 0;
  for (; i < count; i++) out[i] = sum = (uint16_t)(sum + in[i]);
}

static void sums8(const uint8_t *in, uint16_t *out, int count) {
  uint8_t sum = 0;
  for (int i = 0; i < count; i++) out[i] = sum = (uint8_t)(sum + in[i]);
}

void floor_rows(const uint8_t *tile, int bytes, int side, int first, int last, int left, int right, uint16_t *out,
                int stride) {
  uint16_t row[16384];
  if (right > 16384) return;
  for (int y = first; y < last; y++) {
    const uint8_t *in = tile + (size_t)y * side * bytes;
    if (bytes == 2)
      sums16((const uint16_t *)in, row, right);
    else
      sums8(in, row, right);
    if (out) memcpy(out + (size_t)(y - first) * stride, row + left, 2 * (size_t)(right - left));
  }
}

typedef struct {
  const uint16_t *source;
  int width, height;
} image;

static inline int inside(int i, int count) { return i < 0 ? 0 : i >= count ? count - 1 : i; }

static inline uint16_t nearest(image m, float x, float y) {
  return m.source[(size_t)inside((int)y, m.height) * m.width + inside((int)x, m.width)];
}

static inline uint16_t bilinear(image m, float x, float y) {
  x -= 0.5f, y -= 0.5f;
  int i = inside((int)x, m.width - 1), j = inside((int)y, m.height - 1);
  float fx = x - i, fy = y - j;
  const uint16_t *p = m.source + (size_t)j * m.width + i, *q = p + m.width;
  float low = p[0] + fx * (p[1] - p[0]), high = q[0] + fx * (q[1] - q[0]);
  return (uint16_t)(low + fy * (high - low) + 0.5f);
}

// Keys' kernel with a = -0.5, as GDAL's.
static inline void weights(float f, float *w) {
  float f2 = f * f, f3 = f2 * f;
  w[0] = 0.5f * (-f + 2 * f2 - f3);
  w[1] = 0.5f * (2 - 5 * f2 + 3 * f3);
  w[2] = 0.5f * (f + 4 * f2 - 3 * f3);
  w[3] = 0.5f * (-f2 + f3);
}

static inline uint16_t cubic(image m, float x, float y) {
  x -= 0.5f, y -= 0.5f;
  int i = inside((int)x - 1, m.width - 3), j = inside((int)y - 1, m.height - 3);
  float wx[4], wy[4], sum = 0.5f;
  weights(x - (int)x, wx);
  weights(y - (int)y, wy);
  for (int b = 0; b < 4; b++) {
    const uint16_t *p = m.source + (size_t)(j + b) * m.width + i;
    sum += wy[b] * (wx[0] * p[0] + wx[1] * p[1] + wx[2] * p[2] + wx[3] * p[3]);
  }
  return (uint16_t)(sum < 0 ? 0 : sum > 65535 ? 65535 : sum);
}

#define EACH(kernel)                                                   \
  for (int c = 0; c < count; c++) {                                    \
    to[c] = kernel(m, left + (float)c * dx, upper + (float)c * dy);    \
  }

__attribute__((target_clones("avx2", "default")))
void floor_warp(int kernel, const uint16_t *source, int width, int height, double col, double row, const double *x,
                const double *y, int cols, int step, uint16_t *out, int out_width, int first, int last) {
  image m = {source, width, height};
  for (int r = first; r < last; r++) {
    double f = (double)(r % step) / step;
    const double *x0 = x + (size_t)(r / step) * cols, *y0 = y + (size_t)(r / step) * cols;
    for (int n = 0; n * step < out_width; n++) {
      double xa = x0[n] + f * (x0[n + cols] - x0[n]), xb = x0[n + 1] + f * (x0[n + 1 + cols] - x0[n + 1]);
      double ya = y0[n] + f * (y0[n + cols] - y0[n]), yb = y0[n + 1] + f * (y0[n + 1 + cols] - y0[n + 1]);
      float left = (float)(xa - col), upper = (float)(ya - row);
      float dx = (float)((xb - xa) / step), dy = (float)((yb - ya) / step);
      int count = out_width - n * step < step ? out_width - n * step : step;
      uint16_t *to = out + (size_t)r * out_width + n * step;
      if (kernel == 0) {
        EACH(nearest)
      } else if (kernel == 1) {
        EACH(bilinear)
      } else {
        EACH(cubic)
      }
    }
  }
}
