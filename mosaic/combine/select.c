// Methods that take one item's value as it is.
#include "combine.h"

#define CLONES __attribute__((target_clones("avx2", "default")))

// The ways to take a value, written once and made for each type: keep decides, given the value there is
// (old) and the new one, when the cell is filled already.
#define TAKE(NAME, T, KEEP)                                                                              \
	CLONES static ptrdiff_t NAME(const T *values, const uint8_t *valid, T *out, uint8_t *filled, ptrdiff_t n) { \
		ptrdiff_t fresh = 0;                                                                             \
		for (ptrdiff_t i = 0; i < n; i++) {                                                              \
			T old = out[i], new = values[i];                                                             \
			uint8_t had = filled[i], ok = valid[i] != 0;                                                 \
			int take = ok & (!had | (KEEP));                                                             \
			out[i] = take ? new : old;                                                                   \
			filled[i] = had | ok;                                                                        \
			fresh += ok & !had;                                                                          \
		}                                                                                                \
		return fresh;                                                                                    \
	}

TAKE(first8, uint8_t, 0)
TAKE(first16, uint16_t, 0)
TAKE(first32, uint32_t, 0)
TAKE(first64, uint64_t, 0)
TAKE(last8, uint8_t, 1)
TAKE(last16, uint16_t, 1)
TAKE(last32, uint32_t, 1)
TAKE(last64, uint64_t, 1)

#define SIZED(NAME)                                                                                                            \
	ptrdiff_t combine_##NAME(int size, const void *values, const uint8_t *valid, void *out, uint8_t *filled, ptrdiff_t n) {      \
		switch (size) {                                                                                                        \
		case 1: return NAME##8(values, valid, out, filled, n);                                                                 \
		case 2: return NAME##16(values, valid, out, filled, n);                                                                \
		case 4: return NAME##32(values, valid, out, filled, n);                                                                \
		default: return NAME##64(values, valid, out, filled, n);                                                               \
		}                                                                                                                      \
	}
SIZED(first)
SIZED(last)

#define EACH_TYPE(X)                                                                                                           \
	X(0, uint8_t) X(1, int8_t) X(2, uint16_t) X(3, int16_t) X(4, uint32_t) X(5, int32_t) X(6, uint64_t) X(7, int64_t)            \
	X(8, float) X(9, double)

#define EXTREMES(ID, T) TAKE(highest_##ID, T, new > old) TAKE(lowest_##ID, T, new < old)
EACH_TYPE(EXTREMES)

#define HIGHEST(ID, T) case ID: return highest_##ID(values, valid, out, filled, n);
#define LOWEST(ID, T) case ID: return lowest_##ID(values, valid, out, filled, n);

ptrdiff_t combine_highest(int type, const void *values, const uint8_t *valid, void *out, uint8_t *filled, ptrdiff_t n) {
	switch (type) { EACH_TYPE(HIGHEST) }
	return 0;
}

ptrdiff_t combine_lowest(int type, const void *values, const uint8_t *valid, void *out, uint8_t *filled, ptrdiff_t n) {
	switch (type) { EACH_TYPE(LOWEST) }
	return 0;
}

#define CONVERT(S, D)                                                                                                          \
	{                                                                                                                          \
		const S *a = in;                                                                                                       \
		D *b = out;                                                                                                            \
		for (ptrdiff_t i = 0; i < n; i++) b[i] = (D)a[i];                                                                      \
		return;                                                                                                                \
	}

// The list once more: a macro cannot expand inside itself.
#define EACH_TARGET(X)                                                                                                         \
	X(0, uint8_t) X(1, int8_t) X(2, uint16_t) X(3, int16_t) X(4, uint32_t) X(5, int32_t) X(6, uint64_t) X(7, int64_t)            \
	X(8, float) X(9, double)

#define TO(ID, D) case ID: CONVERT(SOURCE, D)
#define FROM(NAME, S)                                                                                                          \
	CLONES static void NAME(int dst, const void *in, void *out, ptrdiff_t n) {                                                   \
		typedef S SOURCE;                                                                                                      \
		switch (dst) { EACH_TARGET(TO) }                                                                                        \
	}
#define FROM_EACH(ID, S) FROM(convert_##ID, S)
EACH_TYPE(FROM_EACH)

#define DISPATCH(ID, S) case ID: convert_##ID(dst, in, out, n); return;
void combine_convert(int src, int dst, const void *in, void *out, ptrdiff_t n) {
	switch (src) { EACH_TYPE(DISPATCH) }
}
