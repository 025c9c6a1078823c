#include "round.h"

#undef TO_KEY
#undef FROM_KEY
#if IS_FLOAT
// Integers in the order of the floats: negative ones have their other bits flipped. NaN come last.
INLINE KEY NAME(flip)(KEY k) { return k ^ ((k >> (8 * sizeof(KEY) - 1)) & KEY_MAX); }
INLINE KEY NAME(to_key)(T v) {
	KEY k;
	memcpy(&k, &v, sizeof k);
	return NAME(flip)(k);
}
INLINE T NAME(from_key)(KEY k) {
	T v;
	k = NAME(flip)(k);
	memcpy(&v, &k, sizeof v);
	return v;
}
#define TO_KEY(v) NAME(to_key)(v)
#define FROM_KEY(k) NAME(from_key)(k)
#else
#define TO_KEY(v) (v)
#define FROM_KEY(k) (k)
#endif

// inside cuts a box to the window, so that memory outside is never read.
INLINE box NAME(inside)(const raster *r, const box *b) {
	box c = *b;
	c.x0 = c.x0 > r->col ? c.x0 : r->col;
	c.y0 = c.y0 > r->row ? c.y0 : r->row;
	c.x1 = c.x1 < r->col + r->width ? c.x1 : r->col + r->width;
	c.y1 = c.y1 < r->row + r->height ? c.y1 : r->row + r->height;
	return c;
}

// EACH_PIXEL runs over the valid pixels of box c, row by row, with v, x and y.
#define EACH_PIXEL(...)                                                                            \
	for (int y = c.y0; y < c.y1; y++) {                                                              \
		const T *line_ = (const T *)r->pix + (y - r->row) * r->stride - r->col;                        \
		const uint8_t *ok_ = r->ok == NULL ? NULL : r->ok + (ptrdiff_t)(y - r->row) * r->width - r->col; \
		for (int x = c.x0; x < c.x1; x++) {                                                            \
			if (ok_ != NULL && !ok_[x])                                                                  \
				continue;                                                                                  \
			T v = line_[x];                                                                              \
			__VA_ARGS__                                                                                  \
		}                                                                                              \
	}
// The weight of pixel (x, y) in box b.
#define WEIGHT_Y (y == b->y0 ? b->top : y + 1 == b->y1 ? b->bottom : 1)
#define WEIGHT (WEIGHT_Y * (x == b->x0 ? b->left : x + 1 == b->x1 ? b->right : 1))

// mean_in_order is GDAL's weighted incremental mean, operation by operation: at a half, its last bit decides.
static int NAME(mean_in_order)(const raster *r, const box *b, double *mean) {
	box c = NAME(inside)(r, b);
	double total = 0, m = 0;
	EACH_PIXEL({
		double w = WEIGHT;
		if (w > 0) {
			total += w;
			m += (w / total) * ((double)v - m);
		}
	})
	*mean = m;
	return total > 0;
}

#if !IS_FLOAT && BYTES < 8
// A quick mean closer to a half than this is not good enough: there the order of operations decides. Quick means err
// by far less.
#define UNSURE (SMALL ? 1e-4 : 1e-3)
#if SMALL
#define WHOLE int32_t
#else
#define WHOLE int64_t
#endif

typedef double NAME(four) __attribute__((vector_size(32)));
typedef T NAME(four_raw) __attribute__((vector_size(4 * BYTES)));

INLINE void NAME(load_four)(const T *at, NAME(four) *out) {
	NAME(four_raw) raw;
	memcpy(&raw, at, sizeof raw);
#if SMALL // by way of int32, which processors convert in one step
	typedef int32_t ints __attribute__((vector_size(16)));
	*out = __builtin_convertvector(__builtin_convertvector(raw, ints), NAME(four));
#else
	*out = __builtin_convertvector(raw, NAME(four));
#endif
}

