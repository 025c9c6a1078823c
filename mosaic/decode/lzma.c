// LZMA2 in an xz container (compression 34925), by liblzma.
#include "codec.h"

#include <lzma.h>

// Preset 9, the highest that TIFF writers offer, needs 65 MiB.
#define MEMORY_LIMIT (UINT64_C(96) << 20)

static enum cw_status status_of(lzma_ret code) {
  switch (code) {
  case LZMA_STREAM_END: return CW_END;
  case LZMA_BUF_ERROR: return CW_TRUNCATED;
  case LZMA_MEMLIMIT_ERROR: return CW_WINDOW;
  case LZMA_MEM_ERROR: return CW_NO_MEMORY;
  default: return CW_CORRUPT;
  }
}

cw_result cw_unlzma(const uint8_t *src, size_t n, uint8_t *dst, size_t want) {
  cw_result result = {CW_NO_MEMORY, 0};
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_stream_decoder(&stream, MEMORY_LIMIT, 0) != LZMA_OK) return result;
  stream.next_in = src;
  stream.avail_in = n;
  stream.next_out = dst;
  stream.avail_out = want;
  lzma_ret code = LZMA_OK;
  while (code == LZMA_OK && stream.avail_out > 0) code = lzma_code(&stream, LZMA_FINISH);
  if (code == LZMA_OK) {
    // dst is full: one byte more tells whether the stream, and its checksum, end here.
    uint8_t beyond;
    stream.next_out = &beyond;
    stream.avail_out = 1;
    code = lzma_code(&stream, LZMA_FINISH);
    result.produced = want;
    result.status = stream.avail_out == 0 ? CW_MORE : status_of(code);
  } else {
    result.produced = want - stream.avail_out;
    result.status = status_of(code);
  }
  lzma_end(&stream);
  return result;
}
