// Includes BODY once for each pixel type, with
//   T, BYTES  the C type and its size      TAG  its name in function names
//   WORK, WORK_TAG  the type of weights and sums: float is exact enough for 8 and 16 bits
//   KEY, KEY_MAX  an integer type of T's size (see TO_KEY) and its greatest value
//   LOW, HIGH  the type's range as doubles (HIGH rounded down to a double that T holds)
//   TOP   the greatest value of a 64-bit integer
//   IS_FLOAT, SMALL (8 or 16 bits), WIDE (64-bit integer)
#define T uint8_t
#define BYTES 1
#define TAG u8
#define WORK float
#define WORK_TAG f32
#define KEY uint8_t
#define KEY_MAX UINT8_MAX
#define LOW 0.0
#define HIGH 255.0
#define IS_FLOAT 0
#define SMALL 1
#define WIDE 0
#include BODY
#include "end_type.h"

#define T int8_t
#define BYTES 1
#define TAG i8
#define WORK float
#define WORK_TAG f32
#define KEY int8_t
#define KEY_MAX INT8_MAX
#define LOW -128.0
#define HIGH 127.0
#define IS_FLOAT 0
#define SMALL 1
#define WIDE 0
#include BODY
#include "end_type.h"

#define T uint16_t
#define BYTES 2
#define TAG u16
#define WORK float
#define WORK_TAG f32
#define KEY uint16_t
#define KEY_MAX UINT16_MAX
#define LOW 0.0
#define HIGH 65535.0
#define IS_FLOAT 0
#define SMALL 1
#define WIDE 0
#include BODY
#include "end_type.h"

#define T int16_t
#define BYTES 2
#define TAG i16
#define WORK float
#define WORK_TAG f32
#define KEY int16_t
#define KEY_MAX INT16_MAX
#define LOW -32768.0
#define HIGH 32767.0
#define IS_FLOAT 0
#define SMALL 1
#define WIDE 0
#include BODY
#include "end_type.h"

#define T uint32_t
#define BYTES 4
#define TAG u32
#define WORK double
#define WORK_TAG f64
#define KEY uint32_t
#define KEY_MAX UINT32_MAX
#define LOW 0.0
#define HIGH 4294967295.0
#define IS_FLOAT 0
#define SMALL 0
#define WIDE 0
#include BODY
#include "end_type.h"

#define T int32_t
#define BYTES 4
#define TAG i32
#define WORK double
#define WORK_TAG f64
#define KEY int32_t
#define KEY_MAX INT32_MAX
#define LOW -2147483648.0
#define HIGH 2147483647.0
#define IS_FLOAT 0
#define SMALL 0
#define WIDE 0
#include BODY
#include "end_type.h"

#define T uint64_t
#define BYTES 8
#define TAG u64
#define WORK double
#define WORK_TAG f64
#define KEY uint64_t
#define KEY_MAX UINT64_MAX
#define LOW 0.0
#define HIGH 18446744073709549568.0
#define TOP UINT64_MAX
#define IS_FLOAT 0
#define SMALL 0
#define WIDE 1
#include BODY
#include "end_type.h"

#define T int64_t
#define BYTES 8
#define TAG i64
#define WORK double
#define WORK_TAG f64
#define KEY int64_t
#define KEY_MAX INT64_MAX
#define LOW -9223372036854775808.0
#define HIGH 9223372036854774784.0
#define TOP INT64_MAX
#define IS_FLOAT 0
#define SMALL 0
#define WIDE 1
#include BODY
#include "end_type.h"

#define T float
#define BYTES 4
#define TAG f32
#define WORK double
#define WORK_TAG f64
#define KEY int32_t
#define KEY_MAX INT32_MAX
#define IS_FLOAT 1
#define SMALL 0
#define WIDE 0
#include BODY
#include "end_type.h"

#define T double
#define BYTES 8
#define TAG f64
#define WORK double
#define WORK_TAG f64
#define KEY int64_t
#define KEY_MAX INT64_MAX
#define IS_FLOAT 1
#define SMALL 0
#define WIDE 0
#include BODY
#include "end_type.h"
