/* The losses entry by entry, included by tiles.h once for each REAL: beta-divergences, whose parameter is beta, and
 * robust losses, quadratic up to a residual of their parameter and linear beyond. A model below NMF_LEAST is taken as
 * NMF_LEAST, which no X whose largest entry lies in [1, 4) can tell from 0.
 *
 * A loss differs from another one in two lines: its parts p and q in `ratio_row`, its value in `divergence_row`. Robust
 * losses are least squares with weights that touch the loss from above (iteratively reweighted least squares). The
 * absolute value is quadratic near 0, since a weight of 1 / |r| has no bound. */
#define NMF_LEAST ((REAL)(sizeof(REAL) == 8 ? 1e-150 : 1e-18)) /* its inverse square is finite, for beta >= 0 */

#define NMF_LEAST_OF(kind) ((kind) == NMF_KULLBACK_LEIBLER ? NMF_LEAST_MODEL(REAL) : NMF_LEAST)

/* 1 / y and x / y for y from NMF_LEAST_MODEL to its inverse, to a unit in the last place. */
NMF_INLINE NAME(vec) NAME(inverse)(NAME(vec) y) {
#if NMF_GUESSES
    NAME(vec) r = NAME(guess)(y);
    if (sizeof(REAL) == 8) r += r * (1 - y * r);
    return r + r * (1 - y * r);
#else
    return 1 / y;
#endif
}

NMF_INLINE NAME(vec) NAME(quotient)(NAME(vec) x, NAME(vec) y) {
#if NMF_GUESSES
    NAME(vec) r = NAME(guess)(y), q;
    if (sizeof(REAL) == 8) r += r * (1 - y * r);
    q = x * r;
    return q + r * (x - y * q);
#else
    return x / y;
#endif
}

/* The model between `least`, which also replaces a NaN, and the inverse of NMF_LEAST_MODEL. */
NMF_INLINE NAME(vec) NAME(positive_model)(NAME(vec) v, REAL least) {
    const NAME(vec) lower = (NAME(vec)){0} + least, upper = (NAME(vec)){0} + 1 / NMF_LEAST_MODEL(REAL);
#if NMF_GUESSES
    return NAME(smaller)(NAME(larger)(v, lower), upper);
#else
    return NAME(between)(v, lower, upper);
#endif
}

/* ratio[r] <- ratio[r] / model[r] for Kullback-Leibler; each step is taken for all r, to hide its latency. */
NMF_INLINE void NAME(ratios_of)(const int n, const NAME(vec) *model, NAME(vec) *ratio) {
    NAME(vec) y[NMF_SHARE_LINES];
    for (int r = 0; r < n; r++) y[r] = NAME(positive_model)(model[r], NMF_LEAST_MODEL(REAL));
#if NMF_GUESSES
    NAME(vec) guess[NMF_SHARE_LINES], q[NMF_SHARE_LINES];
    for (int r = 0; r < n; r++) guess[r] = NAME(guess)(y[r]);
    if (sizeof(REAL) == 8)
        for (int r = 0; r < n; r++) guess[r] += guess[r] * (1 - y[r] * guess[r]);
    for (int r = 0; r < n; r++) q[r] = ratio[r] * guess[r];
    for (int r = 0; r < n; r++) ratio[r] = q[r] + guess[r] * (ratio[r] - y[r] * q[r]);
#else
    for (int r = 0; r < n; r++) ratio[r] = ratio[r] / y[r];
#endif
}

/* The two parts p - q of minus the derivative by the model, for n entries, x times scale. Beta-divergences:
 * p = x v^(beta - 2), q = v^(beta - 1), which is not written for beta = 1. Robust losses: p = w x, q = w v, w being the
 * weight of half the squared residual that touches the loss from above. */
