#include "codec.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <zstd.h>

cw_arena *cw_arena_new(void) { return calloc(1, sizeof(cw_arena)); }

void cw_arena_free(cw_arena *arena) {
  if (arena == NULL) return;
  free(arena->inflate);
  if (arena->libdeflate != NULL) libdeflate_free_decompressor(arena->libdeflate);
  ZSTD_freeDCtx(arena->zstd);
  free(arena->lzw);
  free(arena->rows);
  free(arena->input);
  free(arena->row);
  free(arena);
}

static uint8_t *at_least(uint8_t **buffer, size_t *size, size_t need) {
  if (*size >= need && *buffer != NULL) return *buffer;
  // Not realloc: the old content is of no use, copying it would be waste.
  free(*buffer);
  *size = 0;
  *buffer = malloc(need == 0 ? 1 : need);
  if (*buffer != NULL) *size = need;
  return *buffer;
}

uint8_t *cw_arena_rows(cw_arena *arena, size_t size) { return at_least(&arena->rows, &arena->rows_size, size); }
uint8_t *cw_arena_input(cw_arena *arena, size_t size) { return at_least(&arena->input, &arena->input_size, size); }
uint8_t *cw_arena_row(cw_arena *arena, size_t size) { return at_least(&arena->row, &arena->row_size, size); }

static void drop_above(uint8_t **buffer, size_t *size, size_t keep) {
  if (*size <= keep) return;
  free(*buffer);
  *buffer = NULL;
  *size = 0;
}

void cw_arena_trim(cw_arena *arena, size_t keep) {
  drop_above(&arena->rows, &arena->rows_size, keep);
  drop_above(&arena->input, &arena->input_size, keep);
  drop_above(&arena->row, &arena->row_size, keep);
  if (arena->zstd != NULL && ZSTD_sizeof_DCtx(arena->zstd) > keep) {
    ZSTD_freeDCtx(arena->zstd);
    arena->zstd = NULL;
  }
}
