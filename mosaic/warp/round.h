// Pixels from sums, clamped to T's range; halves go up, as in GDAL. ROUND takes a double, ROUND_WORK the
// type of the vector paths.
#undef ROUND
#undef ROUND_WORK
#undef CLAMPED
#if IS_FLOAT
#define ROUND(v) ((T)(v))
#elif WIDE
// No double is the greatest value: what exceeds HIGH is TOP.
#define ROUND(v) ((v) > HIGH ? TOP : (v) < LOW ? (T)LOW : (T)floor((v) + 0.5))
#else
#define CLAMPED(v, low, high) ((v) < (low) ? (low) : (v) > (high) ? (high) : (v))
#define ROUND(v) ((T)floor(CLAMPED(v, LOW, HIGH) + 0.5))
#endif
#if SMALL
#define ROUND_WORK(v) ((T)(int32_t)floorf(CLAMPED(v, (float)LOW, (float)HIGH) + 0.5f))
#else
#define ROUND_WORK(v) ROUND(v)
#endif
