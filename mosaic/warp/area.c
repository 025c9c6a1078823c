// Kernels over the source pixels that a target pixel covers: average, rms, mode, min, max, med, q1, q3, sum.
// All but sum take the box between two opposite corners of the target pixel, as GDAL's warper does; sum
// shares each source pixel out by area, so that nothing is lost or counted twice.
#include "area.h"
#include "validity.h"
#include "warp.h"

#include <stdlib.h>

// Corners further away than this are no place of this raster: the target pixel is invalid.
#define FAR 2147483648.0

// spans finds what lies between a and b along an axis of size pixels. A box that sticks out of the raster
// gives the part outside to the outermost pixel, as in GDAL. Coordinates are clamped rather than tested, so that the
// loop is vectorised and every conversion fits.
INLINE void spans(int n, const double *a, const double *b, int size, int32_t *from, int32_t *to, double *first, double *last) {
	const double top = size;
	for (int i = 0; i < n; i++) {
		double low = a[i] < b[i] ? a[i] : b[i], high = a[i] < b[i] ? b[i] : a[i];
		double start = floor(low + EPSILON), stop = ceil(high - EPSILON);
		double in = (high > -EPSILON ? 1.0 : 0.0) * (low < top + EPSILON ? 1.0 : 0.0) * (low > -FAR ? 1.0 : 0.0) * (high < FAR ? 1.0 : 0.0);
		start = start > 0 ? start : 0;
		start = start < top ? start : top;
		stop = stop > 0 ? stop : 0;
		stop = stop < top ? stop : top;
		stop = start == stop && stop < top ? stop + 1 : stop;
		double one = start + 1 == stop ? 1.0 : 0.0;
		from[i] = (int32_t)(start * in);
		to[i] = (int32_t)(stop * in);
		first[i] = one != 0 ? 1 : 1 - (low - start);
		last[i] = one != 0 ? 1 : 1 - (stop - high);
	}
}

CLONES void area_boxes(const raster *r, int n, const double *restrict x0, const double *restrict y0, const double *restrict x1,
	const double *restrict y1, boxes *restrict b) {
	spans(n, x0, x1, r->level_width, b->x0, b->x1, b->left, b->right);
	spans(n, y0, y1, r->level_height, b->y0, b->y1, b->top, b->bottom);
}

CLONES void area_grid(const raster *r, int n, const boxes *restrict b, grid *restrict g) {
	int32_t x_end = r->col + r->width, y_end = r->row + r->height, stride = (int32_t)r->stride;
	int32_t widest = 0, highest = 0;
	for (int l = 0; l < n; l++) {
		int32_t w = b->x1[l] - b->x0[l], h = b->y1[l] - b->y0[l];
		int32_t here = (w > 0) & (w <= SIDE) & (h > 0) & (h <= SIDE) & (b->x0[l] >= r->col) & (b->y0[l] >= r->row) & (b->x1[l] <= x_end) & (b->y1[l] <= y_end);
		g->at[l] = ((b->y0[l] - r->row) * stride + (b->x0[l] - r->col)) & -here;
		g->ok[l] = ((b->y0[l] - r->row) * r->width + (b->x0[l] - r->col)) & -here;
		g->width[l] = w & -here;
		g->height[l] = h & -here;
		widest = widest > g->width[l] ? widest : g->width[l];
		highest = highest > g->height[l] ? highest : g->height[l];
	}
	for (int l = n; l < LANES; l++)
		g->at[l] = g->ok[l] = g->width[l] = g->height[l] = 0;
	g->widest = widest;
	g->highest = highest;
}

CLONES void area_step(const raster *r, const grid *restrict g, int i, int j, int32_t *restrict at, int32_t *restrict ok, int32_t *restrict has) {
	int32_t pixels = j * (int32_t)r->stride + i, plane = j * r->width + i;
	for (int l = 0; l < LANES; l++) {
		int32_t in = (i < g->width[l]) & (j < g->height[l]);
		at[l] = g->at[l] + (pixels & -in);
		ok[l] = g->ok[l] + (plane & -in);
		has[l] = in;
	}
}

