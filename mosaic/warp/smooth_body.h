#include "round.h"

// Vectors of 32 bytes: eight floats, or four doubles and two vectors for eight taps.
#define LN ((int)(32 / sizeof(WORK)))
#define HALVES (8 / LN)
#define L NAME(lanes)
#define L4 NAME(four)
#define R NAME(raw)
#define R4 NAME(raw4)
typedef WORK L __attribute__((vector_size(32)));
typedef WORK L4 __attribute__((vector_size(4 * sizeof(WORK))));
typedef T R __attribute__((vector_size(32 / sizeof(WORK) * sizeof(T))));
typedef T R4 __attribute__((vector_size(4 * sizeof(T))));
#if SMALL
typedef int32_t NAME(ints) __attribute__((vector_size(32)));
typedef int32_t NAME(ints4) __attribute__((vector_size(16)));
#define TO_L(raw) __builtin_convertvector(__builtin_convertvector(raw, NAME(ints)), L)
#define TO_L4(raw) __builtin_convertvector(__builtin_convertvector(raw, NAME(ints4)), L4)
#else
#define TO_L(raw) __builtin_convertvector(raw, L)
#define TO_L4(raw) __builtin_convertvector(raw, L4)
#endif
#if IS_FLOAT
// What lies beyond the taps may be NaN or infinite, and must not count even times zero.
typedef KEY NAME(key) __attribute__((vector_size(sizeof(R))));
#define BLANK(raw, keep) ((R)((NAME(key))(raw) & (keep)))
#define KEEP NAME(key)
#else
#define BLANK(raw, keep) (raw)
#define KEEP R
#endif

// Two neighbours of each full pixel's two rows, then all in vectors.
CLONES static void NAME(bilinear)(const raster *r, const placement *p, int n, T *restrict out) {
	const T *restrict pix = r->pix;
	T top[2 * BATCH], bottom[2 * BATCH];
	for (int i = 0; i < n; i++) {
		const T *at = pix + p->at[i];
		memcpy(top + 2 * i, at, 2 * sizeof(T));
		memcpy(bottom + 2 * i, at + r->stride, 2 * sizeof(T));
	}
	for (int i = 0; i < n; i++) {
		WORK fx = (WORK)p->fx[i], fy = (WORK)p->fy[i], gx = 1 - fx, gy = 1 - fy;
		WORK a = (WORK)top[2 * i] * gx + (WORK)top[2 * i + 1] * fx;
		WORK b = (WORK)bottom[2 * i] * gx + (WORK)bottom[2 * i + 1] * fx;
		WORK v = a * gy + b * fy;
		out[i] = ROUND_WORK(v);
	}
}

INLINE WORK NAME(sum4)(const L4 *v) { return ((*v)[0] + (*v)[2]) + ((*v)[1] + (*v)[3]); }

INLINE WORK NAME(sum8)(const L v[HALVES]) {
	L4 low, high;
	memcpy(&low, v, sizeof low);
	memcpy(&high, (const char *)v + sizeof low, sizeof high);
	low += high;
	return NAME(sum4)(&low);
}

// 4 x 4 taps.
CLONES static void NAME(taps4)(const raster *r, const placement *p, int n, const WORK *restrict wx, const WORK *restrict wy, WORK *restrict out) {
	const T *pix = r->pix;
	ptrdiff_t stride = r->stride;
	for (int i = 0; i < n; i++) {
		const T *at = pix + p->at[i];
		L4 rows[4], w;
		for (int j = 0; j < 4; j++) {
			R4 raw;
			memcpy(&raw, at + j * stride, sizeof raw);
			rows[j] = TO_L4(raw) * wy[4 * i + j];
		}
		memcpy(&w, wx + 4 * i, sizeof w);
		L4 sum = ((rows[0] + rows[1]) + (rows[2] + rows[3])) * w;
		out[i] = NAME(sum4)(&sum);
	}
}

// load8 reads 8 pixels, of which left are taps; past the end of the window it reads the taps only.
INLINE void NAME(load8)(const T *at, const T *end, int left, const KEEP keep[HALVES], L out[HALVES]) {
	T raw[8] = {0};
	if (at + 8 <= end)
		memcpy(raw, at, sizeof raw);
	else
		memcpy(raw, at, (size_t)(left < 8 ? left : 8) * sizeof(T));
	(void)keep;
	for (int h = 0; h < HALVES; h++) {
		R part;
		memcpy(&part, raw + h * LN, sizeof part);
		out[h] = TO_L(BLANK(part, keep[h]));
	}
}

INLINE void NAME(keep_of)(int left, KEEP keep[HALVES]) {
	for (int i = 0; i < 8; i++)
		keep[i / LN][i % LN] = i < left ? -1 : 0; // all bits or none
}

