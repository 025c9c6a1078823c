// Whether a pixel equals nodata: defines NAME(nodata) and IS_NODATA(value) for the type at hand.
// An integer type that cannot hold the nodata value has no such pixel.
#undef IS_NODATA

#if IS_FLOAT
// A NaN nodata means NaN pixels. Another one is a decimal text that writers round: pixels within GDAL's tolerance
// of it, four times a float's epsilon, are meant (ARE_REAL_EQUAL in gdal_priv.h).
typedef struct { int set, nan; T low, high; } NAME(nodata);
INLINE NAME(nodata) NAME(nodata_of)(int set, double value) {
	double slack = 4.0 * 0x1p-23 * fabs(value);
	if (isinf(value)) slack = 0;
	return (NAME(nodata)){set, value != value, (T)(value - slack), (T)(value + slack)};
}
#define IS_NODATA(v) (nodata.nan ? (v) != (v) : ((v) >= nodata.low) & ((v) <= nodata.high))
#elif WIDE
// As float64, in which the tag was read (core.NoData).
typedef struct { int set; double value; } NAME(nodata);
INLINE NAME(nodata) NAME(nodata_of)(int set, double value) {
	return (NAME(nodata)){set, value};
}
#define IS_NODATA(v) ((double)(v) == nodata.value)
#else
typedef struct { int set; T value; } NAME(nodata);
INLINE NAME(nodata) NAME(nodata_of)(int set, double value) {
	int held = set && value >= LOW && value <= HIGH && value == floor(value);
	return (NAME(nodata)){held, held ? (T)value : 0};
}
#define IS_NODATA(v) ((v) == nodata.value)
#endif
