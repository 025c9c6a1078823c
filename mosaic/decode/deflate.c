// Deflate in a zlib wrapper (compressions 8 and 32946): by ISA-L, which stops when dst is full, where rows are
// left out or something is wrong; where all of a tile is wanted, by libdeflate or by ISA-L, whichever is
// faster on that level's tiles.
#include "codec.h"

#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <stdlib.h>

enum { ZLIB_HEADER = 2, ZLIB_TRAILER = 4 };

static int zlib_header_is_sound(const uint8_t *src) {
  int deflate = (src[0] & 15) == 8 && src[0] >> 4 <= 7;
  int dictionary = src[1] & 32;
  return deflate && !dictionary && (src[0] * 256 + src[1]) % 31 == 0;
}

// A trailer cut off is tolerated, as zlib's users do once they have their bytes; a wrong one is not.
static enum cw_status check_trailer(const uint8_t *trailer, size_t left, const uint8_t *dst, size_t produced) {
  if (left < ZLIB_TRAILER) return CW_END;
  uint32_t stored = (uint32_t)trailer[0] << 24 | (uint32_t)trailer[1] << 16 | (uint32_t)trailer[2] << 8 | trailer[3];
  return libdeflate_adler32(1, dst, produced) == stored ? CW_END : CW_CORRUPT;
}

cw_result cw_inflate_until_full(cw_arena *arena, const uint8_t *src, size_t n, uint8_t *dst, size_t want) {
  cw_result result = {CW_CORRUPT, 0};
  if (n < ZLIB_HEADER) {
    result.status = CW_TRUNCATED;
    return result;
  }
  if (!zlib_header_is_sound(src) || n > UINT32_MAX || want > UINT32_MAX) return result;
  if (arena->inflate == NULL) arena->inflate = malloc(sizeof(struct inflate_state));
  struct inflate_state *state = arena->inflate;
  if (state == NULL) {
    result.status = CW_NO_MEMORY;
    return result;
  }
  isal_inflate_init(state);
  state->next_in = (uint8_t *)src + ZLIB_HEADER;
  state->avail_in = (uint32_t)(n - ZLIB_HEADER);
  state->next_out = dst;
  state->avail_out = (uint32_t)want;
  // The stateless call decodes straight into dst. The wrapper is ours, because its checksum must not be
  // looked for after a stop.
  int code = isal_inflate_stateless(state);
  result.produced = want - state->avail_out;
  switch (code) {
  case ISAL_DECOMP_OK: result.status = check_trailer(state->next_in, state->avail_in, dst, result.produced); break;
  case ISAL_OUT_OVERFLOW: result.status = CW_MORE; break;
  case ISAL_END_INPUT: result.status = CW_TRUNCATED; break;
  }
  return result;
}

cw_result cw_inflate_whole(cw_arena *arena, const uint8_t *src, size_t n, uint8_t *dst, size_t want) {
  if (arena->libdeflate == NULL) arena->libdeflate = libdeflate_alloc_decompressor();
  if (arena->libdeflate == NULL) return (cw_result){CW_NO_MEMORY, 0};
  size_t produced = 0;
  if (libdeflate_zlib_decompress(arena->libdeflate, src, n, dst, want, &produced) != LIBDEFLATE_SUCCESS)
    return (cw_result){CW_CORRUPT, 0};
  return (cw_result){CW_END, produced};
}

cw_result cw_inflate(cw_arena *arena, const uint8_t *src, size_t n, uint8_t *dst, size_t want, int all, uint64_t level) {
  if (!all) return cw_inflate_until_full(arena, src, n, dst, want);
  // What either library takes is taken, so that the choice shows in nothing but time.
  if (cw_until_full_is_faster(arena, level, src, n, dst, want)) {
    cw_result first = cw_inflate_until_full(arena, src, n, dst, want);
    if (first.status == CW_END || first.status == CW_MORE) return first;
    cw_result second = cw_inflate_whole(arena, src, n, dst, want);
    return second.status == CW_END ? second : cw_inflate_until_full(arena, src, n, dst, want);
  }
  cw_result first = cw_inflate_whole(arena, src, n, dst, want);
  return first.status == CW_CORRUPT ? cw_inflate_until_full(arena, src, n, dst, want) : first;
}
