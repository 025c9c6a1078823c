// Codecs turn the compressed bytes of a tile into rows of samples, exactly as stored: no predictor is
// undone and no byte swapped here (unpack.h does that). None of them allocates output, writes outside
// [dst, dst + want), or reads outside [src, src + n).
#ifndef CW_DECODE_CODEC_H
#define CW_DECODE_CODEC_H

#include <stddef.h>
#include <stdint.h>

// How a codec stopped.
enum cw_status {
  CW_END,          // at the end of the stream
  CW_MORE,         // want bytes were produced and the stream holds more
  CW_TRUNCATED,    // the input ended inside the stream
  CW_CORRUPT,      // the stream breaks the rules of its format
  CW_WINDOW,       // the stream asks for a window beyond the limit
  CW_NO_MEMORY,
};

typedef struct {
  enum cw_status status;
  size_t produced; // bytes written to dst, at most want
} cw_result;

// What a decoding thread keeps between tiles. Members are allocated when first needed.
typedef struct {
  void *inflate; // struct inflate_state of ISA-L
  void *libdeflate; // struct libdeflate_decompressor
  void *zstd;    // ZSTD_DCtx
  void *lzw;     // table of lzw.c
  uint8_t *rows; // decoded rows on their way into planes
  size_t rows_size;
  uint8_t *input; // compressed bytes with their bits reversed (FillOrder 2)
  size_t input_size;
  uint8_t *row; // one row
  size_t row_size;
} cw_arena;

cw_arena *cw_arena_new(void);
void cw_arena_free(cw_arena *arena);
// Each gives at least size bytes, their content undefined, or NULL.
uint8_t *cw_arena_rows(cw_arena *arena, size_t size);
uint8_t *cw_arena_input(cw_arena *arena, size_t size);
uint8_t *cw_arena_row(cw_arena *arena, size_t size);
// Gives buffers larger than keep bytes back to the system.
void cw_arena_trim(cw_arena *arena, size_t keep);

// all tells that a sound stream most likely holds want bytes and no more, which allows a faster way. level
// tells the tiles of one level from others: they are alike.
cw_result cw_inflate(cw_arena *arena, const uint8_t *src, size_t n, uint8_t *dst, size_t want, int all, uint64_t level);
cw_result cw_unzstd(cw_arena *arena, const uint8_t *src, size_t n, uint8_t *dst, size_t want, int all);
cw_result cw_unlzma(const uint8_t *src, size_t n, uint8_t *dst, size_t want);
cw_result cw_unlzw(cw_arena *arena, const uint8_t *src, size_t n, uint8_t *dst, size_t want);
cw_result cw_unpackbits(const uint8_t *src, size_t n, uint8_t *dst, size_t want);

// The two ways of cw_inflate. The first stops when dst is full and says what is wrong; the second only
// takes a whole and sound stream, else its status is CW_CORRUPT whatever the reason.
cw_result cw_inflate_until_full(cw_arena *arena, const uint8_t *src, size_t n, uint8_t *dst, size_t want);
cw_result cw_inflate_whole(cw_arena *arena, const uint8_t *src, size_t n, uint8_t *dst, size_t want);
// Tells which of the two to try first, where both can (pace.c). level is any number that tells levels apart.
int cw_until_full_is_faster(cw_arena *arena, uint64_t level, const uint8_t *src, size_t n, uint8_t *dst, size_t want);

// Mirrors the bits of each byte, for FillOrder 2.
void cw_reverse_bits(const uint8_t *src, uint8_t *dst, size_t n);

#endif
