// Methods that need all values of a cell at once. They are sorted as keys, integers in their order, so that NaN and signed
// zeros have a place too, and cells side by side, by comparisons that do not depend on the values.
#include "types.h"

#include <stdlib.h>

// Cells that are sorted together.
#define LANES 64

// ID, pixel type, key type and greatest key of each type.
#define EACH_INTEGER(X)                                                                                          \
	X(0, uint8_t, uint8_t, UINT8_MAX) X(1, int8_t, int8_t, INT8_MAX) X(2, uint16_t, uint16_t, UINT16_MAX)      \
	X(3, int16_t, int16_t, INT16_MAX) X(4, uint32_t, uint32_t, UINT32_MAX) X(5, int32_t, int32_t, INT32_MAX)   \
	X(6, uint64_t, uint64_t, UINT64_MAX) X(7, int64_t, int64_t, INT64_MAX)

static inline int32_t flip32(int32_t k) { return k ^ ((k >> 31) & INT32_MAX); }
static inline int64_t flip64(int64_t k) { return k ^ ((k >> 63) & INT64_MAX); }

#define INTEGER_KEY(ID, T, KEY, TOP)                                                                         \
	static inline KEY key_##ID(T v) { return v; }                                                               \
	static inline T value_##ID(KEY k) { return k; }
EACH_INTEGER(INTEGER_KEY)

static inline int32_t key_8(float v) {
	int32_t k;
	memcpy(&k, &v, sizeof k);
	return flip32(k);
}

static inline float value_8(int32_t k) {
	float v;
	k = flip32(k);
	memcpy(&v, &k, sizeof v);
	return v;
}

static inline int64_t key_9(double v) {
	int64_t k;
	memcpy(&k, &v, sizeof k);
	return flip64(k);
}

static inline double value_9(int64_t k) {
	double v;
	k = flip64(k);
	memcpy(&v, &k, sizeof v);
	return v;
}

#define EACH_KEY(X) EACH_INTEGER(X) X(8, float, int32_t, INT32_MAX) X(9, double, int64_t, INT64_MAX)

// between is the fraction at of a rank from one value to the next.
static inline double between(double low, double high, double part) {
	return part > 0 && low != high ? low + (high - low) * part : low;
}

// sort orders the first n rows of LANES columns, each column by itself: Batcher's odd-even merge sort. quantile
// looks into the columns at the rank of each cell; a cell's invalid values come last.
#define QUANTILE(ID, T, KEY, TOP)                                                                            \
	CLONES static void sort_##ID(KEY *restrict rows, int n) {                                                  \
		for (int p = 1; p < n; p *= 2)                                                                         \
			for (int k = p; k >= 1; k /= 2)                                                                      \
				for (int j = k % p; j + k < n; j += 2 * k)                                                         \
					for (int i = j; i < j + k && i + k < n; i++) {                                                   \
						if (i / (2 * p) != (i + k) / (2 * p))                                                          \
							continue;                                                                                    \
						KEY *restrict a = rows + (ptrdiff_t)i * LANES, *restrict b = rows + (ptrdiff_t)(i + k) * LANES; \
						for (int l = 0; l < LANES; l++) {                                                              \
							KEY low = a[l] < b[l] ? a[l] : b[l], high = a[l] < b[l] ? b[l] : a[l];                       \
							a[l] = low;                                                                                  \
							b[l] = high;                                                                                 \
						}                                                                                              \
					}                                                                                                \
	}                                                                                                          \
	CLONES static void load_##ID(const T *restrict values, const uint8_t *restrict valid, KEY *restrict row, uint32_t *restrict count, int m) { \
		for (int l = 0; l < m; l++) {                                                                          \
			KEY k = key_##ID(values[l]);                                                                         \
			row[l] = valid[l] ? k : TOP;                                                                         \
			count[l] += valid[l] != 0;                                                                           \
		}                                                                                                      \
	}                                                                                                          \
	static void quantile_##ID(const void *const *planes, int items, double q, double fill, KEY *rows, double *out, ptrdiff_t n) { \
		for (ptrdiff_t c = 0; c < n; c += LANES) {                                                             \
			int m = n - c < LANES ? (int)(n - c) : LANES;                                                        \
			uint32_t count[LANES] = {0};                                                                         \
			for (int i = 0; i < items; i++) {                                                                    \
				const T *values = planes[i];                                                                       \
				load_##ID(values + c, (const uint8_t *)(values + n) + c, rows + (ptrdiff_t)i * LANES, count, m);   \
			}                                                                                                    \
			sort_##ID(rows, items);                                                                              \
			for (int l = 0; l < m; l++) {                                                                        \
				if (count[l] == 0) {                                                                               \
					out[c + l] = fill;                                                                               \
					continue;                                                                                        \
				}                                                                                                  \
				double at = q * (count[l] - 1), rank = floor(at), part = at - rank;                                \
				const KEY *k = rows + (ptrdiff_t)rank * LANES + l;                                                 \
				double low = (double)value_##ID(k[0]), high = part > 0 ? (double)value_##ID(k[LANES]) : low;       \
				out[c + l] = between(low, high, part);                                                             \
			}                                                                                                    \
		}                                                                                                      \
	}
EACH_KEY(QUANTILE)

#define SIZE(ID, T, KEY, TOP) sizeof(KEY),
#define FIND(ID, T, KEY, TOP) case ID: quantile_##ID(planes, items, q, fill, rows, out, n); break;
int combine_quantile(int type, const void *const *planes, int items, double q, double fill, double *out, ptrdiff_t n) {
	static const size_t sizes[] = {EACH_KEY(SIZE)};
	// Columns beyond the last cell are sorted along: they must hold something.
	void *rows = calloc((size_t)items * LANES, sizes[type]);
	if (rows == NULL)
		return -1;
	switch (type) { EACH_KEY(FIND) }
	free(rows);
	return 0;
}
