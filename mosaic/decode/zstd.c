// Zstandard (compression 50000), by libzstd.
#include "codec.h"

#include <zstd.h>
#include <zstd_errors.h>

// libtiff's highest level writes frames with a window of 2^27 bytes.
enum { WINDOW_LOG_MAX = 27 };

static enum cw_status status_of(size_t code) {
  switch (ZSTD_getErrorCode(code)) {
  case ZSTD_error_srcSize_wrong: return CW_TRUNCATED;
  case ZSTD_error_memory_allocation: return CW_NO_MEMORY;
  case ZSTD_error_frameParameter_windowTooLarge: return CW_WINDOW;
  default: return CW_CORRUPT;
  }
}

// Decodes the first frame, and no more of it than want bytes.
static cw_result stream(ZSTD_DCtx *context, const uint8_t *src, size_t n, uint8_t *dst, size_t want) {
  ZSTD_inBuffer in = {src, n, 0};
  ZSTD_outBuffer out = {dst, want, 0};
  cw_result result = {CW_TRUNCATED, 0};
  ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
  for (;;) {
    size_t in_before = in.pos, out_before = out.pos;
    size_t code = ZSTD_decompressStream(context, &out, &in);
    result.produced = out.pos;
    if (ZSTD_isError(code)) {
      result.status = status_of(code);
      return result;
    }
    if (code == 0 || out.pos == want) {
      result.status = code == 0 ? CW_END : CW_MORE;
      return result;
    }
    if (in.pos == in_before && out.pos == out_before) return result;
  }
}

cw_result cw_unzstd(cw_arena *arena, const uint8_t *src, size_t n, uint8_t *dst, size_t want, int all) {
  if (arena->zstd == NULL) {
    arena->zstd = ZSTD_createDCtx();
    if (arena->zstd == NULL) return (cw_result){CW_NO_MEMORY, 0};
    ZSTD_DCtx_setParameter(arena->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
  }
  if (all) {
    // In one call there is no window besides dst and no copy. What follows the frame is not ours. An error
    // is left to the other way, which tells what is wrong.
    size_t frame = ZSTD_findFrameCompressedSize(src, n);
    if (!ZSTD_isError(frame)) {
      size_t code = ZSTD_decompressDCtx(arena->zstd, dst, want, src, frame);
      if (!ZSTD_isError(code)) return (cw_result){CW_END, code};
    }
  }
  return stream(arena->zstd, src, n, dst, want);
}
