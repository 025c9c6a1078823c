// Nearest neighbour: the pixel that the coordinate lies in.
#include "place.h"
#include "warp.h"

#define BODY "nearest_body.h"
#include "each_type.h"

void warp_nearest(WARP_SOURCE, WARP_TARGETS, void *out, uint8_t *valid) {
	raster r = WARP_RASTER;
	touch(&r, size_of_type(dtype));
	targets t = WARP_TARGETS_OF;
	t.inside = all_inside(&r, NULL, &t);
#define CALL(tag) nearest_##tag,
	static void (*const kernels[])(const raster *, const uint8_t *, int, double, const targets *, void *, uint8_t *) = {EACH_TAG(CALL)};
	kernels[dtype](&r, mask, has_nodata, nodata, &t, out, valid);
}
