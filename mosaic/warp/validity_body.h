#include "nodata.h"

// Pixels that are looked at together. The last ones of a row are looked at once more rather than one by one.
#define ABREAST 32

INLINE void NAME(look)(const T *restrict pix, const uint8_t *restrict mask, NAME(nodata) nodata, int n, uint8_t *restrict ok, uint8_t *restrict all) {
	if (nodata.set)
		for (int x = 0; x < n; x++)
			ok[x] = !IS_NODATA(pix[x]);
	else
		memset(ok, 1, (size_t)n);
	if (mask != NULL)
		for (int x = 0; x < n; x++)
			ok[x] &= mask[x] != 0;
	for (int x = 0; x < n; x++)
		all[x] &= ok[x];
}

CLONES static int NAME(plane)(const raster *r, const uint8_t *mask, int has_nodata, double nodata_value, uint8_t *restrict ok) {
	NAME(nodata) nodata = NAME(nodata_of)(has_nodata, nodata_value);
	uint8_t all[ABREAST], some = 1;
	memset(all, 1, sizeof all);
	for (ptrdiff_t y = 0; y < r->height; y++) {
		const T *pix = (const T *)r->pix + y * r->stride;
		const uint8_t *masked = mask == NULL ? NULL : mask + y * r->stride;
		uint8_t *line = ok + y * r->width;
		if (r->width < ABREAST) {
			NAME(look)(pix, masked, nodata, r->width, line, all);
			continue;
		}
		for (int x = 0; x < r->width; x += ABREAST) {
			int at = x + ABREAST <= r->width ? x : r->width - ABREAST;
			NAME(look)(pix + at, masked == NULL ? NULL : masked + at, nodata, ABREAST, line + at, all);
		}
	}
	for (int x = 0; x < ABREAST; x++)
		some &= all[x];
	return some;
}

#undef ABREAST
