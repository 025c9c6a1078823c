// The pixel types, in the order of core.DTypes.
#ifndef COMBINE_TYPES_H
#define COMBINE_TYPES_H

// Contraction to FMA would let the loop that computed a cell show in its last bit. (Set by build.sh too.)
#pragma GCC optimize("fp-contract=off", "no-math-errno", "no-trapping-math")

#include <math.h>
#include <string.h>

#include "combine.h"

// The instruction set is chosen when the library is loaded; every one gives the same bits.
#if defined(__x86_64__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

#define EACH_TYPE(X)                                                                                        \
	X(0, uint8_t) X(1, int8_t) X(2, uint16_t) X(3, int16_t) X(4, uint32_t) X(5, int32_t) X(6, uint64_t)      \
	X(7, int64_t) X(8, float) X(9, double)

#endif
