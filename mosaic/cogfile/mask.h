/* Where some layer has data. */
#ifndef CW_COGFILE_MASK_H
#define CW_COGFILE_MASK_H

#include <stddef.h>
#include <stdint.h>

/* Makes of n bytes of validity a mask as GDAL has it: 255 where they are not 0, or those of a further plane are not, each plane
   bytes after the one before. Tells whether some are 0. */
int cw_cog_mask(uint8_t *valid, ptrdiff_t planes, ptrdiff_t plane, ptrdiff_t n);

#endif
