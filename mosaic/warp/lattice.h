// Coordinates between the nodes of a block of a lattice. Every expression depends on the pixel alone, not on the
// cut; and the loops that use them are inlined where they are, so that they stay in registers and the first cache.
#ifndef WARP_LATTICE_H
#define WARP_LATTICE_H

#include "kernel.h"

// The most nodes that a row of pixels lies between: one for each pixel and its far corner, and one more.
#define MAX_NODES 66

// Nodes of a block, row-major: node (p, q) holds the coordinates of pixel (p * step, q * step).
typedef struct {
	const double *x, *y;
	int per_row;
	int shift; // step is 1 << shift
} lattice;

INLINE lattice lattice_of(const double *x, const double *y, int per_row, int step) {
	return (lattice){x, y, per_row, step == 0 ? 0 : __builtin_ctz((unsigned)step)};
}

// fraction is one over a power of two, exactly.
INLINE double fraction(int shift) { return 1.0 / (double)(1 << shift); }

// between is position f (0 to 1) between a and b. Everything uses it, so that all agree to the last bit.
INLINE double between(double a, double b, double f) { return a + (b - a) * f; }

// The nodes that pixels first to first + n - 1 of a row lie between, in one axis. The pixels count from node 0 on.
typedef struct {
	const double *at;
	int nodes, shift, first, n;
} node_row;

// row_of gives the nodes of pixels [col0, col0 + cols) of a row, interpolated in y (into room) where the row
// lies between two rows of nodes.
INLINE node_row row_of(const double *nodes, int per_row, int shift, int row, int col0, int cols, double *room) {
	int step = 1 << shift, above = row >> shift, below = row & (step - 1), q0 = col0 >> shift;
	node_row r = {nodes + (ptrdiff_t)above * per_row + q0, ((col0 + cols + step - 2) >> shift) - q0 + 1, shift, col0 & (step - 1), cols};
	if (below == 0)
		return r;
	double f = below * fraction(shift);
	for (int i = 0; i < r.nodes; i++)
		room[i] = between(r.at[i], r.at[i + per_row], f);
	r.at = room;
	return r;
}

// row_within tells whether all pixels of a row lie from low to high, which its nodes and its last pixel decide; NaN do not.
INLINE int row_within(const node_row *r, double low, double high) {
	const int last = r->nodes - 1, beyond = (r->first + r->n - 1) & ((1 << r->shift) - 1);
	const double end = beyond == 0 ? r->at[last] : between(r->at[last - 1], r->at[last], beyond * fraction(r->shift));
	int within = (end >= low) & (end <= high);
	for (int i = 0; i < last; i++)
		within &= (r->at[i] >= low) & (r->at[i] <= high);
	return within;
}

// row_spread writes the coordinates of a row's pixels. A pixel on a node is that node, whatever the next one holds,
// and be there none.
INLINE void row_spread(const node_row *r, double *restrict out) {
	if (r->shift == 0) {
		memcpy(out, r->at, (size_t)r->n * sizeof *out);
		return;
	}
	const double inv = fraction(r->shift), *node = r->at;
	const int step = 1 << r->shift;
	for (int first = r->first, left = r->n; left > 0; first = 0, node++) {
		int n = step - first < left ? step - first : left;
		double a = node[0], b = node[first + n > 1];
		for (int i = 0; i < n; i++)
			out[i] = between(a, b, (double)(first + i) * inv);
		if (first == 0)
			out[0] = a;
		out += n;
		left -= n;
	}
}

// EACH_BETWEEN runs over the pixels of a row, i from 0 on, with x and y: row_spread for both axes at once, where all
// nodes are numbers.
#define EACH_BETWEEN(X, Y, ...)                                                                      \
	do {                                                                                               \
		const double inv_ = fraction((X)->shift), *node_x_ = (X)->at, *node_y_ = (Y)->at;                \
		const int step_ = 1 << (X)->shift;                                                               \
		int i_ = 0;                                                                                      \
		for (int first_ = (X)->first, left_ = (X)->n; left_ > 0; first_ = 0, node_x_++, node_y_++) {     \
			const int n_ = step_ - first_ < left_ ? step_ - first_ : left_, last_ = first_ + n_ > 1;       \
			const double ax_ = node_x_[0], bx_ = node_x_[last_], ay_ = node_y_[0], by_ = node_y_[last_];   \
			for (int k_ = 0; k_ < n_; k_++) {                                                              \
				const double f_ = (double)(first_ + k_) * inv_;                                              \
				const double x = between(ax_, bx_, f_), y = between(ay_, by_, f_);                           \
				const int i = i_ + k_;                                                                       \
				__VA_ARGS__                                                                                  \
			}                                                                                              \
			i_ += n_;                                                                                      \
			left_ -= n_;                                                                                   \
		}                                                                                                \
	} while (0)

// How far inside their bounds nodes and a row's last pixel must lie for no pixel between them to be pushed out by rounding: coordinates
// are less than 2^31, so that they err by less than 1e-6.
#define INSIDE 1e-6

#endif
