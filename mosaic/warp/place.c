// Where target pixels lie in the source, and which of them have all their taps.
//
// The loops are written so that compilers vectorise them: coordinates are clamped rather than tested, which
// also keeps every conversion to int within its range.
#include "place.h"

// A raster's sizes for one axis.
typedef struct {
	double last;   // greatest coordinate inside the level
	int32_t level; // size of the level
	int32_t from, to;
} axis;

static axis axis_of(int from, int size, int level) { return (axis){level - EPSILON, level, from, from + size}; }

// clamped is x within the level, and 0 for NaN.
INLINE double clamped(double x, double last) {
	double low = x > 0 ? x : 0;
	return low < last ? low : last;
}

// pixel_of is the pixel that a clamped coordinate lies in, as GDAL takes it.
INLINE int32_t pixel_of(double x, int32_t level) {
	int32_t i = (int32_t)(x + EPSILON);
	return i < level - 1 ? i : level - 1;
}

// rows_in_batch is the rows of a block that the batch from pixel i on has, and gives the first of them.
INLINE int rows_in_batch(const targets *t, ptrdiff_t i, int *row) {
	const int done = (int)i / t->cols, most = BATCH / t->cols, left = (int)t->n / t->cols - done;
	*row = t->row + done;
	return left < most ? left : most;
}

// block_row gives the nodes of a row in both axes.
INLINE void block_row(const targets *t, int row, double room[2][MAX_NODES], node_row *x, node_row *y) {
	*x = row_of(t->nodes.x, t->nodes.per_row, t->nodes.shift, row, t->col, t->cols, room[0]);
	*y = row_of(t->nodes.y, t->nodes.per_row, t->nodes.shift, row, t->col, t->cols, room[1]);
}

// listed gives the coordinates of the batch from pixel i on and how many they are: those of a list, or of the rows
// of a block, written to room.
INLINE int listed(const targets *t, ptrdiff_t i, double room[2][BATCH], const double **xs, const double **ys) {
	if (t->xs != NULL) {
		*xs = t->xs + i;
		*ys = t->ys + i;
		return t->n - i < BATCH ? (int)(t->n - i) : BATCH;
	}
	int row, rows = rows_in_batch(t, i, &row);
	for (int j = 0; j < rows; j++) {
		double nodes[2][MAX_NODES];
		node_row x, y;
		block_row(t, row + j, nodes, &x, &y);
		row_spread(&x, room[0] + j * t->cols);
		row_spread(&y, room[1] + j * t->cols);
	}
	*xs = room[0];
	*ys = room[1];
	return rows * t->cols;
}

// any_nearest tests every coordinate.
INLINE void any_nearest(const raster *r, const double *restrict xs, const double *restrict ys, int n, int32_t *restrict at, uint8_t *restrict valid) {
	const axis h = axis_of(r->col, r->width, r->level_width), v = axis_of(r->row, r->height, r->level_height);
	const int32_t stride = (int32_t)r->stride;
	for (int i = 0; i < n; i++) {
		double x = clamped(xs[i], h.last), y = clamped(ys[i], v.last);
		int32_t col = pixel_of(x, h.level), row = pixel_of(y, v.level);
		int32_t in = (x == xs[i]) & (y == ys[i]) & (col >= h.from) & (col < h.to) & (row >= v.from) & (row < v.to);
		at[i] = ((row - v.from) * stride + (col - h.from)) & -in;
		valid[i] = (uint8_t)in;
	}
}

typedef double eight __attribute__((vector_size(64)));
typedef int32_t eight_ints __attribute__((vector_size(32)));
typedef uint32_t eight_sums __attribute__((vector_size(32)));