static void NAME(ratio_row)(int kind, const REAL *restrict x, const REAL *restrict v, ptrdiff_t n, double scale,
                            double parameter, REAL *restrict p, REAL *restrict q) {
    enum { LANES = NMF_LANES(REAL) };
    const REAL least = NMF_LEAST_OF(kind), s = (REAL)scale, limit = (REAL)parameter;
    ptrdiff_t done = 0;
    if (kind == NMF_KULLBACK_LEIBLER)
        for (; done + LANES <= n; done += LANES)
            NAME(store)(p + done, NAME(quotient)(s * NAME(load)(x + done),
                                                 NAME(positive_model)(NAME(load)(v + done), least)));
    else if (kind == NMF_ITAKURA_SAITO)
        for (; done + LANES <= n; done += LANES) {
            NAME(vec) power = NAME(inverse)(NAME(positive_model)(NAME(load)(v + done), least));
            NAME(store)(p + done, s * NAME(load)(x + done) * power * power);
            NAME(store)(q + done, power);
        }
#define NMF_EACH(...)                                 \
    for (ptrdiff_t j = done; j < n; j++) {            \
        REAL y = v[j] > least ? v[j] : least, power; \
        (void)power, (void)y;                         \
        __VA_ARGS__;                                  \
    }
    switch (kind) {
    case NMF_ITAKURA_SAITO: NMF_EACH(power = 1 / y; p[j] = s * x[j] * power * power; q[j] = power) break;
    case NMF_KULLBACK_LEIBLER: NMF_EACH(p[j] = s * x[j] / y) break;
    case NMF_HALF: NMF_EACH(power = 1 / NMF_SQRT(y); p[j] = s * x[j] * power / y; q[j] = power) break;
    case NMF_THREE_HALVES: NMF_EACH(power = NMF_SQRT(y); p[j] = s * x[j] / power; q[j] = power) break;
    case NMF_LEAST_SQUARES: NMF_EACH(p[j] = s * x[j]; q[j] = v[j]) break;
    case NMF_HUBER:
        NMF_EACH(power = NMF_ABS(s * x[j] - v[j]); power = limit / (power > limit ? power : limit);
                 p[j] = power * (s * x[j]); q[j] = power * v[j])
        break;
    case NMF_ABSOLUTE:
        NMF_EACH(power = NMF_ABS(s * x[j] - v[j]); power = 1 / (power > limit ? power : limit);
                 p[j] = power * (s * x[j]); q[j] = power * v[j])
        break;
    default: NMF_EACH(power = (REAL)pow(y, parameter - 1); p[j] = s * x[j] * power / y; q[j] = power) break;
    }
#undef NMF_EACH
}

/* p and q of n entries times their weights; for Kullback-Leibler q becomes the weight. Where a weight is 0, both become
 * 0, even if they were NaN. */
static void NAME(weigh_ratio)(int kind, const REAL *restrict w, ptrdiff_t n, REAL *restrict p, REAL *restrict q) {
    for (ptrdiff_t j = 0; j < n; j++) {
        p[j] = w[j] > 0 ? w[j] * p[j] : 0;
        q[j] = kind == NMF_KULLBACK_LEIBLER ? w[j] : w[j] > 0 ? w[j] * q[j] : 0;
    }
}

#if NMF_GUESSES
/* Sum of a log(a / v) - a + v over n entries, a being scale x, and infinite where v is 0 and a is not. p: the ratios,
 * used in double. */
static double NAME(share_value)(const REAL *x, const REAL *v, const REAL *p, ptrdiff_t n, double scale) {
    const nmf_middles middles = nmf_middles_of(-1);
    const __m512d one = _mm512_set1_pd(1);
    __m512d sum = _mm512_setzero_pd(), smallest = one;
    for (ptrdiff_t j = 0; j < n; j += 8) {
        __mmask8 there = nmf_there(n - j);
        __m512d model = NAME(widened)(there, v + j), a = scale * NAME(widened)(there, x + j), ratio;
        if (sizeof(REAL) == sizeof(double))
            ratio = NAME(widened)(there, p + j);
        else
            ratio = quotient_f64(a, positive_model_f64(model, NMF_LEAST_MODEL(REAL)));
        smallest = _mm512_mask_min_pd(smallest, there, smallest, model);
        sum += a * nmf_logs(ratio, middles) + model;
    }
    if (!(_mm512_reduce_min_pd(smallest) > 0))
        for (ptrdiff_t j = 0; j < n; j++)
            if (!(v[j] > 0) && scale * x[j] > 0) return HUGE_VAL;
    return _mm512_reduce_add_pd(sum);
}
#endif

