#include "unpack.h"

#include <string.h>

// How a sample is stored decides the way of its rows.
static int is_small_float(const cw_layout *l) { return l->kind == CW_FLOAT && l->bits < 32; }
static int is_plain(const cw_layout *l) { return l->bits == 8 * l->size; }

static void unpack_float_predictor(const cw_layout *l, const uint8_t *src, int sample, uint8_t *dst, uint8_t *row) {
  int bytes = l->bits / 8;
  if (l->samples == 1) {
    // With one sample nobody has accumulated yet: it is done here, beside the row's other step.
    cw_sum_bytes(row, src, l->row_bytes, 1);
    src = row;
  }
  cw_join(src + sample, l->samples, l->width * l->samples, dst, l->width, bytes);
}

static void unpack_row(const cw_layout *l, const uint8_t *src, int sample, uint8_t *dst, uint8_t *row) {
  int bytes = l->bits / 8;
  const uint8_t *first = src + (int64_t)sample * bytes; // of the row's first pixel, where samples are whole bytes
  if (l->predictor == 3) {
    unpack_float_predictor(l, src, sample, dst, row);
  } else if (is_small_float(l)) {
    if (l->predictor == 2) {
      cw_sum(first, l->samples, row, l->width, bytes, l->swap);
      cw_widen(row, 1, dst, l->width, bytes, 0);
    } else {
      cw_widen(first, l->samples, dst, l->width, bytes, l->swap);
    }
  } else if (!is_plain(l)) {
    cw_take_bits(l, src, sample, dst);
  } else if (l->predictor == 2) {
    cw_sum(first, l->samples, dst, l->width, l->size, l->swap);
  } else {
    cw_copy(first, l->samples, dst, l->width, l->size, l->swap);
  }
}

void cw_unpack(const cw_layout *l, const uint8_t *rows, int sample, uint8_t *plane, uint8_t *row) {
  uint8_t *line = row + l->row_bytes;
  for (int64_t y = l->top; y < l->rows; y++) {
    const uint8_t *src = rows + y * l->row_bytes;
    uint8_t *dst = plane + (y - l->top) * l->stride * l->size;
    if (l->cols == l->width) {
      unpack_row(l, src, sample, dst, row);
    } else {
      unpack_row(l, src, sample, line, row);
      memcpy(dst, line + l->left * l->size, (size_t)(l->cols * l->size));
    }
  }
}

void cw_accumulate(const cw_layout *l, uint8_t *rows) {
  if (l->samples == 1) return;
  for (int64_t y = 0; y < l->rows; y++) {
    uint8_t *row = rows + y * l->row_bytes;
    cw_sum_bytes(row, row, l->row_bytes, l->samples);
  }
}

__attribute__((target_clones("avx2", "default")))
void cw_binarize(uint8_t *plane, size_t n) {
  for (size_t i = 0; i < n; i++) plane[i] = plane[i] != 0 ? 255 : 0;
}