// inner_eights is inner_nearest where every node is followed by a multiple of eight pixels: eight to a vector, without
// the odd ones that a compiler allows for. Fractions are exact, however they are come by; sums are those of int32_t,
// whatever overflows in between.
INLINE void inner_eights(const raster *r, const node_row *x_nodes, const node_row *y_nodes, int32_t *restrict at) {
	const int step = 1 << x_nodes->shift;
	const double *nx = x_nodes->at, *ny = y_nodes->at, inv = fraction(x_nodes->shift);
	const eight lanes = (eight){0, 1, 2, 3, 4, 5, 6, 7} * inv;
	const uint32_t stride = (uint32_t)r->stride, origin = (uint32_t)r->row * stride + (uint32_t)r->col;
	for (int left = x_nodes->n; left > 0; left -= step, nx++, ny++) {
		const double ax = nx[0], dx = nx[1] - ax, ay = ny[0], dy = ny[1] - ay;
		const int n = step < left ? step : left;
		eight f = lanes;
		for (int k = 0; k < n; k += 8, at += 8, f += 8 * inv) {
			eight x = (ax + dx * f) + EPSILON, y = (ay + dy * f) + EPSILON;
			eight_sums col = (eight_sums)__builtin_convertvector(x, eight_ints), row = (eight_sums)__builtin_convertvector(y, eight_ints);
			eight_sums here = row * stride + (col - origin);
			memcpy(at, &here, sizeof here);
		}
	}
}

// inner_nearest is any_nearest for a row of pixels that are well inside the window.
INLINE void inner_nearest(const raster *r, const node_row *x_nodes, const node_row *y_nodes, int32_t *restrict at) {
	const int32_t stride = (int32_t)r->stride, row = r->row, col = r->col;
	if (x_nodes->shift >= 3 && x_nodes->first == 0 && x_nodes->n % 8 == 0) {
		inner_eights(r, x_nodes, y_nodes, at);
		return;
	}
	EACH_BETWEEN(x_nodes, y_nodes, { at[i] = ((int32_t)(y + EPSILON) - row) * stride + ((int32_t)(x + EPSILON) - col); });
}

// interior is where coordinates lie whose pixel, or whose taps, are all in the window.
typedef struct {
	double low[2], high[2];
} interior;

INLINE interior interior_of(const raster *r, const reach *k) {
	interior w;
	for (int a = 0; a < 2; a++) {
		const double margin = (k == NULL ? 0 : k->radius[a] - 0.5) + INSIDE;
		w.low[a] = (a ? r->row : r->col) + margin;
		w.high[a] = (a ? r->row + r->height : r->col + r->width) - margin;
	}
	return w;
}

// row_inside tells whether the pixels of a row of a block are in the interior.
INLINE int row_inside(const targets *t, int row, const interior *w) {
	double nodes[2][MAX_NODES];
	node_row x, y;
	block_row(t, row, nodes, &x, &y);
	return row_within(&x, w->low[0], w->high[0]) && row_within(&y, w->low[1], w->high[1]);
}

CLONES int all_inside(const raster *r, const reach *k, const targets *t) {
	if (t->xs != NULL || t->nodes.shift == 0)
		return 0;
	const interior w = interior_of(r, k);
	const int last = t->row + (int)t->n / t->cols - 1, step = 1 << t->nodes.shift;
	// What lies between two rows of nodes lies between their coordinates.
	for (int row = t->row; row < last; row = (row | (step - 1)) + 1)
		if (!row_inside(t, row, &w))
			return 0;
	return row_inside(t, last, &w);
}

// rows_inside tells whether those of a batch of a block are.
INLINE int rows_inside(const raster *r, const reach *k, const targets *t, int row, int rows) {
	if (t->inside || t->nodes.shift == 0)
		return t->inside;
	const interior w = interior_of(r, k);
	for (int j = 0; j < rows; j++)
		if (!row_inside(t, row + j, &w))
			return 0;
	return 1;
}

CLONES int place_nearest(const raster *r, const targets *t, ptrdiff_t i, int32_t *restrict at, uint8_t *restrict valid) {
	if (t->xs == NULL) {
		int row, rows = rows_in_batch(t, i, &row);
		if (rows_inside(r, NULL, t, row, rows)) {
			for (int j = 0; j < rows; j++) {
				double nodes[2][MAX_NODES];
				node_row x, y;
				block_row(t, row + j, nodes, &x, &y);
				inner_nearest(r, &x, &y, at + j * t->cols);
			}
			memset(valid, 1, BATCH);
			return rows * t->cols;
		}
	}
	double room[2][BATCH];
	const double *xs, *ys;
	int n = listed(t, i, room, &xs, &ys);
	any_nearest(r, xs, ys, n, at, valid);
	return n;
}

