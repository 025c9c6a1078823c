// Methods that look at several bands of an item at once, and physical values.
#include "types.h"

#include <stdlib.h>

#define SCALE_TO(D, S)                                                                     \
	{                                                                                        \
		const S *restrict a = in;                                                              \
		D *restrict b = out;                                                                   \
		for (ptrdiff_t i = 0; i < n; i++)                                                      \
			b[i] = (D)((double)a[i] * scale + offset);                                           \
		return;                                                                                \
	}
#define SCALE(ID, S)                                                                                             \
	CLONES static void scale_##ID(int wide, const void *in, void *restrict out, double scale, double offset, ptrdiff_t n) { \
		if (wide)                                                                                                    \
			SCALE_TO(double, S)                                                                                        \
		SCALE_TO(float, S)                                                                                           \
	}
EACH_TYPE(SCALE)

#define CALL_SCALE(ID, S) case ID: scale_##ID(dst == 9, in, out, scale, offset, n); return;
void combine_scale(int src, int dst, const void *in, void *out, double scale, double offset, ptrdiff_t n) {
	switch (src) { EACH_TYPE(CALL_SCALE) }
}

CLONES void combine_both(const uint8_t *restrict a, uint8_t *restrict both, ptrdiff_t n) {
	for (ptrdiff_t i = 0; i < n; i++)
		both[i] &= a[i];
}

CLONES void combine_either(const uint8_t *restrict a, uint8_t *restrict either, ptrdiff_t n) {
	for (ptrdiff_t i = 0; i < n; i++)
		either[i] |= a[i];
}

CLONES void combine_without(const uint8_t *restrict take, uint8_t *restrict has, ptrdiff_t n) {
	for (ptrdiff_t i = 0; i < n; i++)
		has[i] &= take[i] == 0;
}

// As highest: the first of equal values, and any value rather than a NaN.
#define BETTER(ID, T)                                                                                                  \
	CLONES static void better_##ID(const void *in, const uint8_t *restrict valid, void *io, uint8_t *restrict filled, uint8_t *restrict take, ptrdiff_t n) { \
		const T *restrict values = in;                                                                                     \
		T *restrict best = io;                                                                                             \
		for (ptrdiff_t i = 0; i < n; i++) {                                                                                \
			T old = best[i], new = values[i];                                                                                \
			uint8_t had = filled[i], ok = valid[i] != 0;                                                                     \
			uint8_t better = ok & ((had == 0) | (new > old) | ((old != old) & (new == new)));                                \
			best[i] = better ? new : old;                                                                                    \
			filled[i] = had | ok;                                                                                            \
			take[i] = better;                                                                                                \
		}                                                                                                                  \
	}
EACH_TYPE(BETTER)

#define CALL_BETTER(ID, T) case ID: better_##ID(values, valid, best, filled, take, n); return;
void combine_better(int type, const void *values, const uint8_t *valid, void *best, uint8_t *filled, uint8_t *take, ptrdiff_t n) {
	switch (type) { EACH_TYPE(CALL_BETTER) }
}

#define PUT(T)                                                                                                        \
	CLONES static void put_##T(const void *in, const uint8_t *restrict valid, const uint8_t *restrict take, void *io, uint8_t *restrict has, ptrdiff_t n) { \
		const T *restrict values = in;                                                                                     \
		T *restrict out = io;                                                                                              \
		for (ptrdiff_t i = 0; i < n; i++) {                                                                                \
			out[i] = take[i] ? values[i] : out[i];                                                                           \
			has[i] = take[i] ? valid[i] : has[i];                                                                            \
		}                                                                                                                  \
	}
PUT(uint8_t) PUT(uint16_t) PUT(uint32_t) PUT(uint64_t)

void combine_put(int size, const void *values, const uint8_t *valid, const uint8_t *take, void *out, uint8_t *has, ptrdiff_t n) {
	switch (size) {
	case 1: put_uint8_t(values, valid, take, out, has, n); return;
	case 2: put_uint16_t(values, valid, take, out, has, n); return;
	case 4: put_uint32_t(values, valid, take, out, has, n); return;
	default: put_uint64_t(values, valid, take, out, has, n);
	}
}

#define FILL_EMPTY(T)                                                                                                  \
	{                                                                                                                    \
		T *restrict to = out, one;                                                                                         \
		memcpy(&one, fill, sizeof one);                                                                                    \
		for (ptrdiff_t i = 0; i < n; i++)                                                                                  \
			to[i] = has[i] ? to[i] : one;                                                                                    \
		return;                                                                                                            \
	}
void combine_fill_empty(int size, void *out, const uint8_t *has, const void *fill, ptrdiff_t n) {
	switch (size) {
	case 1: FILL_EMPTY(uint8_t)
	case 2: FILL_EMPTY(uint16_t)
	case 4: FILL_EMPTY(uint32_t)
	default: FILL_EMPTY(uint64_t)
	}
}

// Cells whose medoid is found together.
#define LANES 64