// add_line adds a line of pixels, times a weight.
INLINE void NAME(add_line)(const T *at, double weight, int vectors, NAME(four) *sum) {
	for (int k = 0; k < vectors; k++) {
		NAME(four) v;
		NAME(load_four)(at + 4 * k, &v);
		sum[k] += v * weight;
	}
}

// sums_of gives the weighted sums of boxes of up to 4 * vectors columns without an invalid pixel, a row at a time:
// beyond the box weights are 0. It gives 0 where such vectors reach beyond the window's memory.
INLINE int NAME(sums_of)(const raster *r, int n, const boxes *b, const grid *g, int vectors, double *restrict sums) {
	const T *pix = r->pix, *end = pix + (r->height - 1) * r->stride + r->width;
	for (int l = 0; l < n; l++) {
		const T *at = pix + g->at[l], *bottom = at + (g->height[l] - 1) * r->stride;
		if (g->width[l] == 0) // worked on apart
			continue;
		if (end - bottom < 4 * vectors)
			return 0;
		NAME(four) sum[2] = {{0}, {0}}, first = {b->left[l] - 1};
		NAME(add_line)(at, b->top[l], vectors, sum);
		for (at += r->stride; at < bottom; at += r->stride)
			NAME(add_line)(at, 1, vectors, sum);
		if (g->height[l] > 1)
			NAME(add_line)(bottom, b->bottom[l], vectors, sum);
		for (int k = 0; k < vectors; k++) {
			NAME(four) inside, last;
			memcpy(&inside, area_inside[g->width[l]] + 4 * k, sizeof inside);
			memcpy(&last, area_last[g->width[l]] + 4 * k, sizeof last);
			inside += last * (b->right[l] - 1);
			sum[k] *= k == 0 ? inside + first : inside;
		}
		sum[0] += sum[1];
		sums[l] = (sum[0][0] + sum[0][2]) + (sum[0][1] + sum[0][3]);
	}
	return 1;
}

// quick_averages is averages_in_order where every pixel is valid, not in GDAL's order. It gives how many of the means
// are too close to a half for that, and n where it cannot tell.
CLONES static int NAME(quick_averages)(const raster *r, int n, const boxes *b, const grid *g, T *restrict out, uint8_t *restrict valid) {
	double sums[LANES] = {0};
	if (!(g->widest <= 4 ? NAME(sums_of)(r, n, b, g, 1, sums) : NAME(sums_of)(r, n, b, g, 2, sums)))
		return n;
	double mean[LANES], area[LANES];
	for (int l = 0; l < n; l++) {
		double w = g->width[l], h = g->height[l], right = b->right[l] - 1, bottom = b->bottom[l] - 1;
		w += (b->left[l] - 1) + (w > 1 ? right : 0); // less what the outermost pixels lack
		h += (b->top[l] - 1) + (h > 1 ? bottom : 0);
		area[l] = w * h;
		mean[l] = sums[l] / (area[l] > 1e-6 ? area[l] : 1);
	}
	int64_t unsure = 0;
	for (int l = 0; l < n; l++) {
		double half = fabs(mean[l] - floor(mean[l]) - 0.5);
		unsure += half > UNSURE && area[l] > 1e-6 ? 0 : g->width[l] > 0;
	}
	for (int l = 0; l < n; l++)
		out[l] = (T)(WHOLE)floor(mean[l] + 0.5);
	for (int l = 0; l < n; l++)
		valid[l] = g->width[l] > 0;
	return (int)unsure;
}