/* Sum of the loss of (scale x, v), times the weights w unless w is NULL, over n entries, in float64. In double x / v is
 * not computed again: for Kullback-Leibler it is p, and for Itakura-Saito x q. */
static double NAME(divergence_row)(int kind, const REAL *x, const REAL *v, const REAL *p, const REAL *q, ptrdiff_t n,
                                   double scale, double parameter, const REAL *w) {
    enum { LANES = 8, SAME = sizeof(REAL) == sizeof(double) };
    double term[NMF_MOST_ALONG], sum[LANES] = {0}, total = 0;
    const double least = NMF_LEAST_OF(kind), beta = parameter, half = 1 / (beta * (beta - 1));
    const int steep = kind == NMF_ITAKURA_SAITO || kind == NMF_HALF || (kind == NMF_ANY_BETA && beta < 1);
#define NMF_EACH(...)                          \
    for (ptrdiff_t j = 0; j < count; j++) {    \
        double a = scale * x[j], y = v[j];     \
        y = y > least ? y : least;             \
        __VA_ARGS__;                           \
    }
#if NMF_GUESSES
    if (kind == NMF_KULLBACK_LEIBLER && !w) return NAME(share_value)(x, v, p, n, scale);
#endif
    for (; n > 0; n -= NMF_MOST_ALONG) {
        const ptrdiff_t count = n < NMF_MOST_ALONG ? n : NMF_MOST_ALONG, whole = (count + LANES - 1) / LANES * LANES;
        switch (kind) {
        case NMF_ITAKURA_SAITO:
#if NMF_GUESSES
            NMF_EACH(term[j] = SAME ? a * q[j] : a / y)
            for (ptrdiff_t j = count; j < whole; j++) term[j] = 1;
            nmf_log_row(term, whole);
            NMF_EACH(term[j] = (SAME ? a * q[j] : a / y) - term[j] - 1)
#else
            NMF_EACH(y = SAME ? a * q[j] : a / y; term[j] = y - nmf_log(y) - 1)
#endif
            break;
        case NMF_KULLBACK_LEIBLER: /* nmf_log(0) is finite */
            NMF_EACH(term[j] = a * nmf_log(SAME ? p[j] : a / y) - a + (v[j] > 0 || a == 0 ? y : HUGE_VAL))
            break;
        case NMF_HALF: NMF_EACH(term[j] = 2 * (sqrt(a) - sqrt(y)) * (sqrt(a) - sqrt(y)) / sqrt(y)) break;
        case NMF_THREE_HALVES:
            NMF_EACH(term[j] = 4 / 3.0 * (a * sqrt(a) + 0.5 * y * sqrt(y) - 1.5 * a * sqrt(y)))
            break;
        case NMF_LEAST_SQUARES: NMF_EACH(y = a - v[j]; term[j] = 0.5 * y * y) break;
        case NMF_HUBER: /* beta is the residual where it becomes linear */
            NMF_EACH(y = fabs(a - v[j]); term[j] = 0.5 * (y < beta ? y * y : beta * (2 * y - beta)))
            break;
        case NMF_ABSOLUTE: NMF_EACH(y = fabs(a - v[j]); term[j] = y < beta ? 0.5 * (y * y / beta + beta) : y) break;
        default: NMF_EACH(term[j] = half * (pow(a, beta) + ((beta - 1) * y - beta * a) * pow(y, beta - 1))) break;
        }
        if (steep) /* a model of 0 where X is not 0 is infinitely far */
            for (ptrdiff_t j = 0; j < count; j++) term[j] = v[j] > 0 || x[j] == 0 ? term[j] : HUGE_VAL;
        if (w)
            for (ptrdiff_t j = 0; j < count; j++) term[j] = w[j] > 0 ? w[j] * term[j] : 0;
        for (ptrdiff_t j = count; j < whole; j++) term[j] = 0;
        for (ptrdiff_t j = 0; j < whole; j += LANES)
            for (int l = 0; l < LANES; l++) sum[l] += term[j + l];
        x += count, v += count, p += count, q += count;
        if (w) w += count;
    }
#undef NMF_EACH
    for (int l = 0; l < LANES; l++) total += sum[l];
    return total;
}

