// From the rows that a codec produced to one plane of pixels: predictor, byte order, interleaving and odd
// sample sizes, in one pass per sample. Little-endian hosts only.
#ifndef CW_DECODE_UNPACK_H
#define CW_DECODE_UNPACK_H

#include <stddef.h>
#include <stdint.h>

enum cw_kind { CW_UNSIGNED, CW_SIGNED, CW_FLOAT };

typedef struct {
  int64_t width;     // pixels of a row
  int64_t rows;
  int64_t row_bytes; // of a stored row, all its samples
  int32_t samples;   // interleaved in a row
  int32_t bits;      // of a stored sample, 1 to 64
  int32_t size;      // bytes of a pixel in the plane: 1, 2, 4 or 8
  int32_t kind;      // enum cw_kind
  int32_t predictor; // 1, 2 or 3
  int32_t swap;      // the file is big-endian
  int64_t top, left, cols; // the part that goes into the plane: rows from top on, so many pixels of each from left on
  int64_t stride;    // pixels from row to row of the plane
} cw_layout;

// Undoes the byte differencing of predictor 3 in all rows. cw_unpack then finds the bytes of a
// sample in as many stretches of the row, the most significant first.
void cw_accumulate(const cw_layout *layout, uint8_t *rows);

// Writes the plane of one sample. rows and plane may be the same memory when a row holds one sample of
// the plane's own size and all of the tile is wanted. row is scratch of row_bytes and a row of pixels.
void cw_unpack(const cw_layout *layout, const uint8_t *rows, int sample, uint8_t *plane, uint8_t *row);

// Writes n complex pixels of two planes of parts, as layout has these: int16, int32 and float become pairs of float,
// double pairs of double.
void cw_pair(const cw_layout *layout, const uint8_t *re, const uint8_t *im, uint8_t *dst, int64_t n);

// Turns every value but 0 into 255.
void cw_binarize(uint8_t *plane, size_t n);

// The steps of cw_unpack, each for one row of width pixels that stand stride samples apart. Source and
// destination need no alignment.
void cw_copy(const uint8_t *src, int64_t stride, uint8_t *dst, int64_t width, int size, int swap);
void cw_sum(const uint8_t *src, int64_t stride, uint8_t *dst, int64_t width, int size, int swap);
void cw_sum_bytes(uint8_t *dst, const uint8_t *src, int64_t n, int64_t stride);
void cw_join(const uint8_t *src, int64_t stride, int64_t plane, uint8_t *dst, int64_t width, int bytes);
void cw_widen(const uint8_t *src, int64_t stride, uint8_t *dst, int64_t width, int bytes, int swap);
void cw_take_bits(const cw_layout *layout, const uint8_t *src, int sample, uint8_t *dst);

#endif