// mean_of_box is the mean of a large box without an invalid pixel, quick but not in GDAL's order: good where
// it is not so near a half that the order decides.
static int NAME(mean_of_box)(const raster *r, const box *b, double *mean) {
	const T *at = (const T *)r->pix + (b->y0 - r->row) * r->stride + (b->x0 - r->col);
	int w = b->x1 - b->x0, h = b->y1 - b->y0;
	double sum = 0;
	for (int y = 0; y < h; y++, at += r->stride) {
		double line = b->left * (double)at[0];
		if (w > 1) {
			int64_t middle = 0;
			for (int x = 1; x < w - 1; x++)
				middle += at[x];
			line += (double)middle;
			line += b->right * (double)at[w - 1];
		}
		sum += line * (y == 0 ? b->top : y + 1 == h ? b->bottom : 1);
	}
	double wide = w > 1 ? b->left + (w - 2) + b->right : 1, high = h > 1 ? b->top + (h - 2) + b->bottom : 1;
	double v = sum / (wide * high), half = v - floor(v) - 0.5;
	*mean = v;
	return half > UNSURE || half < -UNSURE;
}
#endif

static int NAME(average)(const raster *r, const box *b, T *out) {
	double v = 0;
#if !IS_FLOAT && BYTES < 8
	int within = b->x0 >= r->col && b->y0 >= r->row && b->x1 <= r->col + r->width && b->y1 <= r->row + r->height;
	if (r->ok == NULL && within && b->x0 < b->x1 && b->y0 < b->y1 && NAME(mean_of_box)(r, b, &v)) {
		*out = ROUND(v);
		return 1;
	}
#endif
	int some = NAME(mean_in_order)(r, b, &v);
	*out = ROUND(v);
	return some;
}

// take loads pixel (i, j) of every box, and whether it is there and valid.
INLINE void NAME(take)(const raster *r, const grid *g, int i, int j, T *restrict v, int32_t *restrict has) {
	const T *restrict pix = r->pix;
	int32_t at[LANES], ok[LANES];
	area_step(r, g, i, j, at, ok, has);
	for (int l = 0; l < LANES; l++)
		v[l] = pix[at[l]];
	if (r->ok != NULL)
		for (int l = 0; l < LANES; l++)
			has[l] &= r->ok[ok[l]];
}

// averages_in_order is mean_in_order for all boxes of the grid at once.
CLONES static void NAME(averages_in_order)(const raster *r, int n, const boxes *b, const grid *g, T *restrict out, uint8_t *restrict valid) {
	double total[LANES] = {0}, mean[LANES] = {0};
	for (int j = 0; j < g->highest; j++)
		for (int i = 0; i < g->widest; i++) {
			T v[LANES];
			int32_t has[LANES];
			NAME(take)(r, g, i, j, v, has);
			for (int l = 0; l < LANES; l++) {
				double wx = i == 0 ? b->left[l] : i + 1 == g->width[l] ? b->right[l] : 1;
				double wy = j == 0 ? b->top[l] : j + 1 == g->height[l] ? b->bottom[l] : 1;
				double w = wy * wx;
				w = has[l] ? w : 0;
				double t = total[l] + w, next = mean[l] + (w / t) * ((double)v[l] - mean[l]);
				mean[l] = w > 0 ? next : mean[l];
				total[l] = w > 0 ? t : total[l];
			}
		}
	for (int l = 0; l < n; l++) {
		out[l] = ROUND(mean[l]);
		valid[l] = total[l] > 0;
	}
}

// averages gives the means of all boxes of the grid. Where many were halves, so will be those to come, since the grids lie
// to one another alike: from then on in_order says so.
static void NAME(averages)(const raster *r, int n, const boxes *b, const grid *g, int *in_order, T *out, uint8_t *valid) {
#if !IS_FLOAT && BYTES < 8
	if (r->ok == NULL && !*in_order) {
		int unsure = NAME(quick_averages)(r, n, b, g, out, valid);
		if (unsure == 0)
			return;
		*in_order = unsure > LANES / 16 && unsure < n;
	}
#else
	(void)in_order;
#endif
	NAME(averages_in_order)(r, n, b, g, out, valid);
}

static int NAME(rms)(const raster *r, const box *b, T *out) {
	box c = NAME(inside)(r, b);
	double sum = 0, total = 0;
	EACH_PIXEL({
		double w = WEIGHT;
		total += w;
		sum += (double)v * (double)v * w;
	})
	if (!(total > 0))
		return 0;
	double root = sqrt(sum / total);
	*out = ROUND(root);
	return 1;
}