// Up to 8 taps in x, any number in y.
INLINE void NAME(narrow)(const raster *r, const placement *p, int i0, int n, const int taps[2], int pad_y,
	const WORK *restrict wx, const WORK *restrict wy, const WORK *restrict inv, WORK *restrict out) {
	const T *pix = r->pix, *end = pix + (r->height - 1) * r->stride + r->width;
	KEEP keep[HALVES];
	NAME(keep_of)(taps[0], keep);
	for (int i = 0; i < n; i++) {
		const T *at = pix + p->at[i0 + i];
		const WORK *weight = wy + (ptrdiff_t)i * pad_y;
		L sum[HALVES] = {{0}}, row[HALVES], w[HALVES];
		for (int j = 0; j < taps[1]; j++) {
			NAME(load8)(at + j * r->stride, end, taps[0], keep, row);
			for (int h = 0; h < HALVES; h++)
				sum[h] += row[h] * weight[j];
		}
		memcpy(w, wx + 8 * (ptrdiff_t)i, sizeof w);
		for (int h = 0; h < HALVES; h++)
			sum[h] *= w[h];
		out[i] = NAME(sum8)(sum) * inv[i];
	}
}

CLONES static void NAME(taps8)(const raster *r, const placement *p, int i0, int n, const int taps[2], int pad_y,
	const WORK *wx, const WORK *wy, const WORK *inv, WORK *out) {
	static const int six[2] = {6, 6};
	if (taps[0] == 6 && taps[1] == 6) // Lanczos at full scale, unrolled
		NAME(narrow)(r, p, i0, n, six, pad_y, wx, wy, inv, out);
	else
		NAME(narrow)(r, p, i0, n, taps, pad_y, wx, wy, inv, out);
}

// Any number of taps.
CLONES static void NAME(taps_any)(const raster *r, const placement *p, int i0, int n, const int taps[2], const int pad[2],
	const WORK *restrict wx, const WORK *restrict wy, const WORK *restrict inv, WORK *restrict out) {
	const T *pix = r->pix, *end = pix + (r->height - 1) * r->stride + r->width;
	KEEP all[HALVES], keep[HALVES];
	NAME(keep_of)(8, all);
	NAME(keep_of)(taps[0] - (pad[0] - 8), keep);
	for (int i = 0; i < n; i++) {
		const T *at = pix + p->at[i0 + i];
		L sum[HALVES] = {{0}};
		for (int j = 0; j < taps[1]; j++, at += r->stride) {
			L line[HALVES] = {{0}}, row[HALVES], w[HALVES];
			for (int c = 0; c < pad[0]; c += 8) {
				NAME(load8)(at + c, end, taps[0] - c, c + 8 < pad[0] ? all : keep, row);
				memcpy(w, wx + (ptrdiff_t)i * pad[0] + c, sizeof w);
				for (int h = 0; h < HALVES; h++)
					line[h] += row[h] * w[h];
			}
			for (int h = 0; h < HALVES; h++)
				sum[h] += line[h] * wy[(ptrdiff_t)i * pad[1] + j];
		}
		out[i] = NAME(sum8)(sum) * inv[i];
	}
}

CLONES static void NAME(round)(const WORK *restrict v, int n, T *restrict out) {
	for (int i = 0; i < n; i++)
		out[i] = ROUND_WORK(v[i]);
}

// blend4 is bilinear over the valid ones of the four taps around (x, y), rescaled; 0 where they weigh nothing.
static int NAME(blend4)(const raster *r, int x, int y, double fx, double fy, double *out) {
	const T *pix = r->pix;
	double sum = 0, weight = 0;
	for (int j = 0; j < 2; j++)
		for (int i = 0; i < 2; i++)
			if (at_level(r, x + i, y + j)) {
				double w = (i ? fx : 1 - fx) * (j ? fy : 1 - fy);
				sum += (double)pix[(y + j - r->row) * r->stride + (x + i - r->col)] * w;
				weight += w;
			}
	if (!(weight >= LEAST_FOUR))
		return 0;
	*out = sum / weight;
	return 1;
}

