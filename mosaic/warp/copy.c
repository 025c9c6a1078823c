// Pixels taken as they are: the target's cells are the source's pixels.
#include <string.h>

#include "kernel.h"
#include "validity.h"
#include "warp.h"

void warp_copy(WARP_SOURCE, int size, ptrdiff_t out_stride, void *out, uint8_t *valid) {
	const char *from = pix;
	char *to = out;
	for (int y = 0; y < height; y++) {
		raster line = {.pix = from, .stride = stride, .row = row + y, .col = col, .height = 1, .width = width,
			.level_height = level_height, .level_width = level_width};
		memcpy(to, from, (size_t)width * (size_t)size);
		validity_plane(&line, dtype, mask, has_nodata, nodata, valid);
		from += stride * size;
		to += out_stride * size;
		valid += out_stride;
		if (mask) mask += stride;
	}
}

void warp_mask(uint8_t *valid, const uint8_t *layer, ptrdiff_t n, int size) {
	for (ptrdiff_t i = 0; i < n; i++) {
		uint8_t any = 0;
		for (int k = 0; k < size; k++) any |= layer[i * size + k];
		valid[i] &= any != 0;
	}
}