/* The Kullback-Leibler half-step for few components, without a block of ratios in between: sums[r, c, :] += p b[c, :]
 * for `lines` lines of n entries of X, a multiple of the lanes of a vector, with the model f[r, :] b. Writes the models
 * and the ratios p line after line, unless ratios is NULL. The lines go side by side through every step, to hide its
 * latency. */
NMF_INLINE void NAME(share_lines_of)(const int k, const int lines, const REAL *x, ptrdiff_t x_stride, REAL s,
                                     const REAL *f, const REAL *b, ptrdiff_t b_stride, ptrdiff_t n, REAL *sums,
                                     REAL *models, REAL *ratios) {
    enum { LANES = NMF_LANES(REAL) };
    NAME(vec) sum[NMF_SHARE_LINES][NMF_SHARE_MOST], row[NMF_SHARE_MOST], model[NMF_SHARE_LINES], ratio[NMF_SHARE_LINES];
    for (int r = 0; r < lines; r++)
        for (int c = 0; c < k; c++) sum[r][c] = NAME(load)(sums + (r * k + c) * LANES);
    for (ptrdiff_t j = 0; j < n; j += LANES) {
        for (int c = 0; c < k; c++) row[c] = NAME(load)(b + c * b_stride + j);
        for (int r = 0; r < lines; r++) model[r] = f[r * k] * row[0], ratio[r] = s * NAME(load)(x + r * x_stride + j);
        for (int c = 1; c < k; c++)
            for (int r = 0; r < lines; r++) model[r] += f[r * k + c] * row[c];
        NAME(ratios_of)(lines, model, ratio);
        if (ratios)
            for (int r = 0; r < lines; r++)
                NAME(store)(models + r * n + j, model[r]), NAME(store)(ratios + r * n + j, ratio[r]);
        for (int c = 0; c < k; c++)
            for (int r = 0; r < lines; r++) sum[r][c] += ratio[r] * row[c];
    }
    for (int r = 0; r < lines; r++)
        for (int c = 0; c < k; c++) NAME(store)(sums + (r * k + c) * LANES, sum[r][c]);
}

/* The same across lines, for a vector of entries of each: sums[c, :] += b[i, c] p over the lines i. Writes the scaled
 * entries, too. */
NMF_INLINE void NAME(share_across_of)(const int k, const REAL *x, ptrdiff_t x_stride, REAL s, const REAL *f,
                                      ptrdiff_t f_stride, const REAL *b, ptrdiff_t lines, REAL *sums, REAL *entries,
                                      REAL *models, REAL *ratios) {
    enum { LANES = NMF_LANES(REAL) };
    NAME(vec) sum[NMF_SHARE_MOST], own[NMF_SHARE_MOST], model[NMF_SHARE_LINES], ratio[NMF_SHARE_LINES];
    for (int c = 0; c < k; c++) {
        own[c] = NAME(load)(f + c * f_stride);
        sum[c] = NAME(load)(sums + c * LANES);
    }
#define NMF_LINES(lines)                                                                                          \
    do {                                                                                                          \
        for (int r = 0; r < lines; r++)                                                                           \
            model[r] = b[r * k] * own[0], ratio[r] = s * NAME(load)(x + r * x_stride);                            \
        for (int c = 1; c < k; c++)                                                                               \
            for (int r = 0; r < lines; r++) model[r] += b[r * k + c] * own[c];                                    \
        if (ratios)                                                                                               \
            for (int r = 0; r < lines; r++, entries += LANES) NAME(store)(entries, ratio[r]);                     \
        NAME(ratios_of)(lines, model, ratio);                                                                     \
        if (ratios)                                                                                               \
            for (int r = 0; r < lines; r++, models += LANES, ratios += LANES)                                     \
                NAME(store)(models, model[r]), NAME(store)(ratios, ratio[r]);                                     \
        for (int r = 0; r < lines; r++)                                                                           \
            for (int c = 0; c < k; c++) sum[c] += b[r * k + c] * ratio[r];                                        \
        b += lines * k, x += lines * x_stride;                                                                    \
    } while (0)
    for (; lines >= NMF_SHARE_LINES; lines -= NMF_SHARE_LINES) NMF_LINES(NMF_SHARE_LINES);
    for (; lines > 0; lines--) NMF_LINES(1);
#undef NMF_LINES
    for (int c = 0; c < k; c++) NAME(store)(sums + c * LANES, sum[c]);
}