static int NAME(extreme)(const raster *r, const box *b, enum kernel kernel, T *out) {
	box c = NAME(inside)(r, b);
	int some = 0;
	T low = 0, high = 0;
	EACH_PIXEL({
		if (!some || low != low)
			low = high = v;
		some = 1;
		low = v < low ? v : low;
		high = v > high ? v : high;
	})
	*out = kernel == MIN ? low : high;
	return some;
}

// The mode is the value that is the first to be counted most often, row by row.
INLINE KEY NAME(counted)(T v) {
#if IS_FLOAT
	v = v == 0 ? 0 : v != v ? (T)NAN : v;
#endif
	KEY k;
	memcpy(&k, &v, sizeof k);
	return k;
}

static int NAME(mode_of_list)(const raster *r, const box *c_, T *out) {
	box c = *c_;
	KEY keys[MOST_LISTED];
	int counts[MOST_LISTED], n = 0, most = 0;
	EACH_PIXEL({
		KEY k = NAME(counted)(v);
		int i = 0;
		while (i < n && keys[i] != k)
			i++;
		if (i == n) {
			keys[n] = k;
			counts[n++] = 0;
		}
		if (++counts[i] > most) {
			most = counts[i];
			*out = v;
		}
	})
	return most > 0;
}

// A table of NAME(slot) with open addressing; count 0 is free.
typedef struct {
	KEY key;
	int32_t count;
} NAME(slot);

static int NAME(mode_of_table)(const raster *r, const box *c_, NAME(slot) *table, int bits, T *out) {
	box c = *c_;
	uint64_t last = ((uint64_t)1 << bits) - 1;
	int32_t most = 0;
	memset(table, 0, sizeof *table << bits);
	EACH_PIXEL({
		KEY k = NAME(counted)(v);
		uint64_t i = ((uint64_t)k * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - bits);
		while (table[i].count != 0 && table[i].key != k)
			i = (i + 1) & last;
		table[i].key = k;
		if (++table[i].count > most) {
			most = table[i].count;
			*out = v;
		}
	})
	return most > 0;
}

// A buffer of one call that grows with the largest box.
typedef struct {
	void *data;
	size_t size;
} NAME(room);

static void *NAME(grow)(NAME(room) *room, size_t size) {
	if (size > room->size) {
		free(room->data);
		room->data = malloc(size);
		room->size = room->data == NULL ? 0 : size;
	}
	return room->data;
}

static int NAME(mode)(const raster *r, const box *b, NAME(room) *room, T *out) {
	box c = NAME(inside)(r, b);
	if (c.x0 >= c.x1 || c.y0 >= c.y1)
		return 0;
	size_t n = (size_t)(c.x1 - c.x0) * (size_t)(c.y1 - c.y0);
	if (n <= MOST_LISTED)
		return NAME(mode_of_list)(r, &c, out);
	int bits = 1;
	while (((size_t)1 << bits) < 2 * n)
		bits++;
	NAME(slot) *table = NAME(grow)(room, sizeof *table << bits);
	return table == NULL ? -1 : NAME(mode_of_table)(r, &c, table, bits, out);
}

// rank is the position of a quantile among n sorted values, as GDAL takes it.
INLINE ptrdiff_t NAME(rank)(enum kernel kernel, ptrdiff_t n) {
	double q = kernel == Q1 ? 0.25 : kernel == Q3 ? 0.75 : 0.5;
	return (ptrdiff_t)ceil(q * (double)n - 1);
}

