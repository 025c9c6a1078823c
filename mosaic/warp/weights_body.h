// Weights in W (float or double), LANES (32 bytes) at a time: wider vectors have no comparisons in GCC 12.
#undef TAG
#define TAG W_TAG
#define V NAME(lanes)
#define M NAME(masks)
#define LANES ((int)(32 / sizeof(W)))
typedef W V __attribute__((vector_size(32)));
typedef W_INT M __attribute__((vector_size(32)));

#define PICK(mask, a, b) ((V)(((M)(a) & (mask)) | ((M)(b) & ~(mask))))

// curve gives the kernel at a vector of distances: weight_at in lanes.
INLINE void NAME(curve)(enum kernel kernel, const V *u, V *out) {
	const V zero = {0};
	V t = *u * *u, a = PICK(*u < zero, -*u, *u);
	V near, far = zero;
	M inner = a <= zero + 1, outer = a < zero + 2;
	switch (kernel) {
	case BILINEAR:
		near = 1 - a;
		outer = inner;
		break;
	case CUBIC:
		near = t * ((W)1.5 * a - (W)2.5) + 1;
		far = t * ((W)2.5 - (W)0.5 * a) - 4 * a + 2;
		break;
	case CUBIC_SPLINE:
		near = (t * (3 * a - 6) + 4) * (W)(1.0 / 6);
		far = (2 - a) * (2 - a) * (2 - a) * (W)(1.0 / 6);
		outer = *u > zero - 2; // see weight_at
		break;
	default: // LANCZOS
		near = zero + (W)lanczos_q[8];
		for (int i = 7; i >= 0; i--)
			near = near * t + (W)lanczos_q[i];
		near = (1 - t) * (4 - t) * ((9 - t) * (9 - t)) * near;
		*out = PICK(a < zero + 3, near, zero);
		return;
	}
	*out = PICK(inner, near, PICK(outer, far, zero));
}

INLINE W NAME(total)(const V *v) {
	W sum = ((*v)[0] + (*v)[2]) + ((*v)[1] + (*v)[3]);
	if (LANES == 8)
		sum += ((*v)[LANES - 4] + (*v)[LANES - 2]) + ((*v)[LANES - 3] + (*v)[LANES - 1]);
	return sum;
}

// along writes pad weights of one pixel along one axis and gives their sum.
INLINE W NAME(along)(enum kernel kernel, double scale_, int radius, int taps, int pad, double fraction, W *w) {
	const V zero = {0};
	V lane, sum = zero;
	for (int l = 0; l < LANES; l++)
		lane[l] = l;
	W scale = (W)scale_, f = (W)fraction;
	for (int c = 0; c < pad; c += LANES) {
		V k = lane + (W)(c + 1 - radius), u = (k - f) * scale, weight;
		NAME(curve)(kernel, &u, &weight);
		weight = PICK(lane < zero + (W)(taps - c), weight, zero);
		memcpy(w + c, &weight, sizeof weight);
		sum += weight;
	}
	return NAME(total)(&sum);
}

INLINE void NAME(of_kernel)(enum kernel kernel, const reach *k, const placement *p, int i0, int n, const int pad[2], W *wx, W *wy, W *inv) {
	for (int i = 0; i < n; i++) {
		W sx = NAME(along)(kernel, k->scale[0], k->radius[0], k->taps[0], pad[0], p->fx[i0 + i], wx + (ptrdiff_t)i * pad[0]);
		W sy = NAME(along)(kernel, k->scale[1], k->radius[1], k->taps[1], pad[1], p->fy[i0 + i], wy + (ptrdiff_t)i * pad[1]);
		inv[i] = 1 / (sx * sy);
	}
}

// The cubics at full scale are one polynomial of the fraction per tap, and sum to one.
static const W NAME(catmull)[4][4] = {{0, 1, 0, 0}, {(W)-0.5, 0, (W)0.5, 0}, {1, (W)-2.5, 2, (W)-0.5}, {(W)-0.5, (W)1.5, (W)-1.5, (W)0.5}};
static const W NAME(spline)[4][4] = {
	{(W)(1.0 / 6), (W)(4.0 / 6), (W)(1.0 / 6), 0}, {(W)-0.5, 0, (W)0.5, 0}, {(W)0.5, -1, (W)0.5, 0}, {(W)(-1.0 / 6), (W)0.5, (W)-0.5, (W)(1.0 / 6)}};

INLINE void NAME(cubic)(const W c[4][4], const double *fractions, int n, W *restrict w) {
	for (int i = 0; i < n; i++) {
		W f = (W)fractions[i];
		for (int k = 0; k < 4; k++)
			w[4 * i + k] = c[0][k] + f * (c[1][k] + f * (c[2][k] + f * c[3][k]));
	}
}

// lanczos6 writes eight weights of each pixel along one axis at full scale.
INLINE void NAME(lanczos6)(const double *fractions, int n, W *restrict w) {
	V c[12][8 / LANES];
	for (int d = 0; d < 12; d++)
		for (int k = 0; k < 8; k++)
			c[d][k / LANES][k % LANES] = (W)lanczos_full[d][k];
	for (int i = 0; i < n; i++) {
		W f = (W)fractions[i];
		for (int h = 0; h < 8 / LANES; h++) {
			V v = c[11][h];
			for (int d = 10; d >= 0; d--)
				v = v * f + c[d][h];
			memcpy(w + 8 * i + h * LANES, &v, sizeof v);
		}
	}
}

CLONES void NAME(weights)(const reach *k, const placement *p, int i0, int n, const int pad[2], W *wx, W *wy, W *inv) {
	if (pad[0] == 4) {
		const W(*c)[4] = k->kernel == CUBIC ? NAME(catmull) : NAME(spline);
		NAME(cubic)(c, p->fx + i0, n, wx);
		NAME(cubic)(c, p->fy + i0, n, wy);
		return;
	}
	if (k->kernel == LANCZOS && k->taps[0] == 6 && k->taps[1] == 6) {
		NAME(lanczos6)(p->fx + i0, n, wx);
		NAME(lanczos6)(p->fy + i0, n, wy);
		for (int i = 0; i < n; i++)
			inv[i] = 1;
		return;
	}
	switch (k->kernel) {
	case BILINEAR:
		NAME(of_kernel)(BILINEAR, k, p, i0, n, pad, wx, wy, inv);
		break;
	case CUBIC:
		NAME(of_kernel)(CUBIC, k, p, i0, n, pad, wx, wy, inv);
		break;
	case CUBIC_SPLINE:
		NAME(of_kernel)(CUBIC_SPLINE, k, p, i0, n, pad, wx, wy, inv);
		break;
	default:
		NAME(of_kernel)(LANCZOS, k, p, i0, n, pad, wx, wy, inv);
	}
}
#undef V
#undef M
#undef PICK
#undef LANES
