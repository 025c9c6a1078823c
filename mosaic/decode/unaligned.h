// Integers at any address: planes and tiles come from callers who promise no alignment.
#ifndef CW_DECODE_UNALIGNED_H
#define CW_DECODE_UNALIGNED_H

#include <stdint.h>

typedef uint16_t cw_u16 __attribute__((aligned(1), may_alias));
typedef uint32_t cw_u32 __attribute__((aligned(1), may_alias));
typedef uint64_t cw_u64 __attribute__((aligned(1), may_alias));

#define CW_SWAP1(v) (v)
#define CW_SWAP2(v) __builtin_bswap16(v)
#define CW_SWAP4(v) __builtin_bswap32(v)
#define CW_SWAP8(v) __builtin_bswap64(v)

#endif