// select finds the element of a rank among n keys, which it reorders (Hoare's quickselect).
static KEY NAME(select)(KEY *keys, ptrdiff_t n, ptrdiff_t rank) {
	ptrdiff_t low = 0, high = n - 1;
	while (low < high) {
		KEY pivot = keys[low + (high - low) / 2];
		ptrdiff_t i = low, j = high;
		while (i <= j) {
			while (keys[i] < pivot)
				i++;
			while (keys[j] > pivot)
				j--;
			if (i <= j) {
				KEY swap = keys[i];
				keys[i++] = keys[j];
				keys[j--] = swap;
			}
		}
		if (rank <= j)
			high = j;
		else if (rank >= i)
			low = i;
		else
			break;
	}
	return keys[rank];
}

static int NAME(quantile)(const raster *r, const box *b, enum kernel kernel, NAME(room) *room, T *out) {
	box c = NAME(inside)(r, b);
	if (c.x0 >= c.x1 || c.y0 >= c.y1)
		return 0;
	KEY *keys = NAME(grow)(room, (size_t)(c.x1 - c.x0) * (size_t)(c.y1 - c.y0) * sizeof *keys);
	if (keys == NULL)
		return -1;
	ptrdiff_t n = 0;
	EACH_PIXEL({
		(void)x;
		keys[n++] = TO_KEY(v);
	})
	if (n == 0)
		return 0;
	*out = FROM_KEY(NAME(select)(keys, n, NAME(rank)(kernel, n)));
	return 1;
}

// sort orders n rows of LANES columns, each column by itself: Batcher's odd-even merge sort, whose
// comparisons do not depend on the data.
CLONES static void NAME(sort)(KEY (*restrict keys)[LANES], int n) {
	for (int p = 1; p < n; p *= 2)
		for (int k = p; k >= 1; k /= 2)
			for (int j = k % p; j + k < n; j += 2 * k)
				for (int i = j; i < j + k && i + k < n; i++) {
					if (i / (2 * p) != (i + k) / (2 * p))
						continue;
					KEY *restrict a = keys[i], *restrict b = keys[i + k];
					for (int l = 0; l < LANES; l++) {
						KEY low = a[l] < b[l] ? a[l] : b[l], high = a[l] < b[l] ? b[l] : a[l];
						a[l] = low;
						b[l] = high;
					}
				}
}

// quantiles is quantile for all boxes of the grid at once, by sorting them side by side. What a box lacks
// sorts to its end.
CLONES static void NAME(quantiles)(const raster *r, int n, const grid *g, enum kernel kernel, T *restrict out, uint8_t *restrict valid) {
	KEY keys[SIDE * SIDE][LANES];
	int32_t count[LANES] = {0};
	int most = 0;
	for (int j = 0; j < g->highest; j++)
		for (int i = 0; i < g->widest; i++) {
			T v[LANES];
			int32_t has[LANES];
			NAME(take)(r, g, i, j, v, has);
			KEY *restrict line = keys[most++];
			for (int l = 0; l < LANES; l++) {
				KEY k = TO_KEY(v[l]);
				line[l] = has[l] ? k : KEY_MAX;
				count[l] += has[l];
			}
		}
	NAME(sort)(keys, most);
	for (int l = 0; l < n; l++) {
		valid[l] = count[l] > 0;
		out[l] = count[l] > 0 ? FROM_KEY(keys[NAME(rank)(kernel, count[l])][l]) : 0;
	}
}

// sum shares out the source pixels that a quadrilateral touches.
static int NAME(sum)(const raster *r, const double quad[4][2], T *out) {
	double low[2], high[2];
	for (int a = 0; a < 2; a++) {
		low[a] = high[a] = quad[0][a];
		for (int i = 0; i < 4; i++) {
			if (quad[i][a] != quad[i][a])
				return 0;
			low[a] = quad[i][a] < low[a] ? quad[i][a] : low[a];
			high[a] = quad[i][a] > high[a] ? quad[i][a] : high[a];
		}
	}
	int from[2] = {r->col, r->row}, to[2] = {r->col + r->width, r->row + r->height};
	for (int a = 0; a < 2; a++) {
		if (!(low[a] < to[a] && high[a] > from[a]))
			return 0;
		from[a] = low[a] > from[a] ? (int)floor(low[a]) : from[a];
		to[a] = high[a] < to[a] ? (int)ceil(high[a]) : to[a];
	}
	box c = {.x0 = from[0], .y0 = from[1], .x1 = to[0], .y1 = to[1]};
	int upright = area_upright(quad);
	double sum = 0, total = 0;
	EACH_PIXEL({
		double w = upright ? area_overlap(low[0], high[0], x) * area_overlap(low[1], high[1], y) : area_covered(quad, x, y);
		if (w > 0) {
			total += w;
			sum += (double)v * w;
		}
	})
	*out = ROUND(sum);
	return total > 0;
}