// clip keeps the part of a convex polygon on one side of a line x = at or y = at (axis 0 or 1).
static int clip(int n, const double (*in)[2], int axis, double at, double side, double (*out)[2]) {
	int m = 0;
	for (int i = 0; i < n; i++) {
		const double *p = in[i], *q = in[(i + 1) % n];
		double dp = side * (p[axis] - at), dq = side * (q[axis] - at);
		if (dp >= 0) {
			out[m][0] = p[0];
			out[m++][1] = p[1];
		}
		if ((dp >= 0) != (dq >= 0)) {
			double f = dp / (dp - dq);
			out[m][axis] = at;
			out[m++][!axis] = p[!axis] + (q[!axis] - p[!axis]) * f;
		}
	}
	return m;
}

// signed_area is positive for a polygon that turns from x towards y. Taken from its first point, small
// polygons far from the origin keep their digits.
static double signed_area(int n, const double (*p)[2]) {
	double sum = 0;
	for (int i = 1; i + 1 < n; i++)
		sum += (p[i][0] - p[0][0]) * (p[i + 1][1] - p[0][1]) - (p[i + 1][0] - p[0][0]) * (p[i][1] - p[0][1]);
	return sum / 2;
}

static double triangle_in_pixel(const double *a, const double *b, const double *c, int x, int y) {
	double p[8][2] = {{a[0], a[1]}, {b[0], b[1]}, {c[0], c[1]}}, q[8][2];
	int n = clip(3, p, 0, x, 1, q);
	n = clip(n, q, 0, x + 1, -1, p);
	n = clip(n, p, 1, y, 1, q);
	n = clip(n, q, 1, y + 1, -1, p);
	return signed_area(n, p);
}

// The two triangles have opposite signs where the quadrilateral is not convex, which is what makes their sum right.
double area_covered(const double quad[4][2], int x, int y) {
	return fabs(triangle_in_pixel(quad[0], quad[1], quad[2], x, y) + triangle_in_pixel(quad[0], quad[2], quad[3], x, y));
}

int area_upright(const double quad[4][2]) {
	for (int a = 0; a < 2; a++) {
		// Corners 0 to 3 run around: an edge that goes along one axis keeps the other coordinate.
		int along = fabs(quad[0][a] - quad[1][a]) <= 1e-9 && fabs(quad[2][a] - quad[3][a]) <= 1e-9;
		int across = fabs(quad[1][!a] - quad[2][!a]) <= 1e-9 && fabs(quad[3][!a] - quad[0][!a]) <= 1e-9;
		if (along && across)
			return 1;
	}
	return 0;
}

// For boxes of so many columns: 1 for each that it has, and 1 for its last one where that is not the first.
static const double area_inside[SIDE + 1][SIDE] = {
	{0}, {1}, {1, 1}, {1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1},
};
static const double area_last[SIDE + 1][SIDE] = {
	{0}, {0}, {0, 1}, {0, 0, 1}, {0, 0, 0, 1}, {0, 0, 0, 0, 1}, {0, 0, 0, 0, 0, 1}, {0, 0, 0, 0, 0, 0, 1}, {0, 0, 0, 0, 0, 0, 0, 1},
};

#define BODY "area_body.h"
#include "each_type.h"

int warp_area(WARP_SOURCE, uint8_t *planes, int kernel, int cols, int rows, const double *corner_x,
	const double *corner_y, void *out, uint8_t *valid) {
	raster r = WARP_RASTER;
	touch(&r, size_of_type(dtype));
	if ((mask != NULL || has_nodata) && !validity_plane(&r, dtype, mask, has_nodata, nodata, planes))
		r.ok = planes;
#define CALL(tag) area_##tag,
	static int (*const kernels[])(const raster *, enum kernel, int, int, const double *, const double *, void *, uint8_t *) = {EACH_TAG(CALL)};
	return kernels[dtype](&r, (enum kernel)kernel, cols, rows, corner_x, corner_y, out, valid);
}
