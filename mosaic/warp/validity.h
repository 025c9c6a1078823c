#ifndef WARP_VALIDITY_H
#define WARP_VALIDITY_H

#include "kernel.h"

// validity_plane writes 1 for each valid pixel of the window, else 0, and tells whether all are valid.
int validity_plane(const raster *r, int dtype, const uint8_t *mask, int has_nodata, double nodata, uint8_t *ok);

// validity_full writes 1 where the taps[0] x taps[1] pixels from here on (right and down) are valid.
void validity_full(const raster *r, const int taps[2], const uint8_t *ok, uint8_t *full);

#endif
