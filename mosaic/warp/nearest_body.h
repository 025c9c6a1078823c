#include "nodata.h"

CLONES static void NAME(nearest)(const raster *r, const uint8_t *mask, int has_nodata, double nodata_value,
	const targets *t, void *restrict out_, uint8_t *restrict valid) {
	const T *restrict pix = r->pix;
	T *restrict out = out_;
	NAME(nodata) nodata = NAME(nodata_of)(has_nodata, nodata_value);
	int32_t at[BATCH];
	uint8_t ok[BATCH];
	for (ptrdiff_t i = 0, m; i < t->n; i += m) {
		m = place_nearest(r, t, i, at, ok);
		T *restrict to = out + i;
		for (int j = 0; j < m; j++)
			to[j] = pix[at[j]];
		if (mask != NULL)
			for (int j = 0; j < m; j++)
				ok[j] &= mask[at[j]] != 0;
		if (nodata.set)
			for (int j = 0; j < m; j++)
				ok[j] &= !IS_NODATA(to[j]);
		memcpy(valid + i, ok, (size_t)m);
	}
}
