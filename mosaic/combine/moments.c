// Methods that sum over the items of a cell.
#include <math.h>

#include "combine.h"

#define CLONES __attribute__((target_clones("avx2", "default")))

CLONES void combine_mean(const double *values, const uint8_t *valid, uint32_t *count, double *sum, ptrdiff_t n) {
	for (ptrdiff_t i = 0; i < n; i++) {
		int ok = valid[i] != 0;
		sum[i] = ok ? sum[i] + values[i] : sum[i];
		count[i] += (uint32_t)ok;
	}
}

CLONES void combine_stdev(const double *values, const uint8_t *valid, uint32_t *count, double *mean, double *squares, ptrdiff_t n) {
	for (ptrdiff_t i = 0; i < n; i++) {
		if (!valid[i]) continue;
		double k = ++count[i], before = values[i] - mean[i];
		mean[i] += before / k;
		squares[i] += before * (values[i] - mean[i]);
	}
}

void combine_sum(const double *values, const uint8_t *valid, uint32_t *count, double *sum, ptrdiff_t n) {
	combine_mean(values, valid, count, sum, n);
}

CLONES void combine_sum_integers(const int64_t *values, const uint8_t *valid, uint32_t *count, int64_t *sum, ptrdiff_t n) {
	for (ptrdiff_t i = 0; i < n; i++) {
		int ok = valid[i] != 0;
		// Unsigned: a sum that overflows wraps, as numpy's does.
		sum[i] = (int64_t)((uint64_t)sum[i] + (ok ? (uint64_t)values[i] : 0));
		count[i] += (uint32_t)ok;
	}
}

CLONES void combine_count(const uint8_t *valid, uint32_t *count, ptrdiff_t n) {
	for (ptrdiff_t i = 0; i < n; i++) count[i] += valid[i] != 0;
}

void combine_mean_of(const uint32_t *count, const double *sum, double fill, double *out, ptrdiff_t n) {
	for (ptrdiff_t i = 0; i < n; i++) out[i] = count[i] ? sum[i] / count[i] : fill;
}

void combine_stdev_of(const uint32_t *count, const double *squares, double fill, double *out, ptrdiff_t n) {
	for (ptrdiff_t i = 0; i < n; i++) out[i] = count[i] ? sqrt(squares[i] / count[i]) : fill;
}
