// Evaluates lattices of control points. Every expression depends on the pixel alone, not on the cut.
#include "kernel.h"

#define MAX_NODES 66

// at is position f (0 to 1) between a and b. Both loops below use it, so that they agree to the last bit.
INLINE double at(double a, double b, double f) { return a + (b - a) * f; }

// blend interpolates a row of nodes in y.
INLINE void blend(const double *top, const double *bottom, double f, int n, double *out) {
	for (int i = 0; i < n; i++)
		out[i] = at(top[i], bottom[i], f);
}

// spread interpolates in x between a node and the next: n pixels from first on. A pixel on a node is that
// node, whatever the next one holds, and be there none.
INLINE void spread(const double *nodes, double inv, int first, int n, double *out) {
	double left = nodes[0], right = nodes[first + n > 1];
	for (int i = 0; i < n; i++)
		out[i] = at(left, right, (double)(first + i) * inv);
	if (first == 0)
		out[0] = left;
}

INLINE void line(const double *nodes, int per_row, int step, int row, int col0, int cols, double *out) {
	double inv = 1.0 / step; // exact: step is a power of two
	int p = row / step, rest = row % step;
	const double *top = nodes + (ptrdiff_t)p * per_row;
	int q0 = col0 / step, q1 = (col0 + cols + step - 2) / step;
	double blended[MAX_NODES];
	const double *nodes_of_row = top + q0;
	if (rest != 0) {
		blend(top + q0, top + q0 + per_row, rest * inv, q1 - q0 + 1, blended);
		nodes_of_row = blended;
	}
	if (step == 1) {
		memcpy(out, nodes_of_row, (size_t)cols * sizeof *out);
		return;
	}
	for (int col = col0, end = col0 + cols; col < end;) {
		int q = col / step, first = col - q * step;
		int n = step - first < end - col ? step - first : end - col;
		spread(nodes_of_row + (q - q0), inv, first, n, out);
		out += n;
		col += n;
	}
}

CLONES void warp_interpolate(const double *node_x, const double *node_y, int per_row, int step,
	int row0, int rows, int col0, int cols, double *xs, double *ys) {
	for (int j = 0; j < rows; j++) {
		line(node_x, per_row, step, row0 + j, col0, cols, xs + (ptrdiff_t)j * cols);
		line(node_y, per_row, step, row0 + j, col0, cols, ys + (ptrdiff_t)j * cols);
	}
}

static double point(const double *nodes, int per_row, int step, int row, int col) {
	double inv = 1.0 / step;
	int p = row / step, q = col / step, down = row % step, along = col % step;
	const double *n = nodes + (ptrdiff_t)p * per_row + q;
	double left = down == 0 ? n[0] : at(n[0], n[per_row], down * inv);
	if (along == 0)
		return left;
	double right = down == 0 ? n[1] : at(n[1], n[per_row + 1], down * inv);
	return at(left, right, (double)along * inv);
}

void warp_interpolate_at(const double *node_x, const double *node_y, int per_row, int step,
	const int32_t *rows, const int32_t *cols, ptrdiff_t n, double *xs, double *ys) {
	for (ptrdiff_t i = 0; i < n; i++) {
		xs[i] = point(node_x, per_row, step, rows[i], cols[i]);
		ys[i] = point(node_y, per_row, step, rows[i], cols[i]);
	}
}