#define NMF_EACH_K(NMF_CASE) \
    switch (k) { NMF_CASE(1) NMF_CASE(2) NMF_CASE(3) NMF_CASE(4) NMF_CASE(5) NMF_CASE(6) NMF_CASE(7) NMF_CASE(8) }

static void NAME(share_lines)(ptrdiff_t k, ptrdiff_t lines, const REAL *x, ptrdiff_t x_stride, double scale,
                              const REAL *f, const REAL *b, ptrdiff_t b_stride, ptrdiff_t n, REAL *sums,
                              REAL *models, REAL *ratios) {
    const REAL s = (REAL)scale;
#define NMF_CASE(k)                                                                                              \
    case k:                                                                                                      \
        if (lines == 1)                                                                                          \
            NAME(share_lines_of)(k, 1, x, x_stride, s, f, b, b_stride, n, sums, models, ratios);          \
        else                                                                                                     \
            NAME(share_lines_of)(k, NMF_SHARE_LINES, x, x_stride, s, f, b, b_stride, n, sums, models, ratios); \
        break;
    NMF_EACH_K(NMF_CASE)
#undef NMF_CASE
}

static void NAME(share_across)(ptrdiff_t k, const REAL *x, ptrdiff_t x_stride, double scale, const REAL *f,
                               ptrdiff_t f_stride, const REAL *b, ptrdiff_t lines, REAL *sums, REAL *entries,
                               REAL *models, REAL *ratios) {
    const REAL s = (REAL)scale;
#define NMF_CASE(k)                                                                                              \
    case k:                                                                                                      \
        NAME(share_across_of)(k, x, x_stride, s, f, f_stride, b, lines, sums, entries, models, ratios);   \
        break;
    NMF_EACH_K(NMF_CASE)
#undef NMF_CASE
}
#undef NMF_EACH_K

/* out[i] = the sum of the lanes of vector i of n. */
static void NAME(add_lanes)(const REAL *sums, ptrdiff_t n, REAL *out) {
    enum { LANES = NMF_LANES(REAL) };
    for (ptrdiff_t i = 0; i < n; i++) {
        REAL lanes[LANES];
        NAME(store)(lanes, NAME(load)(sums + i * LANES));
        for (int half = LANES / 2; half > 0; half /= 2)
            for (int l = 0; l < half; l++) lanes[l] += lanes[l + half];
        out[i] = lanes[0];
    }
}

/* The multiplicative update of n coordinates, f <- max(floor, f (num / den)^gamma), within the bounds unless they are
 * NULL; where den is 0, f stays. Returns the sum of den (change)^2 / f. */
static double NAME(multiply_row)(REAL *restrict f, const REAL *restrict num, const REAL *restrict den,
                                 const double *restrict floor, const REAL *lower, const REAL *upper, ptrdiff_t n,
                                 double gamma) {
    enum { LANES = 8 };
    double old[NMF_MOST_ALONG], new[NMF_MOST_ALONG], moved[NMF_MOST_ALONG], sum[LANES] = {0}, total = 0;
    for (; n > 0; n -= NMF_MOST_ALONG) {
        const ptrdiff_t count = n < NMF_MOST_ALONG ? n : NMF_MOST_ALONG;
        for (ptrdiff_t t = 0; t < count; t++) new[t] = (double)num[t] / den[t];
        if (gamma == 0.5)
            for (ptrdiff_t t = 0; t < count; t++) new[t] = sqrt(new[t]);
        else if (gamma != 1)
            for (ptrdiff_t t = 0; t < count; t++) new[t] = pow(new[t], gamma);
        for (ptrdiff_t t = 0; t < count; t++) {
            new[t] = den[t] > 0 ? f[t] * new[t] : f[t];
            new[t] = new[t] > floor[t] ? new[t] : floor[t];
        }
        if (lower)
            for (ptrdiff_t t = 0; t < count; t++) {
                new[t] = new[t] > lower[t] ? new[t] : lower[t];
                new[t] = new[t] < upper[t] ? new[t] : upper[t];
            }
        for (ptrdiff_t t = 0; t < count; t++) {
            double step = new[t] - f[t];
            old[t] = f[t];
            moved[t] = old[t] > 0 ? den[t] * step * step : 0;
            f[t] = (REAL)new[t];
        }
        nmf_divide_row(moved, old, count);
        for (ptrdiff_t t = count; t % LANES; t++) moved[t] = 0;
        for (ptrdiff_t t = 0; t < count; t += LANES)
            for (int l = 0; l < LANES; l++) sum[l] += moved[t + l];
        f += count, num += count, den += count, floor += count;
        if (lower) lower += count, upper += count;
    }
    for (int l = 0; l < LANES; l++) total += sum[l];
    return total;
}

