#ifndef WARP_AREA_H
#define WARP_AREA_H

#include "kernel.h"

// The source pixels that a target pixel covers, as GDAL's GWKAverageOrMode takes them.
typedef struct {
	int x0, y0, x1, y1;              // half-open, in the level; empty: x0 >= x1
	double left, right, top, bottom; // weights of the outermost columns and rows
} box;

// Target pixels whose boxes are found together, and side by side in the sorting of quantiles.
#define LANES 64

typedef struct {
	int32_t x0[LANES], y0[LANES], x1[LANES], y1[LANES];
	double left[LANES], right[LANES], top[LANES], bottom[LANES];
} boxes;

// area_boxes finds the source pixels between each (x0, y0) and (x1, y1).
void area_boxes(const raster *r, int n, const double *x0, const double *y0, const double *x1, const double *y1, boxes *b);

INLINE box area_box(const boxes *b, int i) {
	return (box){b->x0[i], b->y0[i], b->x1[i], b->y1[i], b->left[i], b->right[i], b->top[i], b->bottom[i]};
}

// area_covered is the part of source pixel (x, y) inside a quadrilateral, from 0 to 1.
double area_covered(const double quad[4][2], int x, int y);

// area_upright tells whether a quadrilateral is a rectangle along the axes, to 1e-9 pixel: then area_overlap
// of either axis gives what area_covered does, faster.
int area_upright(const double quad[4][2]);

// area_overlap is the part of pixel i between low and high.
INLINE double area_overlap(double low, double high, int i) {
	double from = low > i ? low : i, to = high < i + 1 ? high : i + 1;
	return to > from ? to - from : 0;
}

// The greatest side of a box that is worked on side by side with others. All other ones are worked on
// apart; the result is the same.
#define SIDE 8

// The boxes of a batch, side by side. A box worked on apart has no pixels here (width and height 0).
typedef struct {
	int32_t at[LANES];    // its first pixel, counted from the window's start
	int32_t ok[LANES];    // the same in the validity plane
	int32_t width[LANES], height[LANES];
	int32_t widest, highest;
} grid;

void area_grid(const raster *r, int n, const boxes *b, grid *g);

// area_step gives where pixel (i, j) of each box lies: in the window, in the validity plane, and 1 or 0 for
// whether the box has it (else it is the box's first pixel).
void area_step(const raster *r, const grid *g, int i, int j, int32_t *at, int32_t *ok, int32_t *has);

// Below this many source pixels a mode counts in a list, else in a hash table.
#define MOST_LISTED 32

#endif
