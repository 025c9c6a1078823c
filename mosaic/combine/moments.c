// Methods that sum over the items of a cell.
#include "types.h"

// A sum of no valid value stays as it is, also where the value is NaN.
#define SUMS(ID, T)                                                                                                        \
	CLONES static void sum_##ID(const T *restrict values, const uint8_t *restrict valid, uint32_t *restrict count,           \
		double *restrict sum, ptrdiff_t n) {                                                                                 \
		for (ptrdiff_t i = 0; i < n; i++) {                                                                                  \
			double next = sum[i] + (double)values[i];                                                                          \
			sum[i] = valid[i] ? next : sum[i];                                                                                 \
			count[i] += valid[i] != 0;                                                                                         \
		}                                                                                                                    \
	}                                                                                                                      \
	CLONES static void stdev_##ID(const T *restrict values, const uint8_t *restrict valid, uint32_t *restrict count,         \
		double *restrict mean, double *restrict squares, ptrdiff_t n) {                                                      \
		for (ptrdiff_t i = 0; i < n; i++) {                                                                                  \
			double v = (double)values[i], before = v - mean[i], next = mean[i] + before / (double)(int32_t)(count[i] + 1);     \
			double more = squares[i] + before * (v - next);                                                                    \
			mean[i] = valid[i] ? next : mean[i];                                                                               \
			squares[i] = valid[i] ? more : squares[i];                                                                         \
			count[i] += valid[i] != 0;                                                                                         \
		}                                                                                                                    \
	}                                                                                                                      \
	CLONES static void sum_integers_##ID(const T *restrict values, const uint8_t *restrict valid, uint32_t *restrict count,  \
		int64_t *restrict sum, ptrdiff_t n) {                                                                                \
		for (ptrdiff_t i = 0; i < n; i++) {                                                                                  \
			uint64_t v = (uint64_t)values[i];                                                                                  \
			sum[i] = (int64_t)((uint64_t)sum[i] + (valid[i] ? v : 0));                                                         \
			count[i] += valid[i] != 0;                                                                                         \
		}                                                                                                                    \
	}
EACH_TYPE(SUMS)

#define SUM(ID, T) case ID: sum_##ID(values, valid, count, sum, n); return;
#define STDEV(ID, T) case ID: stdev_##ID(values, valid, count, mean, squares, n); return;
#define SUM_INTEGERS(ID, T) case ID: sum_integers_##ID(values, valid, count, sum, n); return;

void combine_sum(int src, const void *values, const uint8_t *valid, uint32_t *count, double *sum, ptrdiff_t n) {
	switch (src) { EACH_TYPE(SUM) }
}

void combine_stdev(int src, const void *values, const uint8_t *valid, uint32_t *count, double *mean, double *squares, ptrdiff_t n) {
	switch (src) { EACH_TYPE(STDEV) }
}

void combine_sum_integers(int src, const void *values, const uint8_t *valid, uint32_t *count, int64_t *sum, ptrdiff_t n) {
	switch (src) { EACH_TYPE(SUM_INTEGERS) }
}

CLONES void combine_count(const uint8_t *valid, uint32_t *count, ptrdiff_t n) {
	for (ptrdiff_t i = 0; i < n; i++)
		count[i] += valid[i] != 0;
}

CLONES void combine_counted(const uint32_t *count, uint8_t *valid, ptrdiff_t n) {
	for (ptrdiff_t i = 0; i < n; i++)
		valid[i] = count[i] != 0;
}

CLONES void combine_mean_of(const uint32_t *count, double *sum, double fill, ptrdiff_t n) {
	for (ptrdiff_t i = 0; i < n; i++)
		sum[i] = count[i] ? sum[i] / (double)(int32_t)count[i] : fill;
}

CLONES void combine_stdev_of(const uint32_t *count, double *squares, double fill, ptrdiff_t n) {
	for (ptrdiff_t i = 0; i < n; i++)
		squares[i] = count[i] ? sqrt(squares[i] / (double)(int32_t)count[i]) : fill;
}

CLONES void combine_sum_of(const uint32_t *count, double *sum, double fill, ptrdiff_t n) {
	for (ptrdiff_t i = 0; i < n; i++)
		sum[i] = count[i] ? sum[i] : fill;
}

CLONES void combine_sum_of_integers(const uint32_t *count, int64_t *sum, int64_t fill, ptrdiff_t n) {
	for (ptrdiff_t i = 0; i < n; i++)
		sum[i] = count[i] ? sum[i] : fill;
}