// weigh sums the valid taps of a partial pixel, rescaled. Lanczos also wants half of them, as in GDAL.
static int NAME(weigh)(const raster *r, const reach *k, int tx, int ty, double fx, double fy, double *out) {
	const T *pix = r->pix;
	// One tap more to the left and above: it weighs nothing, but GDAL counts it where it is at the kernel's end.
	int bx = tx + k->radius[0] - 1, by = ty + k->radius[1] - 1;
	int end[2] = {k->radius[0], k->radius[1]}, start[2] = {-end[0], -end[1]};
	double f[2] = {fx, fy};
	int base[2] = {bx, by}, size[2] = {r->level_width, r->level_height};
	for (int a = 0; a < 2; a++) {
		if (base[a] + start[a] < 0)
			start[a] = -base[a];
		if (base[a] + end[a] >= size[a])
			end[a] = size[a] - 1 - base[a];
		if (k->kernel != LANCZOS)
			continue;
		while ((start[a] - f[a]) * k->scale[a] < -3)
			start[a]++;
		while ((end[a] - f[a]) * k->scale[a] > 3)
			end[a]--;
	}
	double sum = 0, weight = 0;
	ptrdiff_t valid = 0;
	for (int j = start[1]; j <= end[1]; j++) {
		double line = 0, line_weight = 0;
		for (int i = start[0]; i <= end[0]; i++)
			if (at_level(r, bx + i, by + j)) {
				double w = weight_at(k->kernel, (i - fx) * k->scale[0]);
				line += (double)pix[(by + j - r->row) * r->stride + (bx + i - r->col)] * w;
				line_weight += w;
				valid++;
			}
		double w = weight_at(k->kernel, (j - fy) * k->scale[1]);
		sum += line * w;
		weight += line_weight * w;
	}
	ptrdiff_t all = (ptrdiff_t)(end[1] - start[1] + 1) * (end[0] - start[0] + 1);
	if (!(weight >= LEAST_WEIGHT) || (k->kernel == LANCZOS && valid < all / 2))
		return 0;
	*out = sum / weight;
	return 1;
}

static void NAME(partial)(const raster *r, const reach *k, placement *p, int n, T *out) {
	for (int i = 0; i < n; i++) {
		if (p->state[i] != PARTIAL)
			continue;
		double v = 0;
		int some = k->four
			? NAME(blend4)(r, p->x[i] + k->radius[0] - 1, p->y[i] + k->radius[1] - 1, p->fx[i], p->fy[i], &v)
			: NAME(weigh)(r, k, p->x[i], p->y[i], p->fx[i], p->fy[i], &v);
		out[i] = ROUND(v);
		p->state[i] = some ? PARTIAL : INVALID;
	}
}

// full computes the whole batch as if every pixel were full (at is 0 elsewhere, which is safe), in as many
// rounds as their weights fit into memory.
static void NAME(full)(const raster *r, const reach *k, const placement *p, int n, const int pad[2], WORK *weights, int fit, T *out) {
	WORK v[BATCH], inv[BATCH];
	WORK *wx = weights, *wy = weights + (ptrdiff_t)fit * pad[0];
	if (k->kernel == BILINEAR && k->four) {
		NAME(bilinear)(r, p, n, out);
		return;
	}
	for (int i = 0; i < n; i += fit) {
		int m = n - i < fit ? n - i : fit;
		CONCAT(weights, WORK_TAG)(k, p, i, m, pad, wx, wy, inv);
		if (pad[0] == 4)
			NAME(taps4)(r, p, m, wx, wy, v); // fit is BATCH: i is 0
		else if (pad[0] == 8)
			NAME(taps8)(r, p, i, m, k->taps, pad[1], wx, wy, inv, v + i);
		else
			NAME(taps_any)(r, p, i, m, k->taps, pad, wx, wy, inv, v + i);
	}
	NAME(round)(v, n, out);
}

static int NAME(smooth)(const raster *r, const reach *k, const targets *t, void *out_, uint8_t *valid) {
	T *out = out_;
	placement p;
	int pad[2] = {4, 4};
	if (k->taps[0] > 4 || k->taps[1] > 4 || (k->kernel == BILINEAR && !k->four)) {
		pad[0] = (k->taps[0] + 7) & ~7;
		pad[1] = (k->taps[1] + 7) & ~7;
	}
	// The weights of a batch, or, of a kernel that shrinks much, of as many pixels as fit.
	WORK room[16 * BATCH], *weights = room;
	int fit = (int)(16 * BATCH / (pad[0] + pad[1])), window_fits = r->width >= k->taps[0] && r->height >= k->taps[1];
	fit = fit > BATCH ? BATCH : fit;
	if (fit == 0) {
		fit = 1;
		weights = malloc(((size_t)pad[0] + (size_t)pad[1]) * sizeof *weights);
		if (weights == NULL)
			return -1;
	}
	for (ptrdiff_t i = 0, m; i < t->n; i += m) {
		m = place_taps(r, k, t, i, &p);
		if (p.full > 0 && window_fits)
			NAME(full)(r, k, &p, (int)m, pad, weights, fit, out + i);
		if (p.some > p.full)
			NAME(partial)(r, k, &p, (int)m, out + i);
		for (int j = 0; j < m; j++)
			valid[i + j] = p.state[j] != INVALID;
	}
	if (weights != room)
		free(weights);
	return 0;
}

#undef LN
#undef HALVES
#undef L
#undef L4
#undef R
#undef R4
#undef TO_L
#undef TO_L4
#undef BLANK
#undef KEEP
