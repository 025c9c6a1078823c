// Evaluates lattices of control points.
#include "lattice.h"

CLONES void warp_interpolate(const double *node_x, const double *node_y, int per_row, int step,
	int row0, int rows, int col0, int cols, double *xs, double *ys) {
	const lattice l = lattice_of(node_x, node_y, per_row, step);
	for (int j = 0; j < rows; j++) {
		double room[MAX_NODES];
		node_row x = row_of(l.x, per_row, l.shift, row0 + j, col0, cols, room);
		row_spread(&x, xs + (ptrdiff_t)j * cols);
		node_row y = row_of(l.y, per_row, l.shift, row0 + j, col0, cols, room);
		row_spread(&y, ys + (ptrdiff_t)j * cols);
	}
}

static double point(const double *nodes, int per_row, int step, int row, int col) {
	double inv = 1.0 / step;
	int p = row / step, q = col / step, down = row % step, along = col % step;
	const double *n = nodes + (ptrdiff_t)p * per_row + q;
	double left = down == 0 ? n[0] : between(n[0], n[per_row], down * inv);
	if (along == 0)
		return left;
	double right = down == 0 ? n[1] : between(n[1], n[per_row + 1], down * inv);
	return between(left, right, (double)along * inv);
}

void warp_interpolate_at(const double *node_x, const double *node_y, int per_row, int step, const int32_t *rows,
	const int32_t *cols, ptrdiff_t n, double *xs, double *ys) {
	for (ptrdiff_t i = 0; i < n; i++) {
		xs[i] = point(node_x, per_row, step, rows[i], cols[i]);
		ys[i] = point(node_y, per_row, step, rows[i], cols[i]);
	}
}