// one computes one target pixel: 1, 0 where it is invalid, -1 without memory.
static int NAME(one)(const raster *r, enum kernel kernel, const box *b, NAME(room) *room, T *out) {
	switch (kernel) {
	case AVERAGE:
		return NAME(average)(r, b, out);
	case RMS:
		return NAME(rms)(r, b, out);
	case MODE:
		return NAME(mode)(r, b, room, out);
	case MIN:
	case MAX:
		return NAME(extreme)(r, b, kernel, out);
	default:
		return NAME(quantile)(r, b, kernel, room, out);
	}
}

static int NAME(sums)(const raster *r, int n, const double *x0, const double *x1, const double *y0, const double *y1, T *out, uint8_t *valid) {
	for (int i = 0; i < n; i++) {
		double quad[4][2] = {{x0[i], y0[i]}, {x0[i + 1], y0[i + 1]}, {x1[i + 1], y1[i + 1]}, {x1[i], y1[i]}};
		out[i] = 0;
		valid[i] = (uint8_t)NAME(sum)(r, quad, out + i);
	}
	return 0;
}

// line computes up to LANES target pixels, between corners (x0, y0) above and (x1, y1) below.
static int NAME(line)(const raster *r, enum kernel kernel, int n, const double *x0, const double *y0, const double *x1, const double *y1,
	NAME(room) *room, int *in_order, T *out, uint8_t *valid) {
	if (kernel == SUM)
		return NAME(sums)(r, n, x0, x1, y0, y1, out, valid);
	boxes all;
	grid together = {.widest = 0};
	int side_by_side = kernel == AVERAGE || kernel == MED || kernel == Q1 || kernel == Q3;
	area_boxes(r, n, x0, y0, x1 + 1, y1 + 1, &all);
	if (side_by_side)
		area_grid(r, n, &all, &together);
	if (kernel == AVERAGE)
		NAME(averages)(r, n, &all, &together, in_order, out, valid);
	else if (side_by_side)
		NAME(quantiles)(r, n, &together, kernel, out, valid);
	for (int i = 0; i < n; i++) {
		if (side_by_side && together.width[i] > 0)
			continue;
		box b = area_box(&all, i);
		out[i] = 0;
		int some = NAME(one)(r, kernel, &b, room, out + i);
		if (some < 0)
			return -1;
		valid[i] = (uint8_t)some;
	}
	return 0;
}

static int NAME(area)(const raster *r, enum kernel kernel, int cols, int rows, const double *cx, const double *cy, void *out_, uint8_t *valid) {
	T *out = out_;
	NAME(room) room = {NULL, 0};
	int failed = 0, in_order = 0;
	for (int row = 0; row < rows && !failed; row++)
		for (int col = 0; col < cols && !failed; col += LANES) {
			ptrdiff_t corner = (ptrdiff_t)row * (cols + 1) + col, below = corner + cols + 1, i = (ptrdiff_t)row * cols + col;
			int n = cols - col < LANES ? cols - col : LANES;
			failed = NAME(line)(r, kernel, n, cx + corner, cy + corner, cx + below, cy + below, &room, &in_order, out + i, valid + i);
		}
	free(room.data);
	return failed;
}

#undef EACH_PIXEL
#undef UNSURE
#undef WHOLE
#undef WEIGHT
#undef WEIGHT_Y