// any_taps does without validity planes; centre and corner are where place_taps looks into them.
INLINE void any_taps(const raster *r, const reach *k, const double *restrict xs, const double *restrict ys, int n,
	placement *restrict p, int32_t *restrict centre, int32_t *restrict corner) {
	const axis h = axis_of(r->col, r->width, r->level_width), v = axis_of(r->row, r->height, r->level_height);
	const int32_t stride = (int32_t)r->stride, width = r->width;
	const int32_t x_last = h.to - k->taps[0], y_last = v.to - k->taps[1], before_x = k->radius[0], before_y = k->radius[1];
	int32_t full = 0, some = 0;
	for (int i = 0; i < n; i++) {
		double x = clamped(xs[i], h.last), y = clamped(ys[i], v.last);
		int32_t col = pixel_of(x, h.level), row = pixel_of(y, v.level);
		int32_t in = (x == xs[i]) & (y == ys[i]) & (col >= h.from) & (col < h.to) & (row >= v.from) & (row < v.to);
		int32_t bx = (int32_t)(x + 0.5), by = (int32_t)(y + 0.5); // 1 + floor(x - 0.5)
		int32_t tx = bx - before_x, ty = by - before_y;
		int32_t all = in & (tx >= h.from) & (tx <= x_last) & (ty >= v.from) & (ty <= y_last);
		p->x[i] = tx;
		p->y[i] = ty;
		p->fx[i] = x + 0.5 - bx;
		p->fy[i] = y + 0.5 - by;
		p->at[i] = ((ty - v.from) * stride + (tx - h.from)) & -all;
		p->state[i] = (uint8_t)(in + all);
		centre[i] = ((row - v.from) * width + (col - h.from)) & -in;
		corner[i] = ((ty - v.from) * width + (tx - h.from)) & -all;
		full += all;
		some += in;
	}
	p->full = full;
	p->some = some;
}

// inner_taps is any_taps for a row of pixels, the j-th and further ones of the batch, whose taps are all in the window.
INLINE void inner_taps(const raster *r, const reach *k, const node_row *x_nodes, const node_row *y_nodes, int j, placement *restrict p) {
	const int32_t stride = (int32_t)r->stride, row = r->row + k->radius[1], col = r->col + k->radius[0];
	int32_t *restrict at = p->at + j;
	double *restrict fx = p->fx + j, *restrict fy = p->fy + j;
	EACH_BETWEEN(x_nodes, y_nodes, {
		int32_t bx = (int32_t)(x + 0.5), by = (int32_t)(y + 0.5);
		fx[i] = x + 0.5 - bx;
		fy[i] = y + 0.5 - by;
		at[i] = (by - row) * stride + (bx - col);
	});
}

// all_inner places the rows of a block's batch where every tap of every pixel is in the window and all are valid;
// 0 where that is not so.
INLINE int all_inner(const raster *r, const reach *k, const targets *t, ptrdiff_t i, placement *restrict p) {
	if (t->xs != NULL || r->ok != NULL)
		return 0;
	int row, rows = rows_in_batch(t, i, &row);
	if (!rows_inside(r, k, t, row, rows))
		return 0;
	for (int j = 0; j < rows; j++) {
		double nodes[2][MAX_NODES];
		node_row x, y;
		block_row(t, row + j, nodes, &x, &y);
		inner_taps(r, k, &x, &y, j * t->cols, p);
	}
	int n = rows * t->cols;
	memset(p->state, FULL, sizeof p->state);
	p->full = p->some = n;
	return n;
}

// look_at_validity corrects what any_taps placed by the validity planes.
INLINE void look_at_validity(const raster *r, int n, const int32_t *centre, const int32_t *corner, placement *p) {
	p->full = p->some = 0;
	for (int i = 0; i < n; i++) {
		// A target pixel whose centre is on an invalid pixel is invalid, whatever lies around it.
		int in = (p->state[i] != INVALID) & r->ok[centre[i]];
		int all = in & (p->state[i] == FULL) & r->full[corner[i]];
		p->state[i] = (uint8_t)(in + all);
		p->at[i] &= -all;
		p->full += all;
		p->some += in;
	}
}

CLONES int place_taps(const raster *r, const reach *k, const targets *t, ptrdiff_t i, placement *p) {
	int n = all_inner(r, k, t, i, p);
	if (n > 0)
		return n;
	double room[2][BATCH];
	int32_t centre[BATCH], corner[BATCH];
	const double *xs, *ys;
	n = listed(t, i, room, &xs, &ys);
	any_taps(r, k, xs, ys, n, p, centre, corner);
	if (r->ok != NULL && p->some > 0)
		look_at_validity(r, n, centre, corner, p);
	return n;
}
