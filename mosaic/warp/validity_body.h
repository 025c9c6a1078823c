#include "nodata.h"

CLONES static int NAME(plane)(const raster *r, const uint8_t *mask, int has_nodata, double nodata_value, uint8_t *restrict ok) {
	NAME(nodata) nodata = NAME(nodata_of)(has_nodata, nodata_value);
	uint8_t all = 1;
	for (ptrdiff_t y = 0; y < r->height; y++) {
		const T *restrict pix = (const T *)r->pix + y * r->stride;
		uint8_t *restrict line = ok + y * r->width;
		if (nodata.set)
			for (int x = 0; x < r->width; x++)
				line[x] = !IS_NODATA(pix[x]);
		else
			memset(line, 1, (size_t)r->width);
		if (mask != NULL)
			for (int x = 0; x < r->width; x++)
				line[x] &= mask[y * r->stride + x] != 0;
		for (int x = 0; x < r->width; x++)
			all &= line[x];
	}
	return all;
}