/* Sum of den |min(f, mean (1 - num / den))| over a row, with the step cut where it leaves the bounds; adds up f num. */
static double NAME(split_kkt_row)(const REAL *f, const REAL *num, const REAL *den, const REAL *lower, const REAL *upper,
                                  const double *mean, ptrdiff_t n, double *whole) {
    double sum = 0;
    for (ptrdiff_t t = 0; t < n; t++) {
        *whole += (double)f[t] * num[t];
        if (den[t] > 0) {
            double step = mean[t] * (1 - (double)num[t] / den[t]);
            double most = (double)f[t] - (lower ? lower[t] : 0), least = upper ? (double)f[t] - upper[t] : -HUGE_VAL;
            step = most < step ? most : step;
            step = least > step ? least : step;
            sum += den[t] * fabs(step);
        }
    }
    return sum;
}

static void NAME(add_row)(const REAL *restrict f, ptrdiff_t n, double *restrict sum) {
    for (ptrdiff_t t = 0; t < n; t++) sum[t] += f[t];
}

/* A step of online updates of n coordinates: a <- rho a + f^(1/gamma) num, b <- rho b + den (where den is not NULL),
 * f <- (a / b)^gamma. Below least f and a become 0, since they would decay for ever. Where b is 0, f stays. Adds up the
 * squares of the changes and of the new f. */
static void NAME(accumulate_row)(REAL *restrict f, const REAL *restrict num, const REAL *restrict den, REAL *restrict a,
                                 REAL *restrict b, const double *restrict least, ptrdiff_t n, double rho, double gamma,
                                 double *changes, double *sizes) {
    enum { LANES = 8 };
    const REAL keep = (REAL)rho;
    double change[NMF_MOST_ALONG], size[NMF_MOST_ALONG], moved[LANES] = {0}, whole[LANES] = {0};
    while (n > 0) {
        ptrdiff_t count = n < NMF_MOST_ALONG ? n : NMF_MOST_ALONG;
        for (ptrdiff_t t = 0; t < count; t++) {
            REAL old = f[t], new, sum;
            if (den) b[t] = keep * b[t] + den[t];
            sum = keep * a[t] + (gamma == 1 ? old : (REAL)pow(old, 1 / gamma)) * num[t];
            new = sum / b[t];
            new = gamma == 1 ? new : (REAL)pow(new, gamma);
            new = b[t] > 0 ? new : old;
            a[t] = new < least[t] ? 0 : sum;
            f[t] = new < least[t] ? 0 : new;
            size[t] = f[t], change[t] = size[t] - old;
        }
        for (ptrdiff_t t = count; t % LANES; t++) change[t] = size[t] = 0;
        for (ptrdiff_t t = 0; t < count; t += LANES)
            for (int l = 0; l < LANES; l++)
                moved[l] += change[t + l] * change[t + l], whole[l] += size[t + l] * size[t + l];
        f += count, num += count, a += count, b += count, least += count, n -= count;
        if (den) den += count;
    }
    for (int l = 0; l < LANES; l++) *changes += moved[l], *sizes += whole[l];
}

#undef NMF_LEAST
#undef NMF_LEAST_OF
