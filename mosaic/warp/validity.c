// Validity planes: one byte per pixel of the window, so that kernels need not know where validity
// comes from.
#include "validity.h"

#define BODY "validity_body.h"
#include "each_type.h"

int validity_plane(const raster *r, int dtype, const uint8_t *mask, int has_nodata, double nodata, uint8_t *ok) {
#define CALL(tag) plane_##tag,
	static int (*const planes[])(const raster *, const uint8_t *, int, double, uint8_t *) = {EACH_TAG(CALL)};
	return planes[dtype](r, mask, has_nodata, nodata, ok);
}

CLONES void validity_full(const raster *r, const int taps[2], const uint8_t *restrict ok, uint8_t *restrict full) {
	ptrdiff_t width = r->width, height = r->height;
	memset(full, 0, (size_t)(width * height));
	if (width < taps[0] || height < taps[1])
		return;
	for (ptrdiff_t y = 0; y < height; y++) {
		uint8_t *restrict f = full + y * width;
		memcpy(f, ok + y * width, (size_t)(width - taps[0] + 1));
		for (int k = 1; k < taps[0]; k++)
			for (ptrdiff_t x = 0; x <= width - taps[0]; x++)
				f[x] &= ok[y * width + x + k];
	}
	// Rows further down are still unchanged when they are read.
	for (ptrdiff_t y = 0; y < height; y++) {
		uint8_t *f = full + y * width;
		if (y > height - taps[1]) {
			memset(f, 0, (size_t)width);
			continue;
		}
		for (int k = 1; k < taps[1]; k++)
			for (ptrdiff_t x = 0; x < width; x++)
				f[x] &= f[x + k * width];
	}
}