// distances adds, for a pair of items, the distance between them to both sums, where both are valid.
CLONES static void distances(const double *restrict a, const double *restrict b, const uint64_t *restrict both_a, const uint64_t *restrict both_b,
	int bands, double *restrict sum_a, double *restrict sum_b) {
	double squares[LANES] = {0};
	for (int k = 0; k < bands; k++)
		for (int l = 0; l < LANES; l++) {
			double d = a[k * LANES + l] - b[k * LANES + l];
			squares[l] += d * d;
		}
	for (int l = 0; l < LANES; l++) {
		double d = both_a[l] & both_b[l] ? sqrt(squares[l]) : 0;
		sum_a[l] += d;
		sum_b[l] += d;
	}
}

CLONES static void choose(const double *restrict sum, const uint64_t *restrict valid, int item, double *restrict least, uint32_t *restrict chosen) {
	for (int l = 0; l < LANES; l++) {
		int take = valid[l] && (chosen[l] == UINT32_MAX || sum[l] < least[l] || (least[l] != least[l] && sum[l] == sum[l]));
		least[l] = take ? sum[l] : least[l];
		chosen[l] = take ? (uint32_t)item : chosen[l];
	}
}

#define LOAD(ID, T)                                                                                                    \
	case ID: {                                                                                                           \
		const T *values = (const T *)plane + from;                                                                         \
		for (int l = 0; l < m; l++)                                                                                        \
			to[l] = valid[l] ? (double)values[l] : 0;                                                                        \
		return;                                                                                                            \
	}
static void load(int type, const void *plane, ptrdiff_t from, int m, const uint8_t *valid, double *restrict to) {
	switch (type) { EACH_TYPE(LOAD) }
}

// Per item: its bands' values of LANES cells, then whether each is valid (all bits) and the sum of distances.
typedef struct {
	double *values, *sums;
	uint64_t *valid;
} lanes;

static void medoid_lanes(const lanes *w, int items, int bands, uint32_t *chosen) {
	memset(w->sums, 0, (size_t)items * LANES * sizeof *w->sums);
	for (int i = 0; i < items; i++)
		for (int j = i + 1; j < items; j++)
			distances(w->values + (ptrdiff_t)i * bands * LANES, w->values + (ptrdiff_t)j * bands * LANES, w->valid + (ptrdiff_t)i * LANES,
				w->valid + (ptrdiff_t)j * LANES, bands, w->sums + (ptrdiff_t)i * LANES, w->sums + (ptrdiff_t)j * LANES);
	double least[LANES];
	for (int l = 0; l < LANES; l++) {
		chosen[l] = UINT32_MAX;
		least[l] = NAN;
	}
	for (int i = 0; i < items; i++)
		choose(w->sums + (ptrdiff_t)i * LANES, w->valid + (ptrdiff_t)i * LANES, i, least, chosen);
}

int combine_medoid(int type, int size, const void *const *planes, int items, int bands, uint32_t *chosen, ptrdiff_t n) {
	size_t per_item = (size_t)(bands + 1) * LANES * sizeof(double) + LANES * sizeof(uint64_t);
	// Cells beyond the last are computed along: they must hold something.
	char *memory = calloc((size_t)items, per_item);
	if (memory == NULL)
		return -1;
	lanes w = {.values = (double *)memory};
	w.sums = w.values + (size_t)items * (size_t)bands * LANES;
	w.valid = (uint64_t *)(w.sums + (size_t)items * LANES);
	for (ptrdiff_t c = 0; c < n; c += LANES) {
		int m = n - c < LANES ? (int)(n - c) : LANES;
		uint32_t of[LANES];
		for (int i = 0; i < items; i++) {
			const uint8_t *valid = (const uint8_t *)planes[i] + (ptrdiff_t)bands * n * size + c;
			for (int l = 0; l < LANES; l++)
				w.valid[(ptrdiff_t)i * LANES + l] = l < m && valid[l] ? UINT64_MAX : 0;
			for (int k = 0; k < bands; k++)
				load(type, (const char *)planes[i] + (ptrdiff_t)k * n * size, c, m, valid, w.values + ((ptrdiff_t)i * bands + k) * LANES);
		}
		medoid_lanes(&w, items, bands, of);
		memcpy(chosen + c, of, (size_t)m * sizeof *of);
	}
	free(memory);
	return 0;
}

#define PICK(T)                                                                                                        \
	{                                                                                                                    \
		T *restrict to = out;                                                                                              \
		for (ptrdiff_t i = 0; i < n; i++) {                                                                                \
			has[i] = chosen[i] != UINT32_MAX;                                                                                \
			if (has[i])                                                                                                      \
				to[i] = ((const T *)((const char *)planes[chosen[i]] + offset))[i];                                            \
		}                                                                                                                  \
		return;                                                                                                            \
	}
void combine_pick(int size, const void *const *planes, ptrdiff_t offset, const uint32_t *chosen, void *out, uint8_t *restrict has, ptrdiff_t n) {
	switch (size) {
	case 1: PICK(uint8_t)
	case 2: PICK(uint16_t)
	case 4: PICK(uint32_t)
	default: PICK(uint64_t)
	}
}
