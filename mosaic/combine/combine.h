// The C side of package combine. Types are numbered as core.DTypes lists them; the caller has checked
// every size. valid is 0 or not for each cell.
#ifndef COMBINE_H
#define COMBINE_H

#include <stddef.h>
#include <stdint.h>

// out[i] = in[i] as dst. What a dst integer cannot hold becomes its nearest value, NaN 0.
void combine_convert(int src, int dst, const void *in, void *out, ptrdiff_t n);

// Takes valid values: the first for each cell, the last, the highest, the lowest. filled[i] becomes 1.
// Give the number of cells that were empty before.
ptrdiff_t combine_first(int size, const void *values, const uint8_t *valid, void *out, uint8_t *filled, ptrdiff_t n);
ptrdiff_t combine_last(int size, const void *values, const uint8_t *valid, void *out, uint8_t *filled, ptrdiff_t n);
ptrdiff_t combine_highest(int type, const void *values, const uint8_t *valid, void *out, uint8_t *filled, ptrdiff_t n);
ptrdiff_t combine_lowest(int type, const void *values, const uint8_t *valid, void *out, uint8_t *filled, ptrdiff_t n);

// Adds one item's values of type src, in item order: sums in float64 or in int64 (which wraps, as numpy's
// does), and the running mean and sum of squared distances from it (Welford 1962).
void combine_sum(int src, const void *values, const uint8_t *valid, uint32_t *count, double *sum, ptrdiff_t n);
void combine_sum_integers(int src, const void *values, const uint8_t *valid, uint32_t *count, int64_t *sum, ptrdiff_t n);
void combine_stdev(int src, const void *values, const uint8_t *valid, uint32_t *count, double *mean, double *squares, ptrdiff_t n);
void combine_count(const uint8_t *valid, uint32_t *count, ptrdiff_t n);

// Results, in place; cells without a value get fill.
void combine_mean_of(const uint32_t *count, double *sum, double fill, ptrdiff_t n);
void combine_stdev_of(const uint32_t *count, double *squares, double fill, ptrdiff_t n);
void combine_sum_of(const uint32_t *count, double *sum, double fill, ptrdiff_t n);
void combine_sum_of_integers(const uint32_t *count, int64_t *sum, int64_t fill, ptrdiff_t n);

// The fraction q (0 to 1) of each cell's valid values, between two of them linearly (numpy's default). planes has for
// each item n values of a type and behind them n bytes of validity. 0, or -1 without memory.
int combine_quantile(int type, const void *const *planes, int items, double q, double fill, double *out, ptrdiff_t n);

#endif
