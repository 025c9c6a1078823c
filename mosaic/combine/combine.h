// The C side of package combine. Types are numbered as core.DTypes lists them; the caller has checked
// every size. valid is 0 or not for each cell.
#ifndef COMBINE_H
#define COMBINE_H

#include <stddef.h>
#include <stdint.h>

// out[i] = in[i] as dst. What a dst integer cannot hold becomes its nearest value, NaN 0.
void combine_convert(int src, int dst, const void *in, void *out, ptrdiff_t n);

// Writes rows x cols values to out, stride from row to row, and *fill where they are not valid.
void combine_place(int size, const void *values, const uint8_t *valid, const void *fill, void *out, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t cols);

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

// valid[i] = count[i] != 0.
void combine_counted(const uint32_t *count, uint8_t *valid, ptrdiff_t n);

// Results, in place; cells without a value get fill.
void combine_mean_of(const uint32_t *count, double *sum, double fill, ptrdiff_t n);
void combine_stdev_of(const uint32_t *count, double *squares, double fill, ptrdiff_t n);
void combine_sum_of(const uint32_t *count, double *sum, double fill, ptrdiff_t n);
void combine_sum_of_integers(const uint32_t *count, int64_t *sum, int64_t fill, ptrdiff_t n);

// The fraction q (0 to 1) of each cell's valid values, between two of them linearly (numpy's default). planes has for
// each item n values of a type and behind them n bytes of validity. 0, or -1 without memory.
int combine_quantile(int type, const void *const *planes, int items, double q, double fill, double *out, ptrdiff_t n);

// out[i] = in[i] * scale + offset in float64, as float32 or, where dst is 9, float64.
void combine_scale(int src, int dst, const void *in, void *out, double scale, double offset, ptrdiff_t n);

// both[i] &= a[i].
void combine_both(const uint8_t *a, uint8_t *both, ptrdiff_t n);

// either[i] |= a[i].
void combine_either(const uint8_t *a, uint8_t *either, ptrdiff_t n);

// Clears has[i] where take is set.
void combine_without(const uint8_t *take, uint8_t *has, ptrdiff_t n);

// take[i] = 1 where a value is valid and higher than the best so far, which it then becomes.
void combine_better(int type, const void *values, const uint8_t *valid, void *best, uint8_t *filled, uint8_t *take, ptrdiff_t n);

// Where take is set, out and has become the values and their validity.
void combine_put(int size, const void *values, const uint8_t *valid, const uint8_t *take, void *out, uint8_t *has, ptrdiff_t n);

// out[i] = *fill where has[i] is 0.
void combine_fill_empty(int size, void *out, const uint8_t *has, const void *fill, ptrdiff_t n);

// The item of each cell whose bands are nearest to those of the others: the least sum of Euclidean distances
// (Flood 2013, doi:10.3390/rs5126481), the earliest of equals; UINT32_MAX where no item is valid. planes has for
// each item bands times n values of a type and behind them n bytes of validity. 0, or -1 without memory.
int combine_medoid(int type, int size, const void *const *planes, int items, int bands, uint32_t *chosen, ptrdiff_t n);

// out[i] = value i of the chosen item's plane, offset bytes from its start, and has[i] = 1; 0 where none is chosen.
void combine_pick(int size, const void *const *planes, ptrdiff_t offset, const uint32_t *chosen, void *out, uint8_t *has, ptrdiff_t n);

#endif
