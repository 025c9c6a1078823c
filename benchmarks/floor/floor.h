// What a worker of the floor does with bytes and pixels.
#ifndef FLOOR_H
#define FLOOR_H

#include <stddef.h>
#include <stdint.h>

typedef struct floor_state floor_state;

floor_state *floor_new(void);

// Inflates a zlib stream; the first want bytes of whole suffice. 0, or a code of the library.
int floor_inflate(floor_state *s, const uint8_t *src, size_t size, uint8_t *dst, size_t want, size_t whole);

// Undoes predictor 2 in the rows [first, last) of a tile and writes the columns [left, right); out may be null.
void floor_rows(const uint8_t *tile, int bytes, int side, int first, int last, int left, int right, uint16_t *out,
                int stride);

// Resamples rows [first, last): kernel 0 nearest, 1 bilinear, 2 cubic. The source's first pixel is (col, row) of the
// level, whose coordinates stand at every step-th cell in x and y, cols to a row.
void floor_warp(int kernel, const uint16_t *source, int width, int height, double col, double row, const double *x,
                const double *y, int cols, int step, uint16_t *out, int out_width, int first, int last);

#endif
