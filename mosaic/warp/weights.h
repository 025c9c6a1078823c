#ifndef WARP_WEIGHTS_H
#define WARP_WEIGHTS_H

#include "place.h"

// Weights of n FULL pixels of a batch, from i0 on: pad[0] in x and pad[1] in y for each, 0 beyond the taps.
// inv is one over the product of their sums.
void weights_f32(const reach *k, const placement *p, int i0, int n, const int pad[2], float *wx, float *wy, float *inv);
void weights_f64(const reach *k, const placement *p, int i0, int n, const int pad[2], double *wx, double *wy, double *inv);

// weight_at is the weight of one tap at distance u, in kernel widths, for PARTIAL pixels.
double weight_at(enum kernel kernel, double u);

#endif
