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

CLONES void place_nearest(const raster *r, const double *restrict xs, const double *restrict ys, int n, int32_t *restrict at, uint8_t *restrict valid) {
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

// place_batch does without validity planes; centre and corner are where place_taps looks into them.
CLONES static void place_batch(const raster *r, const reach *k, const double *restrict xs, const double *restrict ys, int n,
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

void place_taps(const raster *r, const reach *k, const double *xs, const double *ys, int n, placement *p) {
	int32_t centre[BATCH], corner[BATCH];
	place_batch(r, k, xs, ys, n, p, centre, corner);
	if (r->ok == NULL || p->some == 0)
		return;
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
