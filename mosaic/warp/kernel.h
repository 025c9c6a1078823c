// Shared by the resampling kernels. Terms: a raster is the window of a level that is in memory; a tap
// is a source pixel under a kernel; a target pixel is full when all its taps are valid, else partial.
#ifndef WARP_KERNEL_H
#define WARP_KERNEL_H

// Set by build.sh too; here so that no other way of building can change pixels.
#pragma GCC optimize("fp-contract=off", "no-trapping-math", "no-math-errno")

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// The order of Go's Kernel constants.
enum kernel {
	NEAREST, BILINEAR, CUBIC, CUBIC_SPLINE, LANCZOS,
	AVERAGE, RMS, MODE, MIN, MAX, MED, Q1, Q3, SUM,
};

// A coordinate this little below a pixel's edge belongs to the next pixel, as in GDAL's warper.
#define EPSILON 1e-10

// One function per instruction set, chosen when the library is loaded. All give the same bits:
// contraction to FMA is off and the order of operations is written out.
#if defined(__x86_64__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif
#define INLINE static inline __attribute__((always_inline))

typedef struct {
	const void *pix;      // the window's first pixel
	ptrdiff_t stride;     // pixels from row to row
	int row, col;         // the window's place in the level
	int height, width;    // of the window
	int level_height, level_width;
	const uint8_t *ok;    // width x height, 1 where valid, packed; NULL: all valid
	const uint8_t *full;  // 1 where the taps x taps window from here on is valid; NULL with ok
} raster;

// size_of_type is a pixel's bytes, by the position of its type in core.DTypes.
INLINE int size_of_type(int dtype) {
	static const uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 8, 8, 4, 8};
	return sizes[dtype];
}

// touch asks for a window's memory ahead of the kernel that will read it. The rows of a window lie a tile's width apart, so
// that the processor does not guess them, and kernels along a row wait for each one in turn. What is more than the first
// caches hold is left to come when it is read.
INLINE void touch(const raster *r, int size) {
	enum { LINE = 64, MOST = 128 << 10 };
	const ptrdiff_t bytes = (ptrdiff_t)r->width * size, stride = r->stride * size;
	if (bytes * r->height > MOST)
		return;
	const char *row = r->pix;
	for (int y = 0; y < r->height; y++, row += stride) {
		for (ptrdiff_t x = 0; x < bytes; x += LINE)
			__builtin_prefetch(row + x, 0, 3);
		__builtin_prefetch(row + bytes - 1, 0, 3);
	}
}

#define CONCAT_(a, b) a##_##b
#define CONCAT(a, b) CONCAT_(a, b)
#define NAME(f) CONCAT(f, TAG)

// EACH_TAG(X) applies X to the tag of every pixel type, in the order of core.DTypes.
#define EACH_TAG(X) X(u8) X(i8) X(u16) X(i16) X(u32) X(i32) X(u64) X(i64) X(f32) X(f64)

#endif
