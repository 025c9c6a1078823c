// Masks: which pixels hide others. Loops are over bytes, written so that compilers vectorise them.
#pragma GCC optimize("fp-contract=off", "no-trapping-math", "no-math-errno")

#include "mask.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

void mask_look_up(int size, const void *pixels, const uint8_t *table, uint8_t *restrict flags, ptrdiff_t n) {
	if (size == 1) {
		const uint8_t *p = pixels;
		for (ptrdiff_t i = 0; i < n; i++)
			flags[i] = table[p[i]];
		return;
	}
	const uint16_t *p = pixels;
	for (ptrdiff_t i = 0; i < n; i++)
		flags[i] = table[p[i]];
}

#define FIND(T)                                                                          \
	{                                                                                      \
		const T *p = pixels;                                                                 \
		for (ptrdiff_t i = 0; i < n; i++) {                                                  \
			int64_t v = (int64_t)p[i];                                                         \
			uint8_t flag = ((uint64_t)v & bits) != 0;                                          \
			for (int k = 0; k < count; k++)                                                    \
				flag |= (v >= ranges[2 * k]) & (v <= ranges[2 * k + 1]);                         \
			flags[i] = flag;                                                                   \
		}                                                                                    \
		return;                                                                              \
	}

void mask_find(int type, const void *pixels, uint64_t bits, const int64_t *ranges, int count, uint8_t *restrict flags, ptrdiff_t n) {
	switch (type) {
	case 4: FIND(uint32_t)
	case 5: FIND(int32_t)
	default: FIND(int64_t) // unsigned 64-bit numbers too: their ranges end below 2^63
	}
}

// distances writes how far each pixel of a row is from a set one of the same row.
static void distances(const uint8_t *flags, int width, uint16_t *restrict d) {
	int32_t last = -MASK_FAR;
	for (int x = 0; x < width; x++) {
		last = flags[x] ? x : last;
		d[x] = (uint16_t)(x - last < MASK_FAR ? x - last : MASK_FAR);
	}
	last = INT32_MAX / 2;
	for (int x = width - 1; x >= 0; x--) {
		last = flags[x] ? x : last;
		if (last - x < d[x])
			d[x] = (uint16_t)(last - x);
	}
}

CLONES static void within(uint8_t *restrict flags, const uint16_t *restrict d, int width, uint16_t half) {
	for (int x = 0; x < width; x++)
		flags[x] |= d[x] <= half;
}

void mask_dilate(uint8_t *flags, int height, int width, int radius, uint16_t *distance) {
	int any = 0;
	for (int y = 0; y < height; y++) {
		distances(flags + (ptrdiff_t)y * width, width, distance + (ptrdiff_t)y * width);
		any |= memchr(flags + (ptrdiff_t)y * width, 1, (size_t)width) != NULL;
	}
	if (!any)
		return;
	// A disc is as wide as sqrt(r^2 - dy^2) at dy rows from its centre.
	for (int dy = -radius; dy <= radius; dy++) {
		double chord = sqrt((double)radius * radius - (double)dy * dy);
		uint16_t half = (uint16_t)(chord < MASK_FAR - 1 ? chord : MASK_FAR - 1);
		for (int y = dy < 0 ? -dy : 0; y < height && y + dy < height; y++)
			within(flags + (ptrdiff_t)y * width, distance + (ptrdiff_t)(y + dy) * width, width, half);
	}
}

// floored is floor(v) as far as it matters: what is out of range is -1.
static int32_t floored(double v) {
	v = floor(v);
	return v >= 0 && v < INT32_MAX ? (int32_t)v : -1;
}

CLONES static void clear_row(uint8_t *restrict valid, const uint8_t *flags, const int32_t *columns, int width) {
	for (int x = 0; x < width; x++)
		if (columns[x] >= 0)
			valid[x] &= (uint8_t)(flags[columns[x]] == 0);
}

// straight is mask_drop where rows and columns of both rasters run alike.
static void straight(uint8_t *valid, int row, int col, int height, int width, const double *map, double epsilon, const uint8_t *flags,
	int mask_row, int mask_col, int mask_height, int mask_width, int32_t *columns) {
	for (int x = 0; x < width; x++) {
		int32_t at = floored(map[0] * (col + x + 0.5) + map[2] + epsilon);
		columns[x] = at >= mask_col && at < mask_col + mask_width ? at - mask_col : -1;
	}
	for (int y = 0; y < height; y++) {
		int32_t at = floored(map[4] * (row + y + 0.5) + map[5] + epsilon);
		if (at >= mask_row && at < mask_row + mask_height)
			clear_row(valid + (ptrdiff_t)y * width, flags + (ptrdiff_t)(at - mask_row) * mask_width, columns, width);
	}
}

void mask_drop(uint8_t *valid, int row, int col, int height, int width, const double *map, double epsilon,
	const uint8_t *flags, int mask_row, int mask_col, int mask_height, int mask_width, int32_t *columns) {
	if (map[1] == 0 && map[3] == 0) {
		straight(valid, row, col, height, width, map, epsilon, flags, mask_row, mask_col, mask_height, mask_width, columns);
		return;
	}
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++) {
			double px = col + x + 0.5, py = row + y + 0.5;
			int32_t c = floored(map[0] * px + map[1] * py + map[2] + epsilon), r = floored(map[3] * px + map[4] * py + map[5] + epsilon);
			if (c >= mask_col && c < mask_col + mask_width && r >= mask_row && r < mask_row + mask_height &&
				flags[(ptrdiff_t)(r - mask_row) * mask_width + c - mask_col])
				valid[(ptrdiff_t)y * width + x] = 0;
		}
}

int64_t mask_count(const uint8_t *flags, ptrdiff_t n) {
	int64_t sum = 0;
	for (ptrdiff_t i = 0; i < n; i++)
		sum += flags[i] != 0;
	return sum;
}
