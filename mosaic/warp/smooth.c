// Bilinear, cubic, cubic spline and Lanczos. A FULL pixel (all taps valid) takes a vector path, a PARTIAL
// one the scalar path that weighs its valid taps only; which one it is depends on the pixel alone.
#include "validity.h"
#include "warp.h"
#include "weights.h"

#include <stdlib.h>

// at_level tells whether the pixel at (x, y) of the level is in the window and valid.
INLINE int at_level(const raster *r, int x, int y) {
	int col = x - r->col, row = y - r->row;
	if (col < 0 || row < 0 || col >= r->width || row >= r->height)
		return 0;
	return r->ok == NULL || r->ok[(ptrdiff_t)row * r->width + col];
}

// The least sum of weights that gives a pixel, as in GDAL's warper.
#define LEAST_FOUR 1e-5
#define LEAST_WEIGHT 1e-6

#define BODY "smooth_body.h"
#include "each_type.h"

static reach reach_of(enum kernel kernel, double scale_x, double scale_y) {
	static const int radius[] = {[BILINEAR] = 1, [CUBIC] = 2, [CUBIC_SPLINE] = 2, [LANCZOS] = 3};
	reach k = {.kernel = kernel, .scale = {scale_x, scale_y}};
	k.four = (kernel == BILINEAR || kernel == CUBIC) && scale_x >= 0.95 && scale_y >= 0.95;
	for (int a = 0; a < 2; a++) {
		if (k.four || !(k.scale[a] < 1))
			k.scale[a] = 1;
		k.radius[a] = (int)ceil(radius[kernel] / k.scale[a]);
		k.taps[a] = 2 * k.radius[a];
	}
	return k;
}

int warp_smooth(WARP_SOURCE, uint8_t *planes, int kernel, double scale_x, double scale_y,
	WARP_TARGETS, void *out, uint8_t *valid) {
	raster r = WARP_RASTER;
	touch(&r, size_of_type(dtype));
	targets t = WARP_TARGETS_OF;
	reach k = reach_of((enum kernel)kernel, scale_x, scale_y);
	t.inside = all_inside(&r, &k, &t);
	if ((mask != NULL || has_nodata) && !validity_plane(&r, dtype, mask, has_nodata, nodata, planes)) {
		uint8_t *full = planes + (ptrdiff_t)width * height;
		validity_full(&r, k.taps, planes, full);
		r.ok = planes;
		r.full = full;
	}
#define CALL(tag) smooth_##tag,
	static int (*const kernels[])(const raster *, const reach *, const targets *, void *, uint8_t *) = {EACH_TAG(CALL)};
	return kernels[dtype](&r, &k, &t, out, valid);
}
