// Values of one type as values of another.
#include "types.h"

// The range of each integer type as float64, and its ends.
#define LOW_uint8_t 0
#define LOW_int8_t INT8_MIN
#define LOW_uint16_t 0
#define LOW_int16_t INT16_MIN
#define LOW_uint32_t 0
#define LOW_int32_t INT32_MIN
#define LOW_uint64_t 0
#define LOW_int64_t INT64_MIN
#define HIGH_uint8_t UINT8_MAX
#define HIGH_int8_t INT8_MAX
#define HIGH_uint16_t UINT16_MAX
#define HIGH_int16_t INT16_MAX
#define HIGH_uint32_t UINT32_MAX
#define HIGH_int32_t INT32_MAX
#define HIGH_uint64_t UINT64_MAX
#define HIGH_int64_t INT64_MAX

// A float goes to the nearest integer of the range: C leaves the rest undefined.
#define NEAREST(D)                                                                                         \
	static D nearest_##D(double v) {                                                                         \
		v = rint(v);                                                                                           \
		return v != v ? 0 : v <= (double)LOW_##D ? LOW_##D : v >= (double)HIGH_##D ? HIGH_##D : (D)v;          \
	}
NEAREST(uint8_t) NEAREST(int8_t) NEAREST(uint16_t) NEAREST(int16_t) NEAREST(uint32_t) NEAREST(int32_t) NEAREST(uint64_t) NEAREST(int64_t)

#define LOOP(D, VALUE)                                                                                     \
	{                                                                                                        \
		D *restrict b = out;                                                                                   \
		for (ptrdiff_t i = 0; i < n; i++)                                                                      \
			b[i] = VALUE;                                                                                        \
		return;                                                                                                \
	}
#define CAST(ID, D) case ID: LOOP(D, (D)a[i])
#define ROUNDED(ID, D) case ID: LOOP(D, nearest_##D((double)a[i]))
#define FLOATS(X) X(8, float) X(9, double)
// The lists of targets once more as those of sources: a macro cannot expand inside itself.
#define INTEGERS(X)                                                                                        \
	X(0, uint8_t) X(1, int8_t) X(2, uint16_t) X(3, int16_t) X(4, uint32_t) X(5, int32_t) X(6, uint64_t) X(7, int64_t)

#define SOURCE_INTEGERS(X)                                                                                 \
	X(0, uint8_t) X(1, int8_t) X(2, uint16_t) X(3, int16_t) X(4, uint32_t) X(5, int32_t) X(6, uint64_t) X(7, int64_t)
#define SOURCE_FLOATS(X) X(8, float) X(9, double)

#define FROM_INTEGER(ID, S)                                                                                \
	CLONES static void from_##S(int dst, const void *in, void *restrict out, ptrdiff_t n) {                   \
		const S *restrict a = in;                                                                              \
		switch (dst) { INTEGERS(CAST) FLOATS(CAST) }                                                            \
	}
#define FROM_FLOAT(ID, S)                                                                                  \
	CLONES static void from_##S(int dst, const void *in, void *restrict out, ptrdiff_t n) {                   \
		const S *restrict a = in;                                                                              \
		switch (dst) { INTEGERS(ROUNDED) FLOATS(CAST) }                                                         \
	}
SOURCE_INTEGERS(FROM_INTEGER)
SOURCE_FLOATS(FROM_FLOAT)

#define DISPATCH(ID, S) case ID: from_##S(dst, in, out, n); return;
void combine_convert(int src, int dst, const void *in, void *out, ptrdiff_t n) {
	switch (src) { EACH_TYPE(DISPATCH) }
}
