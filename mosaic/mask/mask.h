// The C side of package mask, called by mask.go, which has checked every size. Pixel types are numbered as
// core.DTypes lists them.
#ifndef MASK_H
#define MASK_H

#include <stddef.h>
#include <stdint.h>

// Distances along a row end here: more than any radius.
#define MASK_FAR 65535

// flags[i] = table[pixels[i]], the pixels taken as unsigned numbers of 1 or 2 bytes.
void mask_look_up(int size, const void *pixels, const uint8_t *table, uint8_t *flags, ptrdiff_t n);

// flags[i] = 1 where a pixel has one of the bits or lies in one of the ranges (pairs, both ends included), of an
// integer type of 4 or 8 bytes.
void mask_find(int type, const void *pixels, uint64_t bits, const int64_t *ranges, int count, uint8_t *flags, ptrdiff_t n);

// Sets every flag that has a set one within radius (Euclidean, pixel to pixel). distance is height * width scratch.
void mask_dilate(uint8_t *flags, int height, int width, int radius, uint16_t *distance);

// Clears valid[y * width + x] where the flag is set under the centre of source pixel (row + y, col + x), which map
// (a, b, c, d, e, f) takes to mask pixels; mask_row, mask_col, mask_height and mask_width are the flags' window. What
// lies outside it stays. columns is width scratch.
void mask_drop(uint8_t *valid, int row, int col, int height, int width, const double *map, double epsilon,
	const uint8_t *flags, int mask_row, int mask_col, int mask_height, int mask_width, int32_t *columns);

// Sum of the flags.
int64_t mask_count(const uint8_t *flags, ptrdiff_t n);

#endif
