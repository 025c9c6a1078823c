/* Which pixels of two paintings agree. A pixel is of 1, 2, 4 or 8 bytes. */
#ifndef CW_COGFILE_PIXELS_H
#define CW_COGFILE_PIXELS_H

#include <stddef.h>
#include <stdint.h>

/* Tells whether some of n pixels is 0. */
int cw_some_zero(const void *pixels, ptrdiff_t n, int size);

/* Writes the mark to those of n pixels of a mask in which a and b agree. */
void cw_mark_equal(void *mask, const void *a, const void *b, ptrdiff_t n, int size, uint64_t mark);

/* Writes the mark to all of n pixels. */
void cw_mark_all(void *mask, ptrdiff_t n, int size, uint64_t mark);

#endif
