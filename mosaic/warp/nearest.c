// Nearest neighbour: the pixel that the coordinate lies in.
#include "place.h"
#include "warp.h"

#define BODY "nearest_body.h"
#include "each_type.h"

void warp_nearest(WARP_SOURCE, const double *xs, const double *ys, ptrdiff_t n, void *out, uint8_t *valid) {
	raster r = WARP_RASTER;
#define CALL(tag) nearest_##tag,
	static void (*const kernels[])(const raster *, const uint8_t *, int, double, const double *, const double *, ptrdiff_t, void *, uint8_t *) = {EACH_TAG(CALL)};
	kernels[dtype](&r, mask, has_nodata, nodata, xs, ys, n, out, valid);
}
