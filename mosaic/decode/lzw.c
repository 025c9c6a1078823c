// LZW (compression 5): TIFF's own variant, most significant bit first and widening one code early, and
// the variant of libtiff before 1991, least significant bit first and widening on time.
#include "codec.h"

#include <stdlib.h>
#include <string.h>

enum { CLEAR = 256, END_OF_INFORMATION = 257, FIRST = 258, TABLE = 4096, MIN_WIDTH = 9, MAX_WIDTH = 12 };

// A string is a place in the output: each new one is the string before it and one byte more, and these
// bytes stand side by side in the output. So no chain of prefixes is walked. Its first bytes are kept here as
// well: most strings are no longer, and are written without a loop, a branch, or a wait for what was
// just stored.
typedef struct {
  uint64_t head; // the first eight bytes, the first of all in the lowest
  uint32_t at, length;
} string;

enum { HEAD = 8 };

typedef struct {
  const uint8_t *next, *end;
  uint64_t bits; // unread bits, at the top (MSB first) or at the bottom
  int count;     // how many of them are valid
} bit_reader;

static inline uint64_t load8(const uint8_t *p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return v;
}

static inline void refill(bit_reader *r, int lsb) {
  if (r->end - r->next >= 8) {
    uint64_t v = load8(r->next);
    r->bits |= lsb ? v << r->count : __builtin_bswap64(v) >> r->count;
    r->next += (63 - r->count) >> 3;
    r->count |= 56;
    return;
  }
  while (r->count <= 56 && r->next < r->end) {
    uint64_t b = *r->next++;
    r->bits |= lsb ? b << r->count : b << (56 - r->count);
    r->count += 8;
  }
}

// Gives the next code, or -1 at the end of the input.
static inline int next_code(bit_reader *r, int width, int lsb) {
  if (r->count < width) {
    refill(r, lsb);
    if (r->count < width) return -1;
  }
  int code;
  if (lsb) {
    code = (int)(r->bits & ((1u << width) - 1));
    r->bits >>= width;
  } else {
    code = (int)(r->bits >> (64 - width));
    r->bits <<= width;
  }
  r->count -= width;
  return code;
}

// Writes a string to dst + out, where room bytes are left and at least as many as the string needs.
static inline void put_string(uint8_t *dst, string s, size_t out, size_t room) {
  if (room >= HEAD) {
    memcpy(dst + out, &s.head, HEAD);
  } else {
    memcpy(dst + out, &s.head, s.length < room ? s.length : room);
    return;
  }
  // Only the newest string may overlap itself, and it does so byte by byte.
  if (s.length > HEAD) {
    const uint8_t *from = dst + s.at;
    if (s.at + (size_t)s.length <= out && room - s.length >= HEAD) {
      for (size_t i = HEAD; i < s.length; i += HEAD) memcpy(dst + out + i, from + i, HEAD);
    } else {
      for (size_t i = HEAD; i < s.length; i++) dst[out + i] = from[i];
    }
  }
}

static inline string longer(string s, uint64_t last) {
  if (s.length < HEAD) s.head |= last << (8 * s.length);
  s.length++;
  return s;
}

static inline __attribute__((always_inline)) cw_result decode(string *table, const uint8_t *src, size_t n, uint8_t *dst,
                                                              size_t want, const int lsb) {
  bit_reader reader = {src, src + n, 0, 0};
  const int early = lsb ? 0 : 1;
  int next = FIRST, width = MIN_WIDTH, limit = (1 << MIN_WIDTH) - early;
  string previous = {0, 0, 0}; // length 0: none since the table was cleared
  size_t out = 0;
  for (;;) {
    int code = next_code(&reader, width, lsb);
    if (code < 0) return (cw_result){out == want ? CW_END : CW_TRUNCATED, out};
    if (code == END_OF_INFORMATION) return (cw_result){CW_END, out};
    if (code == CLEAR) {
      next = FIRST;
      width = MIN_WIDTH;
      limit = (1 << MIN_WIDTH) - early;
      previous.length = 0;
      continue;
    }
    if (out == want) return (cw_result){CW_MORE, out};
    if (previous.length != 0 && next < TABLE) {
      // The new string ends with the first byte of the present one, which may be the new one itself.
      uint64_t last = (code < next ? table[code].head : previous.head) & 255;
      table[next] = longer(previous, last);
      if (++next >= limit && width < MAX_WIDTH) {
        width++;
        limit = (1 << width) - early;
      }
    }
    if (code >= next) return (cw_result){CW_CORRUPT, out};
    string s = table[code];
    size_t room = want - out;
    if (s.length > room) {
      s.length = (uint32_t)room;
      put_string(dst, s, out, room);
      return (cw_result){CW_MORE, want};
    }
    put_string(dst, s, out, room);
    s.at = (uint32_t)out;
    previous = s;
    out += s.length;
  }
}

cw_result cw_unlzw(cw_arena *arena, const uint8_t *src, size_t n, uint8_t *dst, size_t want) {
  if (arena->lzw == NULL) {
    arena->lzw = malloc(sizeof(string) * TABLE);
    if (arena->lzw == NULL) return (cw_result){CW_NO_MEMORY, 0};
    for (uint64_t i = 0; i < CLEAR; i++) ((string *)arena->lzw)[i] = (string){i, 0, 1};
  }
  if (want > UINT32_MAX) return (cw_result){CW_CORRUPT, 0};
  // Every stream starts with a clear code, 256 in nine bits: 0x80 first, or 0x00 with the low bit set next.
  if (n >= 2 && src[0] == 0 && (src[1] & 1)) return decode(arena->lzw, src, n, dst, want, 1);
  return decode(arena->lzw, src, n, dst, want, 0);
}
