#include "mask.h"

__attribute__((target_clones("avx2", "default"))) int cw_cog_mask(uint8_t *valid, ptrdiff_t planes, ptrdiff_t plane, ptrdiff_t n) {
  for (ptrdiff_t k = 1; k < planes; k++) {
    const uint8_t *further = valid + k * plane;
    for (ptrdiff_t i = 0; i < n; i++) valid[i] |= further[i];
  }
  uint8_t bare = 0;
  for (ptrdiff_t i = 0; i < n; i++) {
    bare |= valid[i] == 0;
    valid[i] = valid[i] != 0 ? 255 : 0;
  }
  return bare;
}
