// The C side of package warp, called by warp.go and lattice.go. The caller has checked every size.
#ifndef WARP_H
#define WARP_H

#include <stddef.h>
#include <stdint.h>

// A View, spread out: cgo does not let Go pointers hide in a struct.
#define WARP_SOURCE                                                                                        \
	int dtype, const void *pix, ptrdiff_t stride, int row, int col, int height, int width, int level_height, \
		int level_width, const uint8_t *mask, int has_nodata, double nodata
#define WARP_RASTER                                                                                        \
	{                                                                                                       \
		.pix = pix, .stride = stride, .row = row, .col = col, .height = height, .width = width,              \
		.level_height = level_height, .level_width = level_width                                             \
	}

// The coordinates of n target pixels, spread out likewise: listed in xs and ys, or, where these are NULL, in rows of cols
// from (row0, col0) on in a block of a lattice.
#define WARP_TARGETS                                                                                       \
	ptrdiff_t n, const double *xs, const double *ys, const double *node_x, const double *node_y, int per_row, int step, \
		int row0, int col0, int cols
#define WARP_TARGETS_OF                                                                                    \
	{                                                                                                       \
		.xs = xs, .ys = ys, .n = n, .nodes = lattice_of(node_x, node_y, per_row, step), .row = row0, .col = col0, .cols = cols \
	}

void warp_nearest(WARP_SOURCE, WARP_TARGETS, void *out, uint8_t *valid);

// planes holds 2 * width * height bytes where there is a mask or nodata. 0, or -1 without memory.
int warp_smooth(WARP_SOURCE, uint8_t *planes, int kernel, double scale_x, double scale_y, WARP_TARGETS, void *out,
	uint8_t *valid);

// planes holds width * height bytes where there is a mask or nodata. 0, or -1 without memory.
int warp_area(WARP_SOURCE, uint8_t *planes, int kernel, int cols, int rows, const double *corner_x,
	const double *corner_y, void *out, uint8_t *valid);

// Copies height x width pixels and their validity. mask, if any, has the source's stride.
void warp_copy(WARP_SOURCE, int size, ptrdiff_t out_stride, void *out, uint8_t *valid);

// Clears valid[i] where all `size` bytes of layer pixel i are zero.
void warp_mask(uint8_t *valid, const uint8_t *layer, ptrdiff_t n, int size);

void warp_interpolate(const double *node_x, const double *node_y, int per_row, int step, int row0, int rows,
	int col0, int cols, double *xs, double *ys);

void warp_interpolate_at(const double *node_x, const double *node_y, int per_row, int step, const int32_t *rows,
	const int32_t *cols, ptrdiff_t n, double *xs, double *ys);

#endif
