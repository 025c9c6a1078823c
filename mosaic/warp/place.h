#ifndef WARP_PLACE_H
#define WARP_PLACE_H

#include "lattice.h"

// What a smooth kernel reaches: taps[0] x taps[1] pixels from floor(x - 0.5) + 1 - radius on.
typedef struct {
	enum kernel kernel;
	double scale[2]; // at most 1: the kernel is 1/scale as wide
	int radius[2];
	int taps[2];
	int four; // the four-sample formulas of bilinear and cubic, for scales of 0.95 and more
} reach;

enum state { INVALID, PARTIAL, FULL };

// Pixels that are placed together. A multiple of eight, and at least a row of a block with its far corner.
#define BATCH 128

// The coordinates of target pixels: n listed in xs and ys, or, where these are NULL, rows of cols pixels of a block.
typedef struct {
	const double *xs, *ys;
	ptrdiff_t n;
	lattice nodes;
	int row, col, cols;
	int inside; // of a block: all_inside
} targets;

// Where a batch of target pixels lies in the source.
typedef struct {
	int32_t x[BATCH], y[BATCH];  // first tap, in the level; of PARTIAL pixels
	int32_t at[BATCH];           // first tap, in pixels from the window's start; 0 unless FULL
	double fx[BATCH], fy[BATCH]; // distance from the centre of pixel floor(x - 0.5), 0 to 1
	uint8_t state[BATCH];
	int full, some; // how many are FULL, and how many FULL or PARTIAL
} placement;

// all_inside tells whether, for all pixels of a block, the window holds the taps (k) or the pixel that they lie in (NULL);
// where it is so, nothing more is asked about each of them.
int all_inside(const raster *r, const reach *k, const targets *t);

// place_taps places the next pixels, from i on, for a smooth kernel, and gives how many they are.
int place_taps(const raster *r, const reach *k, const targets *t, ptrdiff_t i, placement *p);

// place_nearest finds the pixels of the next coordinates, from i on, and gives how many they are: at counts from the
// window's start, 0 where valid is 0. Both arrays have room for BATCH.
int place_nearest(const raster *r, const targets *t, ptrdiff_t i, int32_t *at, uint8_t *valid);

#endif
