// Methods that take one item's value as it is.
#include "types.h"

// The ways to take a value, written once and made for each type: keep decides, given the value there is
// (old) and the new one, when the cell is filled already.
#define TAKE(NAME, T, KEEP)                                                                              \
	CLONES static ptrdiff_t NAME(const T *restrict values, const uint8_t *restrict valid, T *restrict out, uint8_t *restrict filled, ptrdiff_t n) { \
		ptrdiff_t fresh = 0;                                                                             \
		for (ptrdiff_t i = 0; i < n; i++) {                                                              \
			T old = out[i], new = values[i];                                                             \
			uint8_t had = filled[i], ok = valid[i] != 0;                                                 \
			int take = ok & ((had == 0) | (KEEP));                                                             \
			out[i] = take ? new : old;                                                                   \
			filled[i] = had | ok;                                                                        \
			fresh += ok & (had == 0);                                                                          \
		}                                                                                                \
		return fresh;                                                                                    \
	}

typedef struct { uint64_t parts[2]; } uint64_pair; // complex128

TAKE(first8, uint8_t, 0)
TAKE(first16, uint16_t, 0)
TAKE(first32, uint32_t, 0)
TAKE(first64, uint64_t, 0)
TAKE(first128, uint64_pair, 0)
TAKE(last8, uint8_t, 1)
TAKE(last16, uint16_t, 1)
TAKE(last32, uint32_t, 1)
TAKE(last64, uint64_t, 1)
TAKE(last128, uint64_pair, 1)

#define PLACE(NAME, T)                                                                                    \
	CLONES static void NAME(const T *restrict values, const uint8_t *restrict valid, T fill, T *restrict out, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t cols) { \
		for (ptrdiff_t r = 0; r < rows; r++, values += cols, valid += cols, out += stride)                  \
			for (ptrdiff_t i = 0; i < cols; i++)                                                              \
				out[i] = valid[i] != 0 ? values[i] : fill;                                                      \
	}

PLACE(place8, uint8_t)
PLACE(place16, uint16_t)
PLACE(place32, uint32_t)
PLACE(place64, uint64_t)
PLACE(place128, uint64_pair)

void combine_place(int size, const void *values, const uint8_t *valid, const void *fill, void *out, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t cols) {
	union { uint8_t b1; uint16_t b2; uint32_t b4; uint64_t b8; uint64_pair b16; } one;
	memcpy(&one, fill, (size_t)size);
	switch (size) {
	case 1: place8(values, valid, one.b1, out, stride, rows, cols); break;
	case 2: place16(values, valid, one.b2, out, stride, rows, cols); break;
	case 4: place32(values, valid, one.b4, out, stride, rows, cols); break;
	case 16: place128(values, valid, one.b16, out, stride, rows, cols); break;
	default: place64(values, valid, one.b8, out, stride, rows, cols); break;
	}
}

#define SIZED(NAME)                                                                                                            \
	ptrdiff_t combine_##NAME(int size, const void *values, const uint8_t *valid, void *out, uint8_t *filled, ptrdiff_t n) {      \
		switch (size) {                                                                                                        \
		case 1: return NAME##8(values, valid, out, filled, n);                                                                 \
		case 2: return NAME##16(values, valid, out, filled, n);                                                                \
		case 4: return NAME##32(values, valid, out, filled, n);                                                                \
		case 16: return NAME##128(values, valid, out, filled, n);                                                                \
		default: return NAME##64(values, valid, out, filled, n);                                                               \
		}                                                                                                                      \
	}
SIZED(first)
SIZED(last)

// A NaN that is valid gives way to any other value.
#define EXTREMES(ID, T) TAKE(highest_##ID, T, (new > old) | (old != old)) TAKE(lowest_##ID, T, (new < old) | (old != old))
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
