// Methods that need all values of a cell at once.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "combine.h"

// Up to here insertion is the fastest sort; beyond, the library's.
#define FEW 48

static int ascending(const void *a, const void *b) {
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void sort(double *v, int n) {
	if (n > FEW) {
		qsort(v, (size_t)n, sizeof *v, ascending);
		return;
	}
	for (int i = 1; i < n; i++) {
		double x = v[i];
		int k = i;
		for (; k > 0 && v[k - 1] > x; k--) v[k] = v[k - 1];
		v[k] = x;
	}
}

void combine_quantile(const double *stack, const uint8_t *valid, int items, double q, double fill, double *sorted, double *out, ptrdiff_t n) {
	for (ptrdiff_t i = 0; i < n; i++) {
		int count = 0;
		for (int k = 0; k < items; k++) {
			sorted[count] = stack[k * n + i];
			count += valid[k * n + i] != 0;
		}
		if (!count) {
			out[i] = fill;
			continue;
		}
		sort(sorted, count);
		double at = q * (count - 1), low = floor(at), part = at - low;
		int k = (int)low;
		out[i] = part > 0 ? sorted[k] + (sorted[k + 1] - sorted[k]) * part : sorted[k];
	}
}
