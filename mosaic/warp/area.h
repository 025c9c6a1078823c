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

// The most source pixels of a target pixel that are sorted side by side.
#define MOST_SORTED 64

// Below this many source pixels a mode counts in a list, else in a hash table.
#define MOST_LISTED 32

#endif
