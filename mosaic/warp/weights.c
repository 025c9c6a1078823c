// The weights of the smooth kernels.
#include "weights.h"

// The Lanczos kernel sinc(u) sinc(u/3) is (1-t)(4-t)(9-t)^2 q(t) with t = u*u: the zeros are exact and q
// is positive and smooth, so that a polynomial of degree 8 through its Chebyshev nodes on [0, 9] errs by at
// most 4e-8 (TestLanczosWeights), also in float.
#define Q(c) ((c) / 324)
static const double lanczos_q[9] = {
	Q(0.9999999659471862), Q(-0.3554816827351261), Q(0.058935055315904906), Q(-0.0060984519104944875),
	Q(0.0004438398155146437), Q(-2.4078912029755614e-05), Q(9.80148595099619e-07), Q(-2.760211560523765e-08),
	Q(4.0185939649618593e-10),
};

double weight_at(enum kernel kernel, double u) {
	double a = fabs(u), t = u * u;
	switch (kernel) {
	case BILINEAR:
		return a < 1 ? 1 - a : 0;
	case CUBIC:
		if (a <= 1)
			return t * (1.5 * a - 2.5) + 1;
		return a < 2 ? t * (2.5 - 0.5 * a) - 4 * a + 2 : 0;
	case CUBIC_SPLINE:
		if (a <= 1)
			return (t * (3 * a - 6) + 4) / 6;
		// GDAL's spline lacks the term that makes it end at 2: right and below it goes on. Taps are that far out
		// where 2/scale is not an integer.
		return u > -2 ? (2 - a) * (2 - a) * (2 - a) / 6 : 0;
	case LANCZOS: {
		if (a >= 3)
			return 0;
		double q = lanczos_q[8];
		for (int i = 7; i >= 0; i--)
			q = q * t + lanczos_q[i];
		return (1 - t) * (4 - t) * ((9 - t) * (9 - t)) * q;
	}
	default:
		return 0;
	}
}

// At full scale, where GDAL rescales the six weights of an axis to sum to one, the weight of tap k - 2 at
// fraction f is the sum of lanczos_full[d][k] f^d: fitted on [0, 1] at Chebyshev nodes, with the ends and the sum
// exact. They err by at most 2e-8 (TestLanczosWeights).
static const double lanczos_full[12][8] = {
	{0, 0, 1, 0, 0, 0},
	{0.206748328, -0.826993379, 0.000000069, 0.826993339, -0.206748333, -0.000000024},
	{-0.331747231, 1.153994631, -1.7556029685, 1.1539890505, -0.331749633, 0.111116151},
	{-0.158501443, 0.272884421, -0.073511819, -0.273318615, 0.158553882, 0.073893574},
	{0.445625994, -0.756953378, 0.873132817, -0.881021842, 0.474681608, -0.155465199},
	{-0.085924253, 0.01574903, 0.306801413, -0.246714157, 0.150799006, -0.140711039},
	{-0.093142927, 0.14796691, -0.3170859815, 0.3724095915, -0.226312771, 0.116165178},
	{0.071633729, -0.328999327, 0.490782688, -0.181149986, 0.10527782, -0.157544924},
	{-0.226543731, 0.905976887, -1.5733617925, 1.0281777005, -0.545934072, 0.411685008},
	{0.300357856, -0.932919748, 1.6923958305, -1.3805452075, 0.730178118, -0.409466849},
	{-0.159487927, 0.42240946, -0.77963141, 0.717261277, -0.381861131, 0.181309731},
	{0.030981604, -0.073115509, 0.1360811545, -0.1360811515, 0.073115508, -0.030981606},
};

#define W float
#define W_INT int32_t
#define W_TAG f32
#include "weights_body.h"
#undef W
#undef W_INT
#undef W_TAG

#define W double
#define W_INT int64_t
#define W_TAG f64
#include "weights_body.h"
#undef W
#undef W_INT
#undef W_TAG
