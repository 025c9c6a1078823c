// The C side of package combine. Types are numbered as core.DTypes lists them; the caller has checked
// every size.
#ifndef COMBINE_H
#define COMBINE_H

#include <stddef.h>
#include <stdint.h>

// out[i] = (dst)in[i]. Every value of src is a value of dst, or dst is floating point.
void combine_convert(int src, int dst, const void *in, void *out, ptrdiff_t n);

// Takes valid values: the first for each cell, the last, the highest, the lowest. filled[i] becomes 1.
// Give the number of cells that were empty before.
ptrdiff_t combine_first(int size, const void *values, const uint8_t *valid, void *out, uint8_t *filled, ptrdiff_t n);
ptrdiff_t combine_last(int size, const void *values, const uint8_t *valid, void *out, uint8_t *filled, ptrdiff_t n);
ptrdiff_t combine_highest(int type, const void *values, const uint8_t *valid, void *out, uint8_t *filled, ptrdiff_t n);
ptrdiff_t combine_lowest(int type, const void *values, const uint8_t *valid, void *out, uint8_t *filled, ptrdiff_t n);

// Running count, mean and sum of squared distances from it (Welford 1962), in item order.
void combine_mean(const double *values, const uint8_t *valid, uint32_t *count, double *sum, ptrdiff_t n);
void combine_stdev(const double *values, const uint8_t *valid, uint32_t *count, double *mean, double *squares, ptrdiff_t n);
void combine_sum(const double *values, const uint8_t *valid, uint32_t *count, double *sum, ptrdiff_t n);
void combine_sum_integers(const int64_t *values, const uint8_t *valid, uint32_t *count, int64_t *sum, ptrdiff_t n);
void combine_count(const uint8_t *valid, uint32_t *count, ptrdiff_t n);

// Results; cells without a value get fill.
void combine_mean_of(const uint32_t *count, const double *sum, double fill, double *out, ptrdiff_t n);
void combine_stdev_of(const uint32_t *count, const double *squares, double fill, double *out, ptrdiff_t n);

// The fraction q (0 to 1) of each cell's valid values, between two of them linearly (numpy's default).
// stack holds `items` planes of n values each, valid likewise. sorted has room for `items` values.
void combine_quantile(const double *stack, const uint8_t *valid, int items, double q, double fill, double *sorted, double *out, ptrdiff_t n);

#endif
